"""`python -m pumpwatch_workbench` is the `pumpwatch` command."""

from pumpwatch_workbench.cli.start import main

main()
