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

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from pumpwatch.errors import SettingsError

__all__ = ["DetectSettings", "SharedSettings", "TradeSettings", "load_settings"]

BYBIT_HOST = re.compile(
    r"(api|api-testnet|api-demo|api-demo-testnet)\.(bybit|bytick)\.com"
    r"|api\.bybit\.(nl|kz|ae|id|eu|tr)|api\.bybit-tr\.com|api\.bybitgeorgia\.ge|api\.manepa\.jp"
)
"""Bybit's own hosts: mainnet, its second name, testnet, demo, and the regional ones."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _bybit_address(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    plain = not parts.path.strip("/") and not parts.query and not parts.fragment
    if parts.username or parts.password or not plain:
        raise ValueError("must be only scheme, host and port")
    if host in LOOPBACK and parts.scheme in {"http", "https"}:
        return url.rstrip("/")
    if parts.scheme == "https" and parts.port in {None, 443} and BYBIT_HOST.fullmatch(host):
        return url.rstrip("/")
    raise ValueError("must be https and one of Bybit's own hosts, or a loopback address")


def _push_address(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be empty, or an http(s) address")
    if parts.username or parts.password:
        raise ValueError("must not contain a user or password: they belong into the secret")
    return url.rstrip("/")


BybitAddress = Annotated[str, AfterValidator(_bybit_address)]
PushAddress = Annotated[str, AfterValidator(_push_address)]
Fraction = Annotated[Decimal, Field(gt=0, le=1)]


class SharedSettings(BaseModel):
    """What both functions read."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=False)

    stage: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")] = "dev"
    table_name: Annotated[str, Field(min_length=3, max_length=255)]
    bybit_base_url: BybitAddress = "https://api.bybit.com"
    pushgateway_url: PushAddress = ""
    """Empty: metrics are not pushed."""
    push_timeout_seconds: Annotated[float, Field(gt=0, le=2)] = 2.0
    request_timeout_seconds: Annotated[float, Field(ge=1, le=10)] = 4.0
    parallel_requests: Annotated[int, Field(ge=1, le=16)] = 8
    """Requests to the exchange at a time; 1 sends them one after another."""
    max_tick_age_seconds: Annotated[int, Field(ge=5, le=600)] = 90
    """A tick older than this opens no position; exits still run."""


class DetectSettings(SharedSettings):
    """What the detect function reads."""

    bucket_name: Annotated[str, Field(min_length=3, max_length=63)]
    detector: Literal["ewma", "karbalaii", "kamps-kleinberg"] = "ewma"
    excluded_symbol_types: str = "stock,commodity,forex,xstocks"
    """Comma-separated `symbolType`s of Bybit that are left out."""
    scan_interval_seconds: Annotated[int, Field(ge=5, le=60)] = 60
    """Below 60, one invocation scans several times until its minute is over."""
    requests_per_second: Annotated[int, Field(ge=1, le=110)] = 90
    """Bybit allows 120 a second per address; above it, every call is refused for ten minutes."""
    max_candidates: Annotated[int, Field(ge=1, le=200)] = 60
    """Candle requests a scan; symbols beyond count as warming up."""
    refresh_symbols: Annotated[int, Field(ge=1, le=60)] = 10
    """Symbols whose history is refreshed in each tick."""
    ewma_span_minutes: Annotated[int, Field(ge=10, le=43_200)] = 1440
    ewma_turnover_z: Annotated[float, Field(gt=0, le=1000)] = 48.0
    ewma_jump: Annotated[float, Field(gt=0, le=10)] = 0.07
    ewma_epsilon_usdt: Annotated[float, Field(gt=0, le=1e6)] = 0.1
    """Floor of the turnover's standard deviation, USDT."""
    warm_up_minutes: Annotated[int, Field(ge=1, le=43_200)] = 1440
    """History a symbol needs before it can signal (one-minute rules)."""
    cooldown_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    """After an event is over, how long the symbol stays silent."""


class TradeSettings(SharedSettings):
    """What the trade function reads."""

    trading_mode: Literal["paper", "live"] = "paper"
    live_trading_confirmation: Annotated[str, Field(pattern=r"^[0-9]*$")] = ""
    """The account's UID; live trading starts only when it equals the key's own."""
    strategy: Literal["", "alert", "fade", "ride"] = ""
    """Empty: `fade` in paper mode; live mode must name one."""
    bybit_secret_arn: Annotated[str, Field(pattern=r"^(arn:aws[a-z-]*:secretsmanager:.+)?$")] = ""
    max_signal_age_seconds: Annotated[int, Field(ge=5, le=600)] = 90
    leverage: Annotated[Decimal, Field(ge=1, le=5)] = Decimal(1)
    risk_fraction: Annotated[Decimal, Field(gt=0, le=Decimal("0.05"))] = Decimal("0.005")
    """Share of the equity that a stop may lose."""
    max_notional_usdt: Annotated[Decimal, Field(gt=0, le=1_000_000)] = Decimal(500)
    """Largest notional of one position."""
    max_exposure_fraction: Annotated[Decimal, Field(gt=0, le=3)] = Decimal("0.5")
    """Largest notional of all positions together, as a share of the equity."""
    max_open_positions: Annotated[int, Field(ge=1, le=50)] = 5
    max_orders_per_day: Annotated[int, Field(ge=1, le=1000)] = 50
    max_spread: Annotated[Decimal, Field(gt=0, le=Decimal("0.05"))] = Decimal("0.01")
    slippage_tolerance: Annotated[Decimal, Field(ge=Decimal("0.0001"), le=Decimal("0.05"))] = (
        Decimal("0.01")
    )
    max_funding_fraction: Annotated[Decimal, Field(ge=0, le=Decimal("0.05"))] = Decimal("0.003")
    """Largest funding that a position may owe within its time limit, as a share of its notional."""
    liquidation_margin: Annotated[Decimal, Field(ge=0, le=Decimal("0.5"))] = Decimal("0.05")
    """Smallest distance between stop and liquidation price, as a share of the entry price."""
    stop_trigger: Literal["last_price", "mark_price"] = "last_price"
    fade_stop_above_peak: Annotated[Decimal, Field(gt=0, le=Decimal("0.5"))] = Decimal("0.03")
    fade_target_retrace: Fraction = Decimal("0.5")
    """Share of the rise that must be given back for the target."""
    fade_time_limit_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    ride_stop_fraction: Annotated[Decimal, Field(gt=0, le=Decimal("0.5"))] = Decimal("0.04")
    ride_target_fraction: Annotated[Decimal, Field(gt=0, le=2)] = Decimal("0.06")
    ride_time_limit_minutes: Annotated[int, Field(ge=1, le=1440)] = 3
    paper_equity_usdt: Annotated[Decimal, Field(gt=0, le=100_000_000)] = Decimal(10_000)
    paper_slippage: Annotated[Decimal, Field(ge=0, le=Decimal("0.1"))] = Decimal("0.0005")
    taker_fee: Annotated[Decimal, Field(ge=0, le=Decimal("0.01"))] = Decimal("0.00055")

    @property
    def strategy_name(self) -> str:
        """Return the strategy in force."""
        return self.strategy or "fade"

    @model_validator(mode="after")
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

    Raises `SettingsError` that names each wrong variable, its value and what is allowed.
    """
    values = {
        name: environment[name.upper()] for name in kind.model_fields if name.upper() in environment
    }
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False):
        where = "_".join(str(part) for part in problem["loc"]).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing":
            sentences.append(f"{where} is not set: it is required")
        elif not where:
            sentences.append(reason)
        else:
            sentences.append(f"{where}={problem['input']!r} is not allowed: {reason}")
    return sentences
