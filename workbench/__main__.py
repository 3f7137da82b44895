"""`python -m workbench` is the `pumpwatch` command."""

from workbench.cli.start import main

main()
