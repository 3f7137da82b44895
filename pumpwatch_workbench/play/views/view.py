"""Show a run to a person watching: the view's interface, its facts and its sentences.

`LiveView` draws on a terminal, `PlainView` writes lines, `JsonView` lines of JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.orders import Position
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.pages.trade_tables import side_words
from pumpwatch_workbench.pages.words import number, percent, price, signed_money


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts before the first tick. Times in market time, milliseconds UTC."""

    title: str
    """A heading such as "600 simulated symbols, seed 1"."""
    start: int
    end: int | None = None
    """None: it goes on until it is interrupted."""
    ticks: int | None = None
    """None: nobody counts them beforehand."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A symbol that moves: `change` over the last minute, a fraction; `turnover` of 24 h, USDT."""

    symbol: str
    change: float
    turnover: float


@dataclass(frozen=True, slots=True)
class TickSnapshot:
    """The run after one tick. `time` is market time in milliseconds UTC, money is USDT."""

    time: int
    tick: int
    equity: Decimal
    movers: tuple[Mover, ...] = ()
    """The strongest first."""
    positions: tuple[Position, ...] = ()
    events_open: int = 0


class RunView:
    """Whoever watches a run: a context manager around all of it. This one shows nothing."""

    shows_movers = False
    """True if the strongest movers have a place."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was, after an error too."""

    def note(self, text: str) -> None:
        """Show a line about a step of the preparation, or a warning."""

    def started(self, facts: RunFacts) -> None:
        """Begin market time."""

    def tick(self, snapshot: TickSnapshot) -> None:
        """Show the state after a tick."""

    def signal(self, signal: Signal) -> None:
        """Show a signal that detection published."""

    def trade(self, time: int, trade: Trade) -> None:
        """Show that a trade was entered, closed or dropped at a market time."""


class SilentView(RunView):
    """Shows nothing."""


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
