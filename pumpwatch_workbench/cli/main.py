"""The `pumpwatch` command line: its own options, and how it reports an error.

`commands` lists the commands, `problems` has the exit statuses.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from pumpwatch import __version__
from pumpwatch_workbench.cli.commands import CommandGroup
from pumpwatch_workbench.cli.problems import (
    BAD_INPUT,
    BUG,
    GOOD,
    INTERRUPTED,
    NO_READER,
    describe,
    traceback_of,
)
from pumpwatch_workbench.cli.start import interruptions

EPILOG = (
    "Exit status of every command: 0 good, 1 found a problem, 2 bad input, 70 a bug in Pumpwatch,"
    " 130 interrupted with Ctrl-C, 141 broken pipe.\n\n"
    "Errors are one line on standard error. Colours are for terminals; NO_COLOR turns them off."
)
app = typer.Typer(
    name="pumpwatch",
    cls=CommandGroup,
    help="Detect pump-and-dump events on Bybit and trade on them under hard limits.",
    epilog=EPILOG,
    invoke_without_command=True,
    # A traceback is for --debug alone, and then without the values of variables.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(slots=True)
class TypedCommand:
    """Options that apply to every command."""

    debug: bool = False


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pumpwatch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    debug: bool = typer.Option(
        False, "--debug", envvar="PUMPWATCH_DEBUG", help="Show the traceback of an error."
    ),
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    if isinstance(context.obj, TypedCommand):
        context.obj.debug = debug
    if context.invoked_subcommand is None:
        context.get_help()
        raise typer.Exit(BAD_INPUT)


def run_program(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status. An error becomes one line."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    _tolerate_any_encoding()
    invocation = TypedCommand()
    try:
        result = app(typed, standalone_mode=False, prog_name="pumpwatch", obj=invocation)
        _flush()
        status = result if isinstance(result, int) else GOOD
        if status == INTERRUPTED:
            raise KeyboardInterrupt
    except BrokenPipeError:
        _write_no_more()
        return NO_READER
    except SystemExit as error:
        # typer and rich both end the program when nobody reads, as if it had found a problem.
        if isinstance(error.__context__, BrokenPipeError):
            _write_no_more()
            return NO_READER
        return error.code if isinstance(error.code, int) else BUG
    except typer.Abort:
        return _fail(KeyboardInterrupt(), typed, invocation)
    except BaseException as error:
        return _fail(KeyboardInterrupt() if interruptions else error, typed, invocation)
    return status


def _fail(error: BaseException, typed: Sequence[str], invocation: TypedCommand) -> int:
    line, status = describe(error, typed)
    try:
        if invocation.debug:
            typer.echo(traceback_of(error), err=True, nl=False)
        typer.echo(f"pumpwatch: {line}", err=True)
        _flush()
    except OSError:
        _write_no_more()
    return status


def _flush() -> None:
    """Write out what is buffered while a failure can still be reported."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _write_no_more() -> None:
    """Send the interpreter's last flush to /dev/null: it would fail and change the status."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())


def _tolerate_any_encoding() -> None:
    """Write what a terminal's encoding lacks as a question mark, never as an error."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
