"""What the page is about: a store on this machine, or a deployed stage, which is only read."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoSignalStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.detection.bursts import DAY_OF_MINUTES
from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import DAY
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch.ports import EventStore, HistoryStore, SignalStore
from pumpwatch.usecases.detect.detect_pumps import RING, STATE
from pumpwatch.usecases.detect.market_ring import MarketRing
from pumpwatch_workbench.cli.bybit import public_session
from pumpwatch_workbench.dashboard.state import Section, Seen, was_sent
from pumpwatch_workbench.local.store import (
    Database,
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

FETCH_SECONDS = 3.0
FETCHED_FOR = 10.0
"""Seconds for which an event's candles are not fetched again, whoever asks."""
RUNS, MOST_KEPT = 2_000, 50


class Source:
    """Stores that are looked at again and again."""

    kind, can_act, base_url, option = "store", False, "", ""
    seconds = 1.0
    """Pause between two looks."""

    def __init__(self, signals: SignalStore, events: EventStore, history: HistoryStore) -> None:
        self._signals, self._events, self._history = signals, events, history
        self.book = TradeBook()
        self.ring: MarketRing | None = None
        self._time = 0
        """The market's, at the last look."""
        self._candles: dict[str, tuple[float, Any]] = {}

    def close(self) -> None:
        """Close what is open."""

    def changed(self) -> bool:
        """Return whether there may be something new since the last look."""
        return True

    def read(self) -> Seen:
        """Return what the stores say. Raises `StoreUnavailable`, `AwsRefused`."""
        ring = self._history.load_state(RING) or {}
        state = self._history.load_state(STATE) or {}
        self.ring = MarketRing.from_arrays(ring, str(ring.get("fingerprint")))
        told = ring.get("judged", state.get("judged"))
        seen = self.overview()
        self._time = seen.now
        if self.ring is not None:
            last = zip(self.ring.symbols, self.ring.ring.last[:, -1].tolist(), strict=True)
            known = {name: Decimal(f"{price:.7g}") for name, price in last if price > 0}
            seen = replace(seen, prices={**seen.prices, **known})
        return Seen(
            kind=self.kind,
            can_act=self.can_act,
            option=self.option,
            base_url=self.base_url,
            overview=seen,
            signals=self._signals.since(seen.now - DAY),
            events=self._events.current(),
            trades=self.book.trades,
            ring=self.ring,
            told={} if told is None else json.loads(np.asarray(told).tobytes()),
            usual=_usual({name: np.asarray(array) for name, array in state.items()}),
        )

    def overview(self) -> Overview:
        """Return the installation's overview, with the trades of the book."""
        raise NotImplementedError

    def chart(self, event_id: str) -> Section:
        """Return an event's candles as `charts.js` draws them. Raises `BadInput`.

        One thread at a time may call it.
        """
        at, rows = self._candles.get(event_id, (-math.inf, ()))
        since = (self._time or now()) - 2 * DAY
        signals = [each for each in self._signals.since(since) if each.event_id == event_id]
        if not signals:
            raise BadInput("there is no such event in the last day")
        if time.monotonic() - at > FETCHED_FOR:
            rows = (self._fetched(signals) or stored_candles(self._history, signals)).get(event_id)
            self._candles = dict([*self._candles.items()][-MOST_KEPT:])
            self._candles[event_id] = time.monotonic(), rows or ()
        trades = (trade for trade in self.book.trades.values() if trade.event_id == event_id)
        trade = max(trades, key=was_sent, default=None)
        return candle_chart(rows or (), signals=signals, trade=trade)

    def _fetched(self, signals: Sequence[Signal]) -> Any:
        with suppress(PumpwatchError), closing(public_session(self.base_url, threads=1)) as session:
            session.start_run(TimerDeadline(FETCH_SECONDS))
            return fetched_candles(BybitMarketData(session), signals, {}, self._time or now())
        return {}

    def act(self, action: str, reason: str, names: Sequence[str]) -> str:
        """Halt, resume or close as the commands do; return what was done. Raises `BadInput`."""
        raise BadInput(f"a stage is only shown here: type pumpwatch {action} {self.option}")


def _usual(state: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """Return the mean turnover of a minute, as the rule remembers it, by symbol."""
    if not {"symbols", "carry_mean", "carry_extra"} <= state.keys():
        return {}
    # A rule that keeps no mean has the sum of a day first among its own numbers.
    day = state["carry_extra"][:, :1].sum(axis=1) / DAY_OF_MINUTES
    means = np.where(state["carry_mean"] > 0, state["carry_mean"], day)
    pairs = zip(state["symbols"].tolist(), means.tolist(), strict=True)
    return {name: mean for name, mean in pairs if mean > 0}


class StoreSource(Source):
    """A store, read beside the desk that has it, be that another process or this one."""

    can_act = True

    def __init__(self, path: Path) -> None:
        self._database = file = Database(path, writable=False)
        super().__init__(SqliteSignalStore(file), SqliteEventStore(file), SqliteHistoryStore(file))
        self.base_url = file.note("base_url") or ""
        self._version: object = None
        self._equity: list[tuple[int, Decimal]] = []

    def close(self) -> None:
        self._database.close()

    def changed(self) -> bool:
        before, self._version = self._version, self._database.rows("PRAGMA data_version")
        return bool(self._version != before)

    def read(self) -> Seen:
        runs = [*SqliteRunRecords(self._database).latest(60 if self._equity else RUNS)]
        newest = self._equity[-1][0] if self._equity else -1
        self._equity += [
            (run.time, run.equity)
            for run in reversed(runs)
            if run.equity is not None and run.time > newest
        ]
        return replace(super().read(), runs=runs[:60], equity=self._equity)

    def overview(self) -> Overview:
        return overview_of_store(self._database, book=self.book)

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

    def overview(self) -> Overview:
        # The time of a run's market is not this machine's.
        market = self.ring.time if self.ring and self.kind == "run" else 0
        return overview(self._stack, book=self.book, market=market)

    def read(self) -> Seen:
        seen = super().read()
        told, start = seen.overview, Decimal(self._stack.parameters.get("PaperEquityUsdt") or 0)
        worth, points = start, []
        ended = [(trade.exit_time, trade.realised_pnl) for trade in seen.trades.values()]
        for at, profit in sorted((at, profit) for at, profit in ended if at):
            worth += profit
            points.append((at, worth))
        if start and told.equity_usdt is None and told.unrealised is not None:
            told = replace(told, equity_usdt=worth + told.unrealised)
        return replace(seen, overview=told, equity=points)
