"""The settings of the detect function, read from environment variables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .shared import OwnName, SharedSettings
from .symbols import SymbolChoice, symbol_list

SymbolList = Annotated[str, AfterValidator(symbol_list)]


class DetectSettings(SharedSettings):
    """The settings of the detect function."""

    bucket_name: Annotated[str, Field(min_length=3, max_length=63)]
    """The S3 bucket of the candle history."""
    detector: OwnName = "boosted"
    """The rule that raises the alarm: `boosted`, `ewma`, `karbalaii`, or one of your own."""
    symbols: SymbolList = ""
    """The symbols to watch, such as `BTCUSDT,1000*USDT`; empty: all."""
    symbols_excluded: SymbolList = ""
    """Symbols that are not watched although SYMBOLS names them."""
    excluded_symbol_types: str = "stock,commodity,forex,xstocks"
    """Comma-separated `symbolType`s of Bybit that are left out."""
    detector_clock: Literal["on", "off"] = "on"
    """`on`: `boosted` counts a full hour in favour of an alarm. `off`: for unannounced pumps."""
    scan_interval_seconds: Annotated[int, Field(ge=1, le=60)] = 5
    """Seconds between two scans of the market; at 60 only the minute's runs scan."""
    scan_queue_url: Annotated[str, Field(pattern=r"^(https?://.+)?$")] = ""
    """The queue that the scans between the minute's runs come from; empty: there are none."""
    requests_per_second: Annotated[int, Field(ge=1, le=110)] = 90
    """Bybit allows 120 a second per address; above it, every call is refused for ten minutes."""
    max_candidates: Annotated[int, Field(ge=1, le=200)] = 60
    """Candidates a scan asks candles of; those beyond it are deferred."""
    refresh_symbols: Annotated[int, Field(ge=1, le=60)] = 5
    """Symbols whose history is refreshed together, in each tick; more where a round takes long."""
    ewma_span_minutes: Annotated[int, Field(ge=10, le=43_200)] = 1440
    """Span of the moving mean and variance of the turnover, rule `ewma`."""
    ewma_turnover_z: Annotated[float, Field(gt=0, le=1000)] = 48.0
    """Standard deviations above the mean that a minute's turnover must reach, rule `ewma`."""
    ewma_jump: Annotated[float, Field(gt=0, le=10)] = 0.07
    """Rise of the minute's high over the last close that alarms, as a fraction, rule `ewma`."""
    ewma_epsilon_usdt: Annotated[float, Field(gt=0, le=1e6)] = 0.1
    """Floor of the turnover's standard deviation, USDT."""
    warm_up_minutes: Annotated[int, Field(ge=1, le=43_200)] = 1440
    """History a symbol needs before it can signal (one-minute rules)."""
    cooldown_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    """Minutes a symbol stays silent after an event is over."""

    @property
    def symbol_choice(self) -> SymbolChoice:
        """Return the symbols to watch."""
        lists = (self.symbols, self.symbols_excluded)
        return SymbolChoice(*(tuple(filter(None, text.split(","))) for text in lists))
