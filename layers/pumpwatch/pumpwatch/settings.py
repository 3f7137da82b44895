"""Settings, one class per function, read from environment variables and checked before any start.

The variable is the field's name in capitals. Every bound is written down here; a value outside it
stops the cold start with the variable's name, its value and what is allowed. Secrets are never
settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic import model_validator as validate

from pumpwatch.allowed import allowed
from pumpwatch.domain.trading.weekly_hours import WeeklyHours
from pumpwatch.errors import SettingsError

__all__ = [
    "LONGEST_REQUEST_SECONDS",
    "REFUSED_REGIONS",
    "DetectSettings",
    "SharedSettings",
    "TradeSettings",
    "load_settings",
]

BYBIT_HOST = re.compile(
    r"(api|api-testnet|api-demo|api-demo-testnet)\.(bybit|bytick)\.com"
    r"|api\.bybit\.(nl|kz|ae|id|eu|tr)|api\.bybit-tr\.com|api\.bybitgeorgia\.ge|api\.manepa\.jp"
)
"""Bybit's own hosts: mainnet, its second name, testnet, demo, and the regional ones."""

LONGEST_REQUEST_SECONDS = 4.6
"""Five requests in sequence, an entry at its slowest, and two seconds fit into a run of 25."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
USER_OF_ADDRESS = re.compile(r"//[^/]*@")
NEVER_SHOWN = frozenset({"BYBIT_SECRET_ARN", "PUSHGATEWAY_SECRET_ARN"})
"""Variables into which somebody may have put a key by mistake."""


def _bybit_address(url: str) -> str:
    """https and one of Bybit's own hosts, or a loopback address"""
    scheme, netloc, host, port = _parts(url)
    if host in LOOPBACK and scheme in {"http", "https"}:
        return f"{scheme}://{netloc}"
    if scheme == "https" and port in {None, 443} and BYBIT_HOST.fullmatch(host):
        return f"{scheme}://{netloc}"
    raise ValueError("must be https and one of Bybit's own hosts, or a loopback address")


def _push_address(url: str) -> str:
    """empty, or an http(s) address without user and password"""
    if not url:
        return url
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user or password: they belong into the secret")
    if parts.scheme not in {"http", "https"} or not parts.hostname or UNPRINTABLE.search(url):
        raise ValueError("must be empty, or an http(s) address")
    return url.rstrip("/")


def _parts(url: str) -> tuple[str, str, str, int | None]:
    """Return scheme, host with port, host and port of an address that is nothing more."""
    parts = urlsplit(url)
    if url.rstrip("/").lower() != f"{parts.scheme}://{parts.netloc}".lower() or "@" in url:
        raise ValueError("must be only scheme, host and port")
    return parts.scheme, parts.netloc, parts.hostname or "", parts.port


BybitAddress = Annotated[str, AfterValidator(_bybit_address)]
PushAddress = Annotated[str, AfterValidator(_push_address)]
SecretArn = Annotated[str, Field(pattern=r"^(arn:aws[a-z-]*:secretsmanager:.+)?$")]
Fraction = Annotated[Decimal, Field(gt=0, le=1)]
StopFraction = Annotated[Decimal, Field(ge=Decimal("0.001"), le=Decimal("0.5"))]
"""How far a stop lies away: nearer than a thousandth it would fire at once."""
REFUSED_REGIONS = re.compile(r"us-(east|west|gov|iso)|cn-")
"""Regions of AWS in the United States and mainland China, whose addresses Bybit refuses."""


class SharedSettings(BaseModel):
    """What both functions read."""

    # Each function builds its own model only, when it reads it.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, defer_build=True)

    stage: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")] = "dev"
    """Names the installation; metrics are grouped by it."""
    table_name: Annotated[str, Field(min_length=3, max_length=255)]
    """The DynamoDB table of signals, journal, totals and halt flag."""
    bybit_base_url: BybitAddress = "https://api.bybit.com"
    """Which Bybit: accounts of some countries need their own host, api-demo is for rehearsals."""
    pushgateway_url: PushAddress = ""
    """Empty: metrics are not pushed."""
    in_vpc: bool = False
    """Whether the functions run in a VPC: only there may metrics be pushed without TLS."""
    pushgateway_secret_arn: SecretArn = ""
    """The secret with the Pushgateway's user, password and optional CA; empty: it asks for none."""
    push_timeout_seconds: Annotated[float, Field(gt=0, le=2)] = 2.0
    """Longest time that a push of metrics may take in all."""
    request_timeout_seconds: Annotated[float, Field(ge=1, le=10)] = 4.0
    """How long a request to the exchange waits for its answer; above 4.6 trade opens nothing."""
    parallel_requests: Annotated[int, Field(ge=1, le=16)] = 8
    """Requests to the exchange at a time; 1 sends them one after another."""
    max_tick_age_seconds: Annotated[int, Field(ge=5, le=600)] = 90
    """A tick older than this opens no position; exits still run."""

    @validate(mode="after")
    def _metrics_are_pushed_over_tls(self) -> Self:
        parts = urlsplit(self.pushgateway_url)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK and not self.in_vpc:
            raise ValueError(
                f"PUSHGATEWAY_URL={self.pushgateway_url!r} is not allowed: outside a VPC metrics"
                " are pushed over https only (with Network own-vpc or existing-vpc, http is"
                " allowed too)"
            )
        return self


class DetectSettings(SharedSettings):
    """What the detect function reads."""

    bucket_name: Annotated[str, Field(min_length=3, max_length=63)]
    """The S3 bucket of the candle history."""
    detector: Literal["boosted", "ewma", "karbalaii", "kamps-kleinberg"] = "boosted"
    """The rule that raises the alarm."""
    excluded_symbol_types: str = "stock,commodity,forex,xstocks"
    """Comma-separated `symbolType`s of Bybit that are left out."""
    scan_interval_seconds: Annotated[int, Field(ge=5, le=60)] = 60
    """Below 60, one invocation scans several times until its minute is over."""
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
    """After an event is over, how long the symbol stays silent."""


class TradeSettings(SharedSettings):
    """What the trade function reads."""

    trading_mode: Literal["paper", "live"] = "paper"
    """Paper: orders are simulated at the book's prices. Live: real money."""
    live_trading_confirmation: Annotated[str, Field(pattern=r"^[0-9]*$")] = ""
    """The account's UID; live trading starts only when it equals the key's own."""
    strategy: Literal["", "alert", "fade", "ride"] = ""
    """Empty: `fade` in paper mode; live mode must name one."""
    bybit_secret_arn: SecretArn = ""
    """The secret that holds the exchange's key; read in live mode only."""
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
    """With fewer requests in the last ten minutes the share says nothing."""
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

    @validate(mode="after")
    def _live_needs_two_switches(self) -> Self:
        if self.trading_mode == "live":
            if not self.live_trading_confirmation:
                raise ValueError(
                    "LIVE_TRADING_CONFIRMATION must be the account's UID when TRADING_MODE=live"
                )
            if not self.strategy:
                raise ValueError(
                    "STRATEGY must be named (alert, fade or ride) when TRADING_MODE=live"
                )
            if not self.bybit_secret_arn:
                raise ValueError("BYBIT_SECRET_ARN must be set when TRADING_MODE=live")
        return self


Settings = TypeVar("Settings", bound=BaseModel)


def load_settings(kind: type[Settings], environment: Mapping[str, str]) -> Settings:
    """Read settings from environment variables.

    Raises `SettingsError` that names each wrong variable, its value and what is allowed; in Lambda
    also for a region that Bybit does not serve.
    """
    region = environment.get("AWS_REGION", "")
    if "AWS_LAMBDA_FUNCTION_NAME" in environment and REFUSED_REGIONS.match(region):
        raise SettingsError(
            f"AWS_REGION={region!r} is not allowed: Bybit refuses requests from the United States"
            " and mainland China; deploy elsewhere, to eu-central-1 for example"
        )
    values = {
        name: environment[name.upper()] for name in kind.model_fields if name.upper() in environment
    }
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentences(kind, error))) from None


def _sentences(kind: type[BaseModel], error: ValidationError) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False):
        reason = problem["msg"].removeprefix("Value error, ")
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if not name:
            sentences.append(reason)
        elif problem["type"] == "missing":
            sentences.append(f"{name.upper()} is not set: {_range(kind, name)}")
        else:
            value = _shown(name.upper(), problem["input"])
            why = f"{reason}: " if problem["type"] == "value_error" else ""
            sentences.append(f"{name.upper()}={value} is not allowed: {why}{_range(kind, name)}")
    return sentences


def _range(kind: type[BaseModel], name: str) -> str:
    return f"it must be {allowed(kind.model_fields[name])}"


def _shown(variable: str, value: object) -> str:
    """Return a value fit for an error message: without what may be a secret."""
    if variable in NEVER_SHOWN:
        return "(not shown)"
    return repr(USER_OF_ADDRESS.sub("//***@", str(value)))
