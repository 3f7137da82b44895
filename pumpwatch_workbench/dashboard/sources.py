"""What the page is about: a store on this machine, or a deployed stage, which is only read."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoSignalStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import DAY, HOUR
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch.ports import EventStore, HistoryStore, SignalStore
from pumpwatch.usecases.detect.detect_pumps import RING
from pumpwatch.usecases.detect.market_ring import MarketRing
from pumpwatch_workbench.cli.bybit import public_session
from pumpwatch_workbench.dashboard import state
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteEventStore,
    SqliteHistoryStore,
    SqliteRunRecords,
    SqliteSignalStore,
)
from pumpwatch_workbench.operations.halting import (
    ask_to_close,
    describe,
    halt_entries,
    now,
    resume_entries,
)
from pumpwatch_workbench.operations.installation import installation_of_store
from pumpwatch_workbench.operations.journal.candles import fetched_candles, stored_candles
from pumpwatch_workbench.operations.overview import (
    Overview,
    TradeBook,
    overview,
    overview_of_store,
)
from pumpwatch_workbench.operations.stack import DeployedStack
from pumpwatch_workbench.pages.candle_charts import candle_chart
from pumpwatch_workbench.pages.words import plain

FETCH_SECONDS = 3.0
FETCHED_FOR = 10.0
"""Seconds for which an event's candles are not fetched again, whoever asks."""
SeenPrices = Callable[[str], Sequence[tuple[int, float]]]
"""Gives the times and prices of a symbol as a desk saw them, the newest last."""


class Source(ABC):
    """Stores that are looked at again and again."""

    kind, can_act, base_url, option = "store", False, "", ""
    seconds = 1.0
    """Pause between two looks."""

    def __init__(self, signals: SignalStore, events: EventStore, history: HistoryStore) -> None:
        self._signals, self._events, self._history = signals, events, history
        self.book, self.ring, self._time = TradeBook(), MarketRing(), 0
        self.seen_prices: SeenPrices = lambda symbol: ()
        self._candles: dict[str, tuple[float, Any]] = {}

    @abstractmethod
    def close(self) -> None:
        """Close what is open."""

    def changed(self) -> bool:
        """Return whether there may be something new since the last look."""
        return True

    def read(self) -> state.Section:
        """Return the page's state. Raises `StoreUnavailable`, `AwsRefused`."""
        kept = self._history.load_state(RING) or {}
        ring = MarketRing.from_arrays(kept, str(kept.get("fingerprint")))
        self.ring = ring or MarketRing()
        noted = self.overview()
        self._time, told = noted.now, replace(noted, prices=self._prices(noted))
        signals, runs = self._signals.since(told.now - DAY), self.runs(told.now - HOUR)
        judged = json.loads(np.asarray(kept["judged"]).tobytes()) if "judged" in kept else {}
        going_on, trades = self._events.current(), self.book.trades
        sections = {
            "about": state.about(told, kind=self.kind, can_act=self.can_act, option=self.option),
            "safety": state.safety(told),
            "market": state.market(self.ring, judged),
            "events": list(state.events(signals, going_on, trades, self.ring)),
            "positions": [state.position(told, trade) for trade in told.trades],
            # The equity was noted at the run's prices, where those are known.
            "account": state.account(told if noted.unrealised is None else noted, trades),
            "health": state.health(told, runs, self.ring),
            "now": told.now,
        }
        return {name: plain(section) for name, section in sections.items()}

    @abstractmethod
    def overview(self) -> Overview:
        """Return the installation's overview, with the trades of the book."""

    def runs(self, since: int) -> Sequence[RunRecord]:
        """Return the runs from a time on, where they are kept."""
        return []

    def chart(self, event_id: str) -> state.Section:
        """Return an event's candles as `charts.js` draws them. Raises `BadInput`.

        One thread at a time may call it.
        """
        since = (self._time or now()) - 2 * DAY
        signals = [each for each in self._signals.since(since) if each.event_id == event_id]
        if not signals:
            raise BadInput("there is no such event in the last day")
        fresh = time.monotonic() - FETCHED_FOR
        self._candles = {name: kept for name, kept in self._candles.items() if kept[0] > fresh}
        if event_id not in self._candles:
            rows = self._fetched(signals) or stored_candles(self._history, signals)
            self._candles[event_id] = time.monotonic(), rows.get(event_id, ())
        trades = (trade for trade in self.book.trades.values() if trade.event_id == event_id)
        trade = max(trades, key=state.was_sent, default=None)
        return candle_chart(self._candles[event_id][1], signals=signals, trade=trade)

    def act(self, action: str, reason: str, names: Sequence[str]) -> str:
        """Halt, resume or close as the commands do; return what was done. Raises `BadInput`."""
        raise BadInput(f"a stage is only shown here: type pumpwatch {action} {self.option}")

    def _prices(self, told: Overview) -> dict[str, Decimal]:
        """Return the newest prices of the open trades: those that a run noted may be older."""
        newest = self.ring.ring.last[:, -1:].ravel().tolist()
        last, prices = dict(zip(self.ring.symbols, newest, strict=True)), dict(told.prices)
        for trade in told.trades:
            seen = self.seen_prices(trade.symbol)
            price = seen[-1][1] if seen else last.get(trade.symbol, math.nan)
            if price > 0:
                prices[trade.symbol] = Decimal(f"{price:.7g}")
        return prices

    def _fetched(self, signals: Sequence[Signal]) -> Any:
        with suppress(PumpwatchError), closing(public_session(self.base_url, threads=1)) as session:
            session.start_run(TimerDeadline(FETCH_SECONDS))
            return fetched_candles(BybitMarketData(session), signals, {}, self._time or now())
        return {}


class StoreSource(Source):
    """A store, read beside the desk that has it, be that another process or this one."""

    can_act = True

    def __init__(self, path: Path, seen_prices: SeenPrices = lambda symbol: ()) -> None:
        self._database = file = Database(path, writable=False)
        super().__init__(SqliteSignalStore(file), SqliteEventStore(file), SqliteHistoryStore(file))
        self.base_url, self.seen_prices = file.note("base_url") or "", seen_prices
        self._version: object = None

    def close(self) -> None:
        self._database.close()

    def changed(self) -> bool:
        before, self._version = self._version, self._database.rows("PRAGMA data_version")
        return bool(self._version != before)

    def overview(self) -> Overview:
        return overview_of_store(self._database, book=self.book)

    def runs(self, since: int) -> Sequence[RunRecord]:
        return SqliteRunRecords(self._database).since(since)

    def act(self, action: str, reason: str, names: Sequence[str]) -> str:
        with installation_of_store(self._database.path) as opened:
            here = replace(opened, operator=f"{opened.operator} (dashboard)")
            rest = " It does not run now: this holds when it is started." * here.at_rest
            if action == "halt":
                halt = halt_entries(here, Halt(reason, now()))
                return f"Halted by {halt.by}: nothing is opened from the next run on.{rest}"
            if action == "resume":
                left = "; ".join(describe(resume_entries(here, reason, names)))
                still = f"It still opens nothing, for trades that were not named: {left}"
                return still if left else f"Entries are allowed from the next run on.{rest}"
            live = [trade for trade in here.journal.live_trades() if trade.state.live]
            chosen = [trade for trade in live if trade.signal_id in names]
            if action != "close" or not chosen:
                raise BadInput("there is no such open trade any more")
            ask_to_close(here, chosen[0], reason)
            return f"{chosen[0].symbol} is closed with the next run.{rest}"


class StackSource(Source):
    """A deployed stage: its table and its bucket. `is_run`: that of a run on this machine."""

    def __init__(self, stack: DeployedStack, *, is_run: bool = False) -> None:
        table = stack.table()
        history = S3HistoryStore(stack.output("HistoryBucket"), stack.clients("s3"))
        super().__init__(DynamoSignalStore(table), DynamoEventStore(table), history)
        self._stack = stack
        self.kind, self.seconds = ("run", 2.0) if is_run else ("stack", 10.0)
        self.base_url = stack.outputs.get("BybitBaseUrl", "")
        self.option = "" if is_run else f"--stack {stack.name}"

    def close(self) -> None:
        """Leave the clients open: they are the stack's."""

    def overview(self) -> Overview:
        # The time of a run's market is not this machine's.
        market = self.ring.time if self.kind == "run" else 0
        return overview(self._stack, book=self.book, market=market)
