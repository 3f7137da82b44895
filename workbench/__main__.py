"""`python -m workbench` is the `pumpwatch` command."""

from workbench.cli.main import main

main()
