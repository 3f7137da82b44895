"""What people are told of a run: its start, pumps, trades, what needs them, each day's end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Self

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.moments import DAY
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.errors import BadInput, InvariantBroken, StoreUnavailable
from pumpwatch_workbench.pages.words import clock, date_and_clock, money, percent, signed_money
from pumpwatch_workbench.play.desk.desk import Desk
from pumpwatch_workbench.play.messages.line import Line
from pumpwatch_workbench.play.messages.message import Kind, Message
from pumpwatch_workbench.play.messages.messenger import REFUSALS, Messenger
from pumpwatch_workbench.play.views.looks import Looks
from pumpwatch_workbench.play.views.view import (
    RunFacts,
    RunView,
    TickSnapshot,
    signal_words,
    trade_words,
)

GREETING, FAREWELL = 10.0, 4.0
"""Seconds that the first message may take, and the last ones."""
SUMMARISED = "messages of the day"
"""Note: the day under way, whose summary is still to come."""


class Messages(RunView):
    """Tells messengers what happens, and `view`. Only the start's first message is waited for.

    Each day's summary comes from the desk, where there is one.
    """

    def __init__(
        self, view: RunView, messengers: Sequence[Messenger], stage: str, desk: Desk | None = None
    ) -> None:
        self.wants_looks = view.wants_looks or bool(messengers)
        self._view, self._desk = view, desk
        self._lines = [Line(messenger, stage, view.note) for messenger in messengers]
        self._looks = Looks()
        self._pumps: dict[str, list[Signal]] = {}
        self._trades: list[Trade] = []

    def __enter__(self) -> Self:
        for line in self._lines:
            line.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        deadline = time.monotonic() + FAREWELL
        self.played()
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
        self._looks = facts.looks
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
        title, _, rest = text.partition(":")
        self._say(Message(Kind.CARE, title, rest and text))
        self._view.warn(text)

    def played(self) -> None:
        """Tell of the moment's pumps, each with what was done about it, and of other trades."""
        pumps, trades, self._pumps, self._trades = self._pumps, self._trades, {}, []
        messages = []
        for event, signals in pumps.items():
            if signals[0].phase is Phase.RISING:
                own = [trade for trade in trades if trade.event_id == event]
                trades = [trade for trade in trades if trade.event_id != event]
                messages.append(_pump(signals, own, self._looks))
        self._say(*messages, *map(_fill, trades))

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
        self._say(*told)

    def _say(self, *messages: Message) -> None:
        for line in self._lines:
            line.say(messages)


def _pump(signals: Sequence[Signal], trades: Sequence[Trade], looks: Looks) -> Message:
    """Return the message of an event that has begun; it may be over already."""
    first, last = signals[0], signals[-1]
    rise, length = first.price / first.base_price - 1.0, looks.rise_seconds(first)
    within = "" if length is None else f" in {length:.0f} s"
    what = f"{clock(first.time)} UTC: {signal_words(last)}"
    parts = [what, looks.flow_words(first.symbol), *map(trade_words, trades)]
    text = "\n".join(f"{part}." for part in parts if part)
    is_traded = any(trade.state is not TradeState.DROPPED for trade in trades)
    kind = Kind.TRADE if is_traded else Kind.PUMP
    return Message(kind, f"{last.symbol} {percent(rise)}{within}", text, last.symbol, rise)


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
    lines = [f"Trades closed: {len(closed)}, {signed_money(result)} USDT"]
    for what, trade in zip(("Best", "Worst"), closed[:1] + closed[-1:], strict=False):
        lines.append(f"{what}: {trade.symbol} {signed_money(trade.realised_pnl)} USDT")
    lines.append(f"Pumps: {pumps}, ticks with a failure: {failed}, equity {money(equity)} USDT")
    return Message(Kind.NOTICE, f"Summary of {date_and_clock(begin)[:10]}", "\n".join(lines))
