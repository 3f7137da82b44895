"""`pumpwatch paper`: the short form of `pumpwatch desk --mode paper`."""

from __future__ import annotations

from inspect import signature
from typing import Any

from pumpwatch_workbench.cli.desk import desk

OF_AN_ACCOUNT = ("mode", "confirm", "key_file", "keyring")


def paper(**options: Any) -> None:
    """Trade on paper with Bybit's real market data: no key, no account, no AWS.

    The short form of pumpwatch desk --mode paper: scans the market every 5 seconds and trades as a
    deployed stack does, with all its protections. Other settings come from the environment and
    pumpwatch.toml, see docs/configuration.md.

    Ctrl-C ends it after the tick at hand with status 0; a second one ends it at once with 130.
    Exit status 1: no network at the start, or no tick that worked.

    Examples:
      pumpwatch paper
      pumpwatch paper --symbols BTCUSDT,DOGEUSDT --duration 8h
      pumpwatch paper --strategy fade --metrics-port 9108 --notify-env NOTIFY
    """
    desk(mode="paper", **options)


_long = signature(desk, eval_str=True)
_kept = [option for name, option in _long.parameters.items() if name not in OF_AN_ACCOUNT]
paper.__signature__ = _long.replace(parameters=_kept)  # type: ignore[attr-defined]
