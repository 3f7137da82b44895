"""The settings of the trade function, read from environment variables."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field
from pydantic import model_validator as validate

from pumpwatch.domain.trading.weekly_hours import WeeklyHours
from pumpwatch.hosts import DEMO_HOSTS

from .shared import LOOPBACK, OwnName, SecretArn, SharedSettings

LONGEST_REQUEST_SECONDS = 4.6
"""Five requests in sequence, an entry at its slowest, and two seconds fit into a run of 25."""

Fraction = Annotated[Decimal, Field(gt=0, le=1)]
StopFraction = Annotated[Decimal, Field(ge=Decimal("0.001"), le=Decimal("0.5"))]
"""Distance of a stop: nearer than a thousandth it would fire at once."""


class TradeSettings(SharedSettings):
    """The settings of the trade function."""

    trading_mode: Literal["paper", "demo", "live"] = "paper"
    """Paper: orders are simulated at the book's prices. Demo: a demo account. Live: real money."""
    live_trading_confirmation: Annotated[str, Field(pattern=r"^[0-9]*$")] = ""
    """The account's UID; live trading starts only when it equals the key's own."""
    strategy: OwnName = ""
    """Empty: `fade`; live mode must name one of these or your own. `alert`: it places no order.
    `fade`: on labelled spot pumps, which could not be shorted, 90 % of its trades would have won;
    on real perpetuals it lost (55 trades, 33 % won, -0.93 % a trade). `ride`: it lost at the median
    on labelled pumps at every scan interval, and on real perpetuals wherever there were 25 trades
    or more."""
    bybit_secret_arn: SecretArn = ""
    """The secret that holds the exchange's key; read in demo and live mode only."""
    max_signal_age_seconds: Annotated[int, Field(ge=5, le=600)] = 90
    """A signal older than this is not traded."""
    leverage: Annotated[Decimal, Field(ge=1, le=5)] = Decimal(1)
    """Leverage of every position."""
    risk_fraction: Annotated[Decimal, Field(gt=0, le=Decimal("0.05"))] = Decimal("0.005")
    """Share of the equity that a stop may lose."""
    max_notional_usdt: Annotated[Decimal, Field(gt=0, le=1_000_000)] = Decimal(500)
    """Largest notional of one position."""
    max_exposure_fraction: Annotated[Decimal, Field(gt=0, le=3)] = Decimal("0.5")
    """Largest notional of all positions together, as a share of the equity."""
    max_open_positions: Annotated[int, Field(ge=1, le=50)] = 5
    """Most positions open at a time."""
    max_orders_per_day: Annotated[int, Field(ge=1, le=1000)] = 50
    """Most orders in a UTC day; exits are counted and never refused."""
    max_spread: Annotated[Decimal, Field(gt=0, le=Decimal("0.05"))] = Decimal("0.01")
    """Widest spread of the book, as a share of the price, in which an entry is sent."""
    slippage_tolerance: Annotated[Decimal, Field(ge=Decimal("0.0001"), le=Decimal("0.05"))] = (
        Decimal("0.01")
    )
    """Farthest from the best price that an entry may fill, as a fraction."""
    max_funding_fraction: Annotated[Decimal, Field(ge=0, le=Decimal("0.05"))] = Decimal("0.003")
    """Largest funding that a position may owe within its time limit, as a share of its notional."""
    liquidation_margin: Annotated[Decimal, Field(ge=0, le=Decimal("0.5"))] = Decimal("0.05")
    """Smallest distance between stop and liquidation price, as a share of the entry price."""
    stop_trigger: Literal["last_price", "mark_price"] = "last_price"
    """Which price triggers the stops."""
    trailing_stop_fraction: Annotated[Decimal, Field(ge=0, le=Decimal("0.5"))] = Decimal(0)
    """Distance of a trailing stop beside the fixed one, as a share of the entry price; 0: none."""
    settling_seconds: Annotated[int, Field(ge=5, le=60)] = 10
    """How long after its last possible arrival an order without any trace counts as not placed."""
    symbol_cooldown_minutes: Annotated[int, Field(ge=0, le=10_080)] = 60
    """No entry in a symbol for so long after a trade in it was closed; 0: off."""
    losing_streak_trades: Annotated[int, Field(ge=0, le=100)] = 4
    """So many losing trades in a row pause entries; 0: off."""
    losing_streak_pause_minutes: Annotated[int, Field(ge=1, le=10_080)] = 180
    """How long a losing streak pauses entries."""
    drawdown_lookback_hours: Annotated[int, Field(ge=1, le=720)] = 24
    """Hours over which the drawdown is taken; it rolls, midnight changes nothing."""
    drawdown_pause_fraction: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.03")
    """Loss from the highest equity that pauses entries, as a share of it; 0: off."""
    drawdown_pause_minutes: Annotated[int, Field(ge=1, le=10_080)] = 360
    """How long a drawdown pauses entries."""
    drawdown_halt_fraction: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.06")
    """Loss from the highest equity that halts entries until a person resumes; 0: off."""
    low_profit_trades: Annotated[int, Field(ge=0, le=100)] = 3
    """A symbol with so many trades and too little profit in all is paused; 0: off."""
    low_profit_lookback_hours: Annotated[int, Field(ge=1, le=2160)] = 168
    """Hours over which a symbol's profit is added up."""
    low_profit_fraction: Annotated[Decimal, Field(ge=-1, le=1)] = Decimal(0)
    """Profit a symbol must have brought, as a share of the notional traded in it."""
    low_profit_pause_hours: Annotated[int, Field(ge=1, le=2160)] = 24
    """How long a symbol with too little profit is paused."""
    incident_failure_fraction: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.25")
    """Share of failed requests to the exchange that pauses entries; 0: off."""
    incident_min_requests: Annotated[int, Field(ge=1, le=10_000)] = 12
    """Fewest requests in the last ten minutes for the share to count."""
    incident_pause_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    """How long trouble at the exchange pauses entries."""
    max_data_age_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    """Market data older than this by the exchange's own stamp opens nothing."""
    trading_hours: str = ""
    """When entries are allowed, such as `Mon-Fri 08:00-20:00, Sat 10:00-14:00`; empty: always."""
    trading_time_zone: str = "UTC"
    """IANA time zone of the trading hours, such as `Europe/Berlin`."""
    fade_stop_above_peak: StopFraction = Decimal("0.03")
    """How far above the pump's peak a fade's stop lies, as a fraction."""
    fade_target_retrace: Fraction = Decimal("0.8")
    """Share of the rise that must be given back for the target."""
    fade_min_gain: Annotated[Decimal, Field(ge=0, le=Decimal("0.5"))] = Decimal("0.015")
    """Smallest gain from the price to the target for which a fade is opened, as a fraction."""
    fade_time_limit_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    """A fade is closed at market after this."""
    ride_stop_fraction: StopFraction = Decimal("0.04")
    """How far below its entry a ride's stop lies, as a fraction."""
    ride_target_fraction: Annotated[Decimal, Field(gt=0, le=2)] = Decimal("0.06")
    """How far above its entry a ride's target lies, as a fraction."""
    ride_time_limit_minutes: Annotated[int, Field(ge=1, le=1440)] = 3
    """A ride is closed at market after this."""
    ride_exit: Literal["target", "time"] = "target"
    """`time`: a ride has no target and ends after RIDE_SECONDS, if its stop has not ended it."""
    ride_seconds: Annotated[int, Field(ge=5, le=15)] = 15
    """A ride whose exit is `time` is closed at market after this; trade waits for it."""
    paper_equity_usdt: Annotated[Decimal, Field(gt=0, le=100_000_000)] = Decimal(10_000)
    """What the paper account starts with."""
    paper_slippage: Annotated[Decimal, Field(ge=0, le=Decimal("0.1"))] = Decimal("0.0005")
    """How much worse than the book's price a paper order fills, as a fraction."""
    taker_fee: Annotated[Decimal, Field(ge=0, le=Decimal("0.01"))] = Decimal("0.00055")
    """The exchange's fee for market orders, as a share of the notional."""

    @property
    def leaves_time_to_enter(self) -> bool:
        """Return whether an entry and the verification of its stop fit into a run."""
        return self.request_timeout_seconds <= LONGEST_REQUEST_SECONDS

    @property
    def no_time_to_enter(self) -> str:
        """Return why nothing is opened with this time-out, as a sentence."""
        return (
            f"REQUEST_TIMEOUT_SECONDS={self.request_timeout_seconds:g} leaves no time for an entry"
            f" in a run of 25 seconds: set it to {LONGEST_REQUEST_SECONDS} at most"
        )

    @property
    def care_timeout_seconds(self) -> float:
        """Return how long trade's requests wait: never so long that exits have no time."""
        return min(self.request_timeout_seconds, LONGEST_REQUEST_SECONDS)

    @property
    def strategy_name(self) -> str:
        """Return the strategy in force."""
        return self.strategy or "fade"

    @validate(mode="after")
    def _hours_can_be_read(self) -> Self:
        try:
            WeeklyHours.parse(self.trading_hours, zone=self.trading_time_zone)
        except ValueError as error:
            raise ValueError(f"TRADING_HOURS or TRADING_TIME_ZONE: {error}") from None
        return self

    @property
    def uses_account(self) -> bool:
        """Return whether orders go to an account at the exchange, which needs a key."""
        return self.trading_mode != "paper"

    @validate(mode="after")
    def _mode_fits_the_host(self) -> Self:
        host = urlsplit(self.bybit_base_url).hostname
        allowed = {
            "demo": (host in DEMO_HOSTS, "set https://api-demo.bybit.com"),
            "live": (host not in DEMO_HOSTS, "set https://api.bybit.com, or TRADING_MODE=demo"),
        }
        fits, advice = allowed.get(self.trading_mode, (True, ""))
        if not fits and host not in LOOPBACK:
            raise ValueError(
                f"BYBIT_BASE_URL={self.bybit_base_url!r} is not allowed when"
                f" TRADING_MODE={self.trading_mode}: {advice}"
            )
        return self

    @validate(mode="after")
    def _live_needs_two_switches(self) -> Self:
        needed = {
            "LIVE_TRADING_CONFIRMATION must be the account's UID": self.live_trading_confirmation,
            "STRATEGY must be named (alert, fade, ride or your own)": self.strategy,
        }
        for sentence, value in needed.items():
            if self.trading_mode == "live" and not value:
                raise ValueError(f"{sentence} when TRADING_MODE=live")
        return self
