"""Options that several commands share, so that they are named and described alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pumpwatch.domain.trading.strategies import EVIDENCE, with_evidence
from pumpwatch.errors import BadInput

RULES = ("boosted", "ewma", "karbalaii")
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")
]
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of recorded candles, see docs/data-format.md.")
]
LabelledFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of labelled pumps, see docs/data-format.md.")
]
Replay = Annotated[Path | None, typer.Option(help="Folder of recorded candles to play instead.")]
Symbols = Annotated[int, typer.Option(help="USDT perpetuals in the market, 1 to 2000.")]
DetectorOption = Annotated[
    str | None,
    typer.Option(
        *("--rule", "--detector"),
        metavar="NAME",
        help="boosted (the default), ewma, karbalaii, or your own: module:Class.",
        autocompletion=lambda: RULES,
    ),
]
KNOWN = " ".join(map(with_evidence, EVIDENCE))
StrategyOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"What to do about a pump; fade by default, live must name it. {KNOWN} Or your own:"
        " module:Class.",
        autocompletion=lambda: list(EVIDENCE),
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable."),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Take settings of this pumpwatch.toml; --set wins over them."),
]
QuotePrice = Annotated[
    float | None,
    typer.Option(help="USDT per unit of the candles' quote currency; detected by default."),
]
ExportFolder = Annotated[
    Path | None,
    typer.Option("--export", metavar="DIR", help="Write trades, events and equity as tables."),
]
ReportPage = Annotated[Path, typer.Option(help="Where the report page goes.")]
Region = Annotated[
    str, typer.Option(help="AWS region; empty: that of your environment or profile.")
]
Confirm = Annotated[
    str | None,
    typer.Option(metavar="UID", help="The account's UID: live trades no other account."),
]
KeyFile = Annotated[
    Path | None, typer.Option(help="File or folder of the exchange's key, for demo and live.")
]
Keyring = Annotated[
    bool | None, typer.Option("--keyring", help="Take the key from the system's keyring.")
]
NotifyVariable = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the variable with the addresses of messengers."),
]
WebPort = Annotated[
    int | None, typer.Option("--web", metavar="PORT", help="Serve a live page; 0: a free port.")
]
DeskUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Which Bybit, or a simulator on this machine.")
]
BaseUrl = Annotated[
    str, typer.Option(metavar="URL", help="Which Bybit, or a simulator on this machine.")
]


def check_range(option: str, value: float, least: float, most: float) -> None:
    """Raise `BadInput` for a number outside the range."""
    if not least <= value <= most:
        raise BadInput(f"{option} is {value}: give a number from {least} to {most}")
