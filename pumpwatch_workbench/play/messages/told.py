"""What people are told of a run: its start, pumps, trades, what needs them, each day's end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Self

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.errors import BadInput, InvariantBroken, StoreUnavailable
from pumpwatch_workbench.pages.words import (
    clock,
    date_and_clock,
    duration,
    money,
    percent,
    signed_money,
)
from pumpwatch_workbench.play.desk.desk import Desk
from pumpwatch_workbench.play.messages.line import Line
from pumpwatch_workbench.play.messages.message import Kind, Message
from pumpwatch_workbench.play.messages.messenger import REFUSALS, Messenger
from pumpwatch_workbench.play.views.view import (
    RunFacts,
    RunView,
    TickSnapshot,
    signal_words,
    trade_words,
)

PATIENCE = 3 * MINUTE
"""Market time for which every tick may fail before a person is told."""
GREETING, FAREWELL = 10.0, 4.0
"""Seconds that the first message may take, and the last ones."""
SUMMARISED = "messages of the day"
"""Note: the day under way, whose summary is still to come."""


class Messages(RunView):
    """Tells messengers what happens, and `view`. Only the start's first message is waited for.

    Turnovers and each day's summary come from the desk, where there is one.
    """

    def __init__(
        self, view: RunView, messengers: Sequence[Messenger], stage: str, desk: Desk | None = None
    ) -> None:
        self._view, self.shows_movers, self._desk = view, view.shows_movers, desk
        self._lines = [Line(messenger, stage, view.note) for messenger in messengers]
        self._pumps: dict[str, list[Signal]] = {}
        self._trades: list[Trade] = []
        self._failing: int | None = None
        self._told_of_failing = False

    def __enter__(self) -> Self:
        for line in self._lines:
            line.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        deadline = time.monotonic() + FAREWELL
        self._tell_events()
        for line in self._lines:
            line.ending.set()
            line.news.set()
        for line in self._lines:
            line.thread.join(max(0.0, deadline - time.monotonic()))

    def take_counts(self) -> tuple[int, int]:
        """Return how many messages were delivered or dropped, and how many were delivered."""
        counts = [line.take_counts() for line in self._lines]
        return sum(ended for ended, _ in counts), sum(delivered for _, delivered in counts)

    def note(self, text: str) -> None:
        self._view.note(text)

    def progress(self, what: str, done: int, total: int) -> None:
        self._view.progress(what, done, total)

    def started(self, facts: RunFacts) -> None:
        """Say that it begins, and wait for the answers. Raises `BadInput` for a wrong address."""
        self._say(Message(Kind.CARE, "Started", facts.title))
        deadline = time.monotonic() + GREETING
        for line in self._lines:
            line.tried.wait(max(0.0, deadline - time.monotonic()))
            holds_trades = self._desk is not None and self._desk.holds_trades()
            if line.answer.status in REFUSALS and not holds_trades:
                raise BadInput(f"{line.messenger.label} was refused ({line.answer}): correct it")
        self._view.started(facts)

    def signal(self, signal: Signal) -> None:
        self._pumps.setdefault(signal.event_id, []).append(signal)
        self._view.signal(signal)

    def trade(self, time: int, trade: Trade) -> None:
        self._trades.append(trade)
        self._view.trade(time, trade)

    def warn(self, text: str) -> None:
        self._say(Message(Kind.CARE, text.partition(": ")[0], text))
        self._view.warn(text)

    def played(self, time: int, problem: str | None) -> None:
        self._tell_events()
        if problem is None:
            return
        since = time if self._failing is None else self._failing
        length, self._failing = duration(time - since), since if problem else None
        if problem and not self._told_of_failing and time - since >= PATIENCE:
            self._say(Message(Kind.CARE, f"Every tick has failed for {length}", problem))
            self._told_of_failing = True
        elif not problem and self._told_of_failing:
            self._say(Message(Kind.CARE, f"Ticks succeed again: they had failed for {length}"))
            self._told_of_failing = False

    def tick(self, snapshot: TickSnapshot) -> None:
        if self._desk is not None:
            with suppress(StoreUnavailable):  # a later tick sums up
                self._end_day(self._desk, str(snapshot.time // DAY), snapshot.equity)
        self._view.tick(snapshot)

    def _end_day(self, desk: Desk, today: str, equity: Decimal) -> None:
        """Sum up the day that is over, once."""
        if (begun := desk.database.note(SUMMARISED)) == today:
            return
        try:
            told = [_summary(desk, int(begun), equity)] if begun else []
        except InvariantBroken as error:
            told = [Message(Kind.CARE, "The day cannot be summed up", str(error))]
        sql = "INSERT OR REPLACE INTO notes VALUES (?, ?)"
        desk.database.write(sql, (SUMMARISED, today))
        for message in told:
            self._say(message)

    def _tell_events(self) -> None:
        """Tell of the moment's pumps, each with what was done about it, and of other trades."""
        pumps, trades, self._pumps, self._trades = self._pumps, self._trades, {}, []
        for event, signals in pumps.items():
            if signals[0].phase is Phase.RISING:
                own = [trade for trade in trades if trade.event_id == event]
                trades = [trade for trade in trades if trade.event_id != event]
                flow = self._desk.market.flow_words(signals[0].symbol) if self._desk else ""
                self._say(_pump(signals, own, flow))
        for trade in trades:
            self._say(_fill(trade))

    def _say(self, message: Message) -> None:
        for line in self._lines:
            line.say(message)


def _pump(signals: Sequence[Signal], trades: Sequence[Trade], flow: str) -> Message:
    """Return the message of an event that has begun; it may be over already."""
    first, last = signals[0], signals[-1]
    rise = first.price / first.base_price - 1.0
    what = f"{clock(first.time)} UTC: {signal_words(last)}"
    parts = [what, flow, *map(trade_words, trades)]
    text = "\n".join(f"{part}." for part in parts if part)
    is_traded = any(trade.state is not TradeState.DROPPED for trade in trades)
    kind = Kind.TRADE if is_traded else Kind.PUMP
    return Message(kind, f"{last.symbol} {percent(rise)}", text, last.symbol, rise)


def _fill(trade: Trade) -> Message:
    kind = Kind.PUMP if trade.state is TradeState.DROPPED else Kind.TRADE
    title, _, rest = trade_words(trade).partition(": ")
    return Message(kind, title, f"{rest}.", trade.symbol)


def _summary(desk: Desk, day: int, equity: Decimal) -> Message:
    begin, end = day * DAY, (day + 1) * DAY
    closed = [
        trade
        for trade in desk.journal.trades_since(begin - DAY)
        if trade.state is TradeState.CLOSED and begin <= (trade.exit_time or 0) < end
    ]
    closed.sort(key=lambda trade: -trade.realised_pnl)
    result = sum((trade.realised_pnl for trade in closed), Decimal(0))
    signals = [each for each in desk.signals.since(begin) if each.phase is Phase.RISING]
    pumps = sum(signal.time < end for signal in signals)
    failed = sum(bool(run.problem) and run.time < end for run in desk.records.since(begin))
    lines = [f"{len(closed)} trades closed: {signed_money(result)} USDT"]
    for what, trade in zip(("Best", "Worst"), closed[:1] + closed[-1:], strict=False):
        lines.append(f"{what}: {trade.symbol} {signed_money(trade.realised_pnl)} USDT")
    lines.append(f"{pumps} pumps, {failed} ticks with a failure, equity {money(equity)} USDT")
    return Message(Kind.NOTICE, f"Summary of {date_and_clock(begin)[:10]}", "\n".join(lines))
