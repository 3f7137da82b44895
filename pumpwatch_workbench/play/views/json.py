"""A desk as JSON lines, one object each: for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.words import plain
from pumpwatch_workbench.play.views.view import RunFacts, RunView, TickSnapshot, Watched


class JsonView(RunView):
    """Writes a line for each signal, trade, tick and note; `kind` says which."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._watched = write, Watched()

    def note(self, text: str) -> None:
        if text:
            self.line("note", text=text)

    def started(self, facts: RunFacts) -> None:
        self._watched = facts.watched
        self.line("started", title=facts.title, time=facts.start, end=facts.end)

    def tick(self, snapshot: TickSnapshot) -> None:
        self.line(
            "tick",
            time=snapshot.time,
            tick=snapshot.tick,
            equity_usdt=snapshot.equity,
            open_positions=len(snapshot.trades),
            events_open=snapshot.events_open,
            trades=snapshot.trades,
            movers=self._watched.looks.movers,
            counts=snapshot.counts,
        )

    def signal(self, signal: Signal) -> None:
        self.line(
            "signal",
            time=signal.time,
            symbol=signal.symbol,
            phase=signal.phase,
            price=signal.price,
            base_price=signal.base_price,
            event_id=signal.event_id,
        )

    def trade(self, time: int, trade: Trade) -> None:
        self.line(
            "trade",
            time=time,
            symbol=trade.symbol,
            side=trade.side,
            state=trade.state,
            quantity=trade.quantity,
            entry_price=trade.entry_price,
            exit_price=trade.exit_price,
            exit_reason=trade.exit_reason,
            realised_pnl_usdt=trade.realised_pnl,
            denial=trade.denial or None,
        )

    def line(self, kind: str, **fields: object) -> None:
        """Write one line."""
        self._write(json.dumps(plain({"kind": kind, **fields})))
