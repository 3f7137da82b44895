"""Views of a run: their interface, facts and sentences.

`live` draws on a terminal, `plain` writes lines, `json` writes JSON lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.orders import Position
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.pages.trade_tables import side_words
from pumpwatch_workbench.pages.words import number, percent, price, signed_money


@dataclass(frozen=True, slots=True)
class Mover:
    """A symbol that moves: `change` over the last minute, a fraction; `turnover` of 24 h, USDT."""

    symbol: str
    change: float
    turnover: float


@dataclass(frozen=True, slots=True)
class NextSteps:
    """When the next tick and the next scan are due, milliseconds UTC; None: not known, or none."""

    tick: int | None = None
    scan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a view may ask between two ticks, from any thread; by default nothing is known."""

    now: Callable[[], int | None] = lambda: None
    """Market time."""
    prices: Callable[[str], Sequence[tuple[int, float]]] = lambda _: ()
    """Times and prices of a symbol in about the last hour, the oldest first."""
    movers: Callable[[], tuple[Mover, ...]] = tuple
    next: Callable[[], NextSteps] = NextSteps


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts known before the first tick. Times in market time, milliseconds UTC."""

    title: str
    """A heading such as "600 simulated symbols, seed 1"."""
    start: int
    end: int | None = None
    """None if it runs until it is interrupted."""
    ticks: int | None = None
    """None if the number is not known beforehand."""
    watched: Watched = Watched()


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """An open position with the journal's trade; None if the journal knows of none."""

    position: Position
    trade: Trade | None = None


@dataclass(frozen=True, slots=True)
class TickSnapshot:
    """The run after one tick. `time` is market time in milliseconds UTC, money is USDT."""

    time: int
    tick: int
    equity: Decimal
    movers: tuple[Mover, ...] = ()
    trades: tuple[OpenTrade, ...] = ()
    events_open: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    """Counts since the start, by what is counted: ticks, scans, signals, requests and others."""


def open_trades(positions: Iterable[Position], trades: Iterable[Trade]) -> tuple[OpenTrade, ...]:
    """Return positions with their trades."""
    known = {trade.symbol: trade for trade in trades if trade.state.live}
    return tuple(OpenTrade(position, known.get(position.symbol)) for position in positions)


class RunView:
    """Shows whoever watches a run what happens; this view shows nothing.

    It is a context manager around the whole run, and leaves the terminal as it was.
    """

    shows_movers = False
    """True if the view shows the strongest movers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def note(self, text: str) -> None:
        """Show one line: a step of the preparation, a warning. An empty text clears it."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far a step of the preparation is."""

    def started(self, facts: RunFacts) -> None:
        """Begin market time."""

    def tick(self, snapshot: TickSnapshot) -> None:
        """Show the state after a tick."""

    def signal(self, signal: Signal) -> None:
        """Show a signal that detection published."""

    def trade(self, time: int, trade: Trade) -> None:
        """Show that a trade was entered, closed or dropped at a market time."""


def signal_words(signal: Signal) -> str:
    """Return a signal as one line without its time."""
    rise = signal.price / signal.base_price - 1.0
    change = f"{percent(rise)} from the price before"
    return f"{signal.symbol} {signal.phase} at {price(signal.price)}, {change}"


def trade_words(trade: Trade) -> str:
    """Return where a trade stands as one line without its time."""
    if trade.state is TradeState.DROPPED:
        return f"{trade.symbol} not entered: {trade.denial or 'no reason given'}"
    side = side_words(trade.side)
    if trade.state is TradeState.CLOSED:
        reason = (trade.exit_reason or "no reason given").replace("_", " ")
        result = f"{signed_money(trade.realised_pnl)} USDT"
        return f"{trade.symbol} {side} closed at {price(trade.exit_price)}, {reason}, {result}"
    size = f"{number(trade.quantity)} at {price(trade.entry_price)}"
    levels = f"stop {price(trade.stop_loss)}, target {price(trade.take_profit)}"
    verb = {TradeState.ENTERING: "sent", TradeState.EXITING: "closing"}.get(trade.state, "entered")
    return f"{trade.symbol} {side} {verb}: {size}, {levels}"
