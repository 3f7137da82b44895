"""Settings of a backtest: the functions' own, and those that have to be assumed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pumpwatch.errors import SettingsError
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import OF_THE_DEPLOYMENT, unknown
from pumpwatch.settings.shared import SharedSettings, load_settings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.configuration.load import read_file, refuse_taken_names

CHOSEN = ("strategy", "detector")
"""Settings with an option of their own."""

WITHOUT_EFFECT = (
    OF_THE_DEPLOYMENT
    | SharedSettings.model_fields.keys()
    | {
        "detector",
        "symbols",
        "symbols_excluded",
        "excluded_symbol_types",
        "requests_per_second",
        "max_candidates",
        "refresh_symbols",
        "strategy",
        "max_signal_age_seconds",
        "stop_trigger",
        "settling_seconds",
        "incident_failure_fraction",
        "incident_min_requests",
        "incident_pause_minutes",
        "max_data_age_seconds",
        "paper_slippage",
    }
)
"""Settings of the functions that candles cannot show, or that have an option of their own."""

PLACES = {"table_name": "backtest", "bucket_name": "backtest"}
"""A backtest has neither; the settings ask for them."""


class Assumptions(BaseModel):
    """Values that candles do not tell, all assumed against the account."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    spread: Annotated[Decimal, Field(ge=0, le=Decimal("0.1"))] = Decimal("0.001")
    """Ask less bid, as a share of the price."""
    slippage_of_range: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.05")
    """Share of the candle's range (high less low) by which an order fills worse."""
    slippage_of_turnover: Annotated[Decimal, Field(ge=0, le=10)] = Decimal("0.1")
    """The price moves by this, times the share of the candle's turnover that the order takes."""
    max_turnover_share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.1")
    """Most that we take of a candle's turnover; the rest of an entry is not filled."""
    delay_candles: Annotated[int, Field(ge=1, le=10)] = 1
    """Candles from the one that gave the signal to the one at whose open an order fills."""
    funding_rate: Annotated[Decimal, Field(ge=0, le=Decimal("0.04"))] = Decimal("0.0001")
    """Share of the notional that a position pays at each funding, whatever its side."""
    resume_hours: Annotated[int, Field(ge=1, le=8760)] = 24
    """Time from a halt until a person resumes."""


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """Everything that decides a backtest's result, apart from the candles."""

    detect: DetectSettings
    trade: TradeSettings
    assumed: Assumptions

    @property
    def changed(self) -> dict[str, str]:
        """Return the settings that differ from their defaults, as text."""
        changed: dict[str, str] = {}
        for part in (self.detect, self.trade, self.assumed):
            kind = type(part)
            for name in kind.model_fields:
                value = getattr(part, name)
                if name in settable() and value != kind.model_fields[name].default:
                    changed[name] = str(value)
        return changed


def settable() -> dict[str, type[BaseModel]]:
    """Return the names that `--set` takes, each with the class that holds it."""
    return {
        name: kind
        for kind in (DetectSettings, TradeSettings, Assumptions)
        for name in kind.model_fields
        if name not in WITHOUT_EFFECT
    }


def settings_of_file(config: Path | None) -> dict[str, str]:
    """Return a file's settings that a backtest has, with strategy and detector.

    Only a file that was named: one that is found would change results silently. Raises `BadInput`.
    """
    known = {*settable(), *CHOSEN}
    given = read_file(config) if config is not None else {}
    return {name: value.text for name, value in given.items() if name in known}


def read_settings(
    pairs: dict[str, str], *, strategy: str | None = None, detector: str | None = None
) -> BacktestSettings:
    """Return the settings with some of them changed; those that are not named keep their default.

    Strategy and detector may be among the pairs too. Raises `SettingsError` that names an unknown
    setting, or one out of range.
    """
    refuse_taken_names()
    known = settable()
    for name in pairs:
        if name not in known and name not in CHOSEN:
            raise SettingsError(f"--set: {unknown(name, known, 'a backtest has')}")
    chosen = {"strategy": strategy, "detector": detector}
    given = pairs | PLACES | {name: text for name, text in chosen.items() if text}
    variables = {name.upper(): text for name, text in given.items()}
    shown = {name: f"--set {name}" for name in pairs} | {name: f"--{name}" for name in CHOSEN}
    return BacktestSettings(
        load_settings(DetectSettings, variables, shown),
        load_settings(TradeSettings, variables, shown),
        load_settings(Assumptions, variables, shown),
    )
