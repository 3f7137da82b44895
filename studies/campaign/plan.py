"""The plan of a world, drawn from its seed: settings, signals and troubles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import numpy as np

from pumpwatch.domain.detection.signals import Phase, Signal, signal_id_for
from pumpwatch.domain.market.snapshot import OrderBook
from pumpwatch.domain.moments import MINUTE
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.market.polyline import PolylineMarket

from .market import random_market

Choice = TypeVar("Choice")
START = 1_800_000_000_000
TIME_LIMIT = 25_000
"""Milliseconds after which an invocation is killed."""
ACCOUNT = "10001"
QUIET_TICKS = 13
"""Ticks at the end in which nothing goes wrong: everything must be resolved by then."""
HOSTILE, HOSTILE_AT = "studies.campaign.hostile:Hostile", 7
"""A strategy of somebody's own, and the last digit of the seeds whose worlds have it."""
LONGEST_TRADE = 8
"""Minutes after which a position is closed."""
HALF = 0.5
AT_BUSY_TICKS, TOGETHER, AGAIN = 0.5, 0.4, 0.2
"""Shares of the troubles at a tick with a signal, of the signals at the tick of another, and of
those in the symbol of another."""
OPENING_HOURS = 15 * MINUTE
"""Time from the start for which entries are allowed where there are trading hours."""
NOT_LISTED, PUBLISHED_TWICE = 0.05, 0.2
"""Shares of the signals whose symbol the exchange does not list, and that are published again."""

TROUBLES = (
    *("answer_lost_after", "answer_lost_before", "late_match", "slow_answer"),
    *("stop_answer_lost_after", "stop_answer_lost_before"),
    *("read_fails", "rate_limited", "clock_refused", "forbidden"),
    *("stale_lists", "deep_lag"),
    *("outage", "only_care", "slow_endpoint", "throttled"),
    *("store_fails_before", "store_fails_after"),
    *("crash_before", "crash_after", "crash_at_send", "slow"),
    *("zombie", "twin", "overlap", "duplicate", "late"),
    *("clock_doubt", "clock_frozen"),
)
INCIDENTS = (
    *("auto_deleverage", "liquidate", "delist", "halt_symbol", "funding", "price_gap"),
    *("drop_stop", "drop_next_stop", "refuse_stop", "change_filters"),
    *("band_cancel", "partial_fill", "thin_book"),
    *("manual_close", "manual_open", "manual_order"),
)
PEOPLE = (
    *("bad_key", "halt", "halt_closing", "move_stop", "untold_close"),
    *("hedge_stranger", "odd_ours", "odd_stranger"),
)
"""Actions of people on the account and on trading, and rows that cannot be read."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong: at which tick, and at which call of that tick's invocation."""

    tick: int
    kind: str
    call: int
    size: float
    """A number between 0 and 1 that the kind makes its own use of."""


@dataclass(slots=True)
class PlannedRun:
    """One invocation. Times in milliseconds UTC."""

    name: str
    started: int
    troubles: list[Trouble]
    scheduled: int
    connected: int = 0
    """Time at which its instance was made: a key's rights are asked for then, and once an hour."""
    calls: int = 0
    asked: int = 0
    """Start of its present call."""
    dead: bool = False
    undead: bool = False
    """A zombie: its time limit does not kill it."""
    forbidden: bool = False
    doubt: str = ""
    """Reason why its clock is not sure of the time."""
    frozen: bool = False
    token: int = 0
    books: dict[str, OrderBook] = field(default_factory=dict)
    """The last book it was shown, by symbol."""
    market_seen: int = 0
    """The stamp of the last snapshot it was shown, and by symbol rate and time of its funding."""
    funding: dict[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A world before it begins."""

    seed: int
    settings: TradeSettings
    market: PolylineMarket
    ticks: int
    """Number of ticks, those of the quiet end included."""
    signals: Sequence[tuple[int, Signal]]
    """Signals, each with the tick before which it is published."""
    troubles: Sequence[Trouble]
    offset: int
    """Milliseconds of the minute at which the schedule fires."""
    exchange: ExchangeSettings


def plan_for(seed: int) -> Plan:
    """Return the world of a seed."""
    random = np.random.default_rng(seed)
    noisy = int(random.integers(14, 26))
    ticks = noisy + QUIET_TICKS
    symbols = int(random.integers(16, 27))
    market = random_market(random, symbols=symbols, minutes=ticks + 2, start=START)
    settings = _settings(random)
    if seed % 10 == HOSTILE_AT:
        settings = settings.model_copy(update={"strategy": HOSTILE})
    offset = int(random.integers(0, 50)) * 1_000
    signals = _signals(random, settings, market, noisy, offset)
    return Plan(
        seed=seed,
        settings=settings,
        market=market,
        ticks=ticks,
        signals=signals,
        troubles=_troubles(random, noisy, [tick for tick, _ in signals]),
        offset=offset,
        exchange=_exchange(np.random.default_rng((seed, 1))),
    )


def _exchange(random: np.random.Generator) -> ExchangeSettings:
    """Return how unkind the exchange is: marks that lag, late triggers, books that stay empty."""
    slow = int(random.integers(3))
    return ExchangeSettings(
        default_leverage=Decimal(10),
        rate_limits=False,
        mark_lag_minutes=(0, 0, 4)[slow],
        trigger_delay_ms=(500, 0, 3_000)[int(random.integers(3))],
        book_refill_ms=(5_000, 60_000)[int(random.integers(2))],
        beyond_limit="refuse" if random.random() < HALF else "adjust",
        market_beyond_limit="cancel" if random.random() < HALF else "refuse",
    )


def _settings(random: np.random.Generator) -> TradeSettings:
    def one_of(*values: Choice) -> Choice:
        return values[int(random.integers(len(values)))]

    minutes = int(random.integers(2, LONGEST_TRADE + 1))
    return TradeSettings(
        table_name="campaign",
        trading_mode="live",
        live_trading_confirmation=ACCOUNT,
        strategy=one_of("fade", "fade", "ride"),
        leverage=Decimal(one_of(1, 1, 2, 5)),
        max_open_positions=one_of(1, 3, 5, 5),
        max_exposure_fraction=Decimal(one_of("0.05", "0.2", "0.5")),
        max_notional_usdt=Decimal(one_of(200, 500, 2000)),
        max_orders_per_day=one_of(3, 10, 50),
        stop_trigger=one_of("last_price", "mark_price"),
        risk_fraction=Decimal(one_of("0.005", "0.005", "0.05")),
        slippage_tolerance=Decimal(one_of("0.01", "0.01", "0.002")),
        max_funding_fraction=Decimal(one_of("0.003", "0.003", "0.0003")),
        trailing_stop_fraction=Decimal(one_of("0", "0", "0.02", "0.05")),
        symbol_cooldown_minutes=one_of(0, 1, 5, 30),
        losing_streak_trades=one_of(0, 0, 1, 2, 3),
        losing_streak_pause_minutes=one_of(3, 10),
        drawdown_pause_fraction=Decimal(one_of("0", "0.002", "0.03")),
        drawdown_pause_minutes=360,
        drawdown_halt_fraction=Decimal(one_of("0", "0", "0.004", "0.06")),
        low_profit_trades=0,
        trading_hours=one_of("", "", "", "", "", "Fri 08:00-08:15"),
        fade_min_gain=Decimal(0),
        fade_target_retrace=Decimal(one_of("0.5", "0.8")),
        fade_time_limit_minutes=minutes,
        ride_time_limit_minutes=minutes,
        max_spread=Decimal(one_of(*("0.05",) * 7, "0.0011")),
    )


def _signals(
    random: np.random.Generator,
    settings: TradeSettings,
    market: PolylineMarket,
    ticks: int,
    offset: int,
) -> list[tuple[int, Signal]]:
    phase = Phase.PEAKED if settings.strategy == "fade" else Phase.RISING
    signals: list[tuple[int, Signal]] = []
    tick = index = 0
    for number in range(int(random.integers(4, 13))):
        if not signals or random.random() > TOGETHER:
            tick = int(random.integers(0, ticks - 1))
        if not signals or random.random() > AGAIN:
            index = int(random.integers(len(market.listings)))
        time = START + tick * MINUTE + offset - int(random.integers(0, 100)) * 1_000
        price = market.price(index, max(time, START))
        symbol = market.listings[index].symbol if random.random() > NOT_LISTED else "NOWHEREUSDT"
        event_id = f"event-{number}-{symbol}"
        signal = Signal(
            signal_id=signal_id_for(event_id, phase),
            event_id=event_id,
            symbol=symbol,
            phase=phase,
            time=max(time, START),
            price=price,
            base_price=price / random.uniform(1.05, 1.4),
            peak_price=price * random.uniform(1.002, 1.05),
            strength=50.0,
            jump=0.1,
            detector="ewma",
        )
        signals.append((tick, signal))
        if random.random() < PUBLISHED_TWICE:
            signals.append((min(tick + 1, ticks - 1), signal))
    return sorted(signals, key=lambda entry: entry[0])


def _troubles(random: np.random.Generator, ticks: int, busy: Sequence[int]) -> list[Trouble]:
    """Return what goes wrong, about half of it when there is an order to send or to follow."""
    kinds = TROUBLES + INCIDENTS + PEOPLE
    return [
        Trouble(
            tick=_tick(random, ticks, busy),
            kind=kinds[int(random.integers(len(kinds)))],
            call=int(random.integers(0, 24)),
            size=float(random.random()),
        )
        for _ in range(int(random.integers(8, 18)))
    ]


def _tick(random: np.random.Generator, ticks: int, busy: Sequence[int]) -> int:
    anywhere = int(random.integers(0, ticks))
    if random.random() < AT_BUSY_TICKS:
        return busy[int(random.integers(len(busy)))]
    return anywhere
