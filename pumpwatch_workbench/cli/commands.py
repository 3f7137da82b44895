"""The commands by name. A command's module is imported only when the command is typed.

A new command is a line in `COMMANDS`, and a module of this package with a function of that name; to
a word of Python's, such as `import`, both add an underscore.
The function's docstring is the help: it begins with the line in the table, and ends with a section
"Examples:".
"""

from __future__ import annotations

import inspect
from collections import UserDict
from functools import cache
from importlib import import_module
from keyword import iskeyword
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from pumpwatch.errors import BadInput

FIRST, OPERATE = "Start here", "Paper trading and deployed stacks"
RESEARCH, BENCH = "Research", "Test bench"
STUDIES = "Studies, in a checkout only"

COMMANDS = {
    "run": (FIRST, "Play a simulated market against both functions and report what they did."),
    "paper": (FIRST, "Trade on paper with Bybit's real market data: no key, no account, no AWS."),
    "desk": (FIRST, "Detect and trade from this machine: on paper, on Bybit's demo host or live."),
    "report": (FIRST, "Report on events, trades, protections and runs of an installation."),
    "status": (OPERATE, "Show what a desk on this machine, or a deployed stack, is doing."),
    "dashboard": (OPERATE, "Show an installation in a browser while it works, and act there."),
    "halt": (OPERATE, "Stop entries from the next run on; exits and stops go on."),
    "resume": (OPERATE, "Allow entries again; protections look back no further than this moment."),
    "close": (
        OPERATE,
        "Close the open trade of a symbol at market, also while entries are halted.",
    ),
    "doctor": (OPERATE, "Check a desk on this machine before it starts, or a deployed stack."),
    "backfill": (OPERATE, "Fetch the candle history that the rule needs into a stack's bucket."),
    "costs": (OPERATE, "Compute dollars a month at list prices, without a free tier, by service."),
    "config": (OPERATE, "Make, check and show a configuration, and bring it to a stack."),
    "download": (RESEARCH, "Download one-minute candles of USDT perpetuals. Needs no key."),
    "import": (RESEARCH, "Make a folder of recorded candles from files of other programs."),
    "backtest": (RESEARCH, "Trade a strategy on recorded candles, with all costs."),
    "tune": (RESEARCH, "Search settings that would have made money; say how far to trust them."),
    "compare": (RESEARCH, "Explain real trades by a simulation of the same period."),
    "evaluate": (RESEARCH, "Score rules event by event on recorded markets."),
    "train": (RESEARCH, "Train the rule `boosted`; the same folder gives the same file."),
    "simulator": (BENCH, "Serve a simulated Bybit V5 exchange on 127.0.0.1 until interrupted."),
    "campaign": (STUDIES, "Trade in seeded worlds full of faults and check trading's promise."),
    "scale": (
        STUDIES,
        "Measure detect's tick over markets of several sizes: CPU, requests, memory.",
    ),
}
STATUSES = "Exit status: 0 good, 1 found a problem, 2 bad input, 70 a bug, 130 interrupted."


class CommandGroup(TyperGroup):
    """Lists the commands from the table and loads the typed command."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._listed = {
            name: TyperCommand(name, help=summary, rich_help_panel=panel)
            for name, (panel, summary) in COMMANDS.items()
        }
        self.commands = _Commands(self._listed)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """Return what `pumpwatch --help` shows of a command."""
        return self._listed.get(cmd_name)

    def resolve_command(
        self, ctx: Any, args: list[str]
    ) -> tuple[str | None, TyperCommand | None, list[str]]:
        """Return the name, the whole command and the rest of the words."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name else None, rest


class _Commands(UserDict[str, Any]):
    """The listed commands, each loaded when it is looked up."""

    def __getitem__(self, name: str) -> TyperCommand:
        return load_command(name)


@cache
def load_command(name: str) -> TyperCommand:
    """Import a command. Raises `BadInput` for a study outside a checkout."""
    is_study = COMMANDS[name][0] == STUDIES
    own = f"{name}_" if iskeyword(name) else name
    try:
        module = import_module(f"studies.{name}.command" if is_study else f"{__package__}.{own}")
    except ModuleNotFoundError as error:
        if is_study and str(error.name).startswith("studies"):
            raise BadInput(f"{name} is a study: it works in a checkout of Pumpwatch only") from None
        if str(error.name).startswith(__package__.partition(".")[0]):
            raise
        # The image of the bot leaves large libraries out.
        raise BadInput(
            f"{name} needs {error.name}, which is not installed: copy the store and run it where"
            " all of Pumpwatch is"
        ) from None
    function = getattr(module, own)
    text, _, examples = inspect.cleandoc(function.__doc__).partition("\n\nExamples:\n")
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(
        name,
        # Each paragraph is as wide as the terminal.
        help="\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n")),
        epilog=f"Examples:\n{examples}\n\n{STATUSES}",
        rich_help_panel=COMMANDS[name][0],
    )(function)
    return cast(TyperCommand, typer.main.get_command(app))
