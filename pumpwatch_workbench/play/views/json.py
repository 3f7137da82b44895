"""A desk as JSON lines, one object each: for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.words import plain
from pumpwatch_workbench.play.views.looks import Looks
from pumpwatch_workbench.play.views.view import RunFacts, RunView, TickSnapshot

SIGNAL = "time", "symbol", "phase", "price", "base_price", "event_id"
TRADE = "symbol", "side", "state", "quantity", "entry_price", "exit_price", "exit_reason"


class JsonView(RunView):
    """Writes a line for each signal, trade, tick and note; `kind` says which."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write, self._looks = write, Looks()

    def note(self, text: str) -> None:
        if text:
            self.line("note", text=text)

    def started(self, facts: RunFacts) -> None:
        self._looks = facts.looks
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
            movers=self._looks.movers,
            counts=snapshot.counts,
        )

    def signal(self, signal: Signal) -> None:
        self.line("signal", **{name: getattr(signal, name) for name in SIGNAL})

    def trade(self, time: int, trade: Trade) -> None:
        facts = {name: getattr(trade, name) for name in TRADE}
        result, denial = trade.realised_pnl, trade.denial or None
        self.line("trade", time=time, **facts, realised_pnl_usdt=result, denial=denial)

    def line(self, kind: str, **fields: object) -> None:
        """Write one line."""
        self._write(json.dumps(plain({"kind": kind, **fields})))
