"""The `pumpwatch` command line. Each command lives in a module of its own and imports late.

Exit statuses: 0 good, 1 found a problem, 2 bad input.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from pumpwatch import __version__
from pumpwatch.errors import BadInput, PumpwatchError, SettingsError
from workbench.cli.backfill import backfill
from workbench.cli.backtest import backtest
from workbench.cli.campaign import campaign
from workbench.cli.compare import compare
from workbench.cli.costs import costs
from workbench.cli.download import download
from workbench.cli.evaluate import evaluate
from workbench.cli.operate import doctor, halt, resume, status
from workbench.cli.paper import paper
from workbench.cli.report import report
from workbench.cli.run import run
from workbench.cli.scale import scale
from workbench.cli.simulator import simulator
from workbench.cli.train import train
from workbench.cli.tune import tune

__all__ = ["app", "main"]

app = typer.Typer(
    help="Detect pump-and-dump events on Bybit and trade on them under hard limits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(paper)
app.command()(report)
app.command()(simulator)
app.command()(backfill)
app.command()(doctor)
app.command()(status)
app.command()(halt)
app.command()(resume)
app.command()(costs)
app.command()(scale)
app.command()(campaign)
app.command()(download)
app.command()(backtest)
app.command()(tune)
app.command()(compare)
app.command()(evaluate)
app.command()(train)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pumpwatch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; every error raised on purpose becomes one line and an exit status."""
    try:
        app()
    except (BadInput, SettingsError) as error:
        _fail(error, status=2)
    except PumpwatchError as error:
        _fail(error, status=1)
    except KeyboardInterrupt:
        _fail("interrupted", status=130)


def _fail(problem: object, *, status: int) -> NoReturn:
    typer.echo(f"pumpwatch: {problem}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
