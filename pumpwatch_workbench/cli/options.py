"""Options that several commands share, so that they are named and described alike."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Detector(StrEnum):
    """The rules that can raise an alarm."""

    BOOSTED = "boosted"
    EWMA = "ewma"
    KARBALAII = "karbalaii"
    KAMPS_KLEINBERG = "kamps-kleinberg"


class Strategy(StrEnum):
    """What is done about a signal."""

    ALERT = "alert"
    FADE = "fade"
    RIDE = "ride"


AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")
]
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of recorded candles, see docs/data-format.md.")
]
LabelledFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of labelled pumps, see docs/data-format.md.")
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be given repeatedly."),
]
QuotePrice = Annotated[
    float | None,
    typer.Option(help="USDT per unit of the candles' quote currency; found out by default."),
]
Region = Annotated[
    str, typer.Option(help="AWS region; empty: that of your environment or profile.")
]
BaseUrl = Annotated[
    str, typer.Option(metavar="URL", help="Which Bybit, or a simulator on this machine.")
]


def checked_address(option: str, url: str) -> str:
    """Return the address if the functions would accept it too. Raises `BadInput`."""
    from pumpwatch.errors import BadInput, SettingsError  # noqa: PLC0415 - slow imports
    from pumpwatch.settings.shared import SharedSettings, load_settings  # noqa: PLC0415

    try:
        settings = load_settings(SharedSettings, {"TABLE_NAME": "none", "BYBIT_BASE_URL": url})
    except SettingsError:
        raise BadInput(
            f"{option} is {url!r}: give one of Bybit's own hosts, such as https://api.bybit.com,"
            " or a loopback address"
        ) from None
    return settings.bybit_base_url
