"""Options of `pumpwatch desk`, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.cli.times import parse_duration
from pumpwatch_workbench.configuration.load import DeskSettings, load
from pumpwatch_workbench.local.home import home


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOptions:
    """One start of the desk."""

    desk: DeskSettings
    detect: DetectSettings
    trade: TradeSettings
    warnings: tuple[str, ...]
    """Variables of the environment that look like a misspelt setting."""
    store: Path
    duration: int | None
    """Milliseconds after which it ends by itself; None: until it is interrupted."""

    @property
    def mode(self) -> str:
        """Return paper, demo or live."""
        return self.desk.mode

    @property
    def period(self) -> int:
        """Return the milliseconds between two scans."""
        return self.detect.scan_interval_seconds * 1000


def desk_options(
    given: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    pairs: Mapping[str, str] | None = None,
) -> DeskOptions:
    """Return the options: those given, `pairs` of settings, the environment's, a file's.

    Names are those of settings, in lower case; None counts as not given. Raises `SettingsError`,
    `BadInput`.
    """
    loaded = load(given, pairs=pairs, file=file, environment=environment)
    desk, trade = loaded.desk, loaded.trade
    if not trade.leaves_time_to_enter:
        raise BadInput(trade.no_time_to_enter)
    length = loaded.given.get("duration")
    return DeskOptions(
        desk=desk,
        detect=loaded.detect,
        trade=trade,
        warnings=loaded.warnings,
        store=Path(desk.store) if desk.store else home() / f"{desk.mode}.db",
        duration=parse_duration(length.shown, length.text) if length else None,
    )
