"""Views of a run: their interface, facts and sentences.

`live` draws on a terminal, `plain` writes lines, `json` writes JSON lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.trading.orders import Position
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.pages.trade_tables import side_words
from pumpwatch_workbench.pages.words import (
    MINUS,
    money,
    number,
    percent,
    price,
    share,
    signed_money,
)
from pumpwatch_workbench.play.views.looks import Looks


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts known before the first tick, and what a view may ask later, from any thread.

    Times are market time, milliseconds UTC.
    """

    title: str
    """A heading such as "600 simulated symbols, seed 1"."""
    start: int
    end: int | None = None
    """None if it runs until it is interrupted."""
    ticks: int | None = None
    """None if the number is not known beforehand."""
    looks: Looks = field(default_factory=Looks)
    now: Callable[[], int | None] = lambda: None
    next: Callable[[], Mapping[str, int]] = dict
    """When the next tick and the next scan are due, as far as known."""


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

    wants_looks = False
    """True if the view uses the looks at the market."""

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

    def warn(self, text: str) -> None:
        """Show what a person should know at once."""
        self.note(text)

    def played(self) -> None:
        """Note that all of a tick or scan was shown."""


def signal_words(signal: Signal) -> str:
    """Return a signal as one sentence without its time."""
    rise, top = (each / signal.base_price - 1.0 for each in (signal.price, signal.peak_price))
    peaked = {Phase.RISING: "", Phase.PEAKED: f" peaked at {percent(top)} and"}
    begin = signal.symbol + peaked.get(signal.phase, f" is over: it peaked at {percent(top)} and")
    way = f"{'down' if rise < 0 else 'up'} {share(abs(rise), places=1)} from its pre-pump price"
    return f"{begin} is {way}, at {price(signal.price)}"


def trade_words(trade: Trade) -> str:
    """Return where a trade stands as one line without its time."""
    if trade.state is TradeState.DROPPED:
        return f"{trade.symbol} not entered: {trade.denial or 'no reason given'}"
    side, risk = side_words(trade.side), _risk(trade)
    if trade.state is TradeState.CLOSED:
        reason = (trade.exit_reason or "no reason given").replace("_", " ")
        in_risks = f" ({trade.realised_pnl / risk:+.1f} R)".replace("-", MINUS) if risk else ""
        result = f"{signed_money(trade.realised_pnl)} USDT{in_risks}"
        return f"{trade.symbol} {side} closed at {price(trade.exit_price)}: {reason}, {result}"
    size = f"{number(trade.quantity)} at {price(trade.entry_price or trade.planned_price)}"
    levels = f"stop {price(trade.stop_loss)}, target {price(trade.take_profit)}"
    at_risk = f", {money(risk)} USDT at risk" if risk else ""
    verb = {TradeState.ENTERING: "sent", TradeState.EXITING: "closing"}.get(trade.state, "entered")
    return f"{trade.symbol} {side} {verb}: {size}, {levels}{at_risk}"


def _risk(trade: Trade) -> Decimal:
    """Return what the trade loses at its stop, USDT; 0 if that is not known."""
    entry = trade.entry_price or trade.planned_price
    if entry is None or trade.stop_loss is None:
        return Decimal(0)
    return abs(entry - trade.stop_loss) * trade.quantity
