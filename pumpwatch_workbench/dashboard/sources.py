"""What the page is about: a store on this machine, or a deployed stage, which is only read."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoSignalStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.moments import DAY, HOUR, MINUTE
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch.ports import EventStore, HistoryStore, Journal, SignalStore
from pumpwatch.usecases.detect.detect_pumps import RING, STATE
from pumpwatch.usecases.detect.market_ring import MarketRing
from pumpwatch_workbench.cli.bybit import public_session
from pumpwatch_workbench.dashboard.state import Seen
from pumpwatch_workbench.local.store import (
    Database,
    SqliteEventStore,
    SqliteHistoryStore,
    SqliteJournal,
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
from pumpwatch_workbench.operations.overview import (
    Overview,
    TradeBook,
    overview,
    overview_of_store,
)
from pumpwatch_workbench.operations.stack import DeployedStack
from pumpwatch_workbench.pages.candle_charts import candle_chart
from pumpwatch_workbench.pages.event_rows import WINDOW_BEFORE_MS, CandleRow

FETCH_SECONDS = 3.0
FETCHED_FOR = 60.0
"""Seconds for which fetched candles are good; the ring goes on from them."""
CHART_AFTER = 2 * HOUR
MOST_KEPT = 50
Rows = list[CandleRow]


class Source:
    """Stores that are looked at again and again, by one thread at a time."""

    kind = "store"
    can_act = False
    seconds = 1.0
    """Pause between two looks."""
    base_url = ""

    def __init__(
        self, journal: Journal, signals: SignalStore, events: EventStore, history: HistoryStore
    ) -> None:
        self._journal, self._signals = journal, signals
        self._events, self._history = events, history
        self._book = TradeBook()
        self._fetched: dict[str, tuple[float, Rows]] = {}
        self._ring: MarketRing | None = None
        self._usual: dict[str, float] = {}

    def close(self) -> None:
        """Close what is open."""

    def changed(self) -> bool:
        """Return whether there may be something new since the last look."""
        return True

    def read(self) -> Seen:
        """Return what the stores say. Raises `StoreUnavailable`, `AwsRefused`."""
        told = self._read_ring()
        seen = self._overview()
        if self._ring is not None:
            ring = zip(self._ring.symbols, self._ring.ring.last[:, -1].tolist(), strict=True)
            prices = {name: Decimal(f"{price:.7g}") for name, price in ring if price == price}  # noqa: PLR0124 - no NaN
            seen = replace(seen, prices={**seen.prices, **prices})
        return Seen(
            kind=self.kind,
            can_act=self.can_act,
            base_url=self.base_url,
            overview=seen,
            signals=self._signals.since(seen.now - DAY),
            events=self._events.current(),
            trades=self._book.trades,
            ring=self._ring,
            told=told,
            usual=self._usual,
        )

    def _overview(self) -> Overview:
        raise NotImplementedError

    def _read_ring(self) -> dict[str, Any]:
        arrays = self._history.load_state(RING) or {}
        self._ring = MarketRing.from_arrays(arrays, str(arrays.get("fingerprint")))
        state = self._history.load_state(STATE) or {}
        with suppress(KeyError):
            names, means = np.asarray(state["symbols"]), np.asarray(state["carry_mean"])
            self._usual = dict(zip(names.tolist(), means.tolist(), strict=True))
        told = arrays.get("judged", state.get("judged"))
        return {} if told is None else dict(json.loads(np.asarray(told).tobytes()))

    def chart(self, event_id: str) -> dict[str, Any]:
        """Return an event's minutes, fetched and from the ring since, as `charts.js` draws them.

        Raises `BadInput` for an event that is not of the last day.
        """
        until = self._ring.time if self._ring else now()
        recent = self._signals.since(until - 2 * DAY)
        signals = [signal for signal in recent if signal.event_id == event_id]
        if not signals:
            raise BadInput("there is no such event in the last day")
        at, rows = self._fetched.get(event_id, (0.0, []))
        over = bool(rows) and rows[-1].open_time >= signals[0].time + CHART_AFTER - MINUTE
        if not over and time.monotonic() - at > FETCHED_FOR:
            rows = self._fetch(signals[0]) or rows
            self._fetched = dict([*self._fetched.items()][-MOST_KEPT:])
            self._fetched[event_id] = (time.monotonic(), rows)
        trades = (each for each in self._book.trades.values() if each.event_id == event_id)
        rows = _continued(rows, self._ring, signals[0].symbol)
        return candle_chart(rows, signals=signals, trade=next(trades, None))

    def _fetch(self, first: Signal) -> Rows:
        begin = (first.time - WINDOW_BEFORE_MS) // MINUTE * MINUTE
        request = CandleRequest(first.symbol, MINUTE, begin, first.time + CHART_AFTER)
        with suppress(PumpwatchError), closing(public_session(self.base_url, threads=1)) as session:
            session.start_run(TimerDeadline(FETCH_SECONDS))
            series = BybitMarketData(session).candles([request]).get(first.symbol)
            if isinstance(series, CandleSeries):
                values = np.delete(series.values, 4, axis=1).tolist()
                pairs = zip(series.open_time.tolist(), values, strict=True)
                return [CandleRow(opened, *row) for opened, row in pairs]
        return []

    def act(self, action: str, reason: str, names: Sequence[str]) -> str:
        """Halt, resume or close as the commands do; return what was done. Raises `BadInput`."""
        raise BadInput(f"a stage is only read here: type pumpwatch {action}")


def _continued(rows: Rows, ring: MarketRing | None, symbol: str) -> Rows:
    """Return the minutes with those of the ring that are newer, or move on."""
    if ring is None or symbol not in ring.symbols:
        return rows
    row = ring.symbols.index(symbol)
    minutes, newest = {each.open_time: each for each in rows}, rows[-1].open_time if rows else 0
    flow = np.nan_to_num(np.diff(ring.ring.flow[row], prepend=np.nan)).tolist()
    last = ring.ring.last[row].tolist()
    for at, price, added in zip(ring.ring.time.tolist(), last, flow, strict=True):
        opened = at // MINUTE * MINUTE
        if math.isnan(price) or opened < newest:
            continue
        old = minutes.get(opened) or CandleRow(opened, price, price, price, price, 0.0)
        high, low = max(old.high, price), min(old.low, price)
        turnover = old.turnover + added * (opened > newest)
        minutes[opened] = CandleRow(opened, old.open, high, low, price, turnover)
    return [minutes[opened] for opened in sorted(minutes)]


class StoreSource(Source):
    """A store, read beside the desk that has it, be that another process or this one."""

    can_act = True

    def __init__(self, path: Path) -> None:
        self._database = database = Database(path, writable=False)
        super().__init__(
            SqliteJournal(database),
            SqliteSignalStore(database),
            SqliteEventStore(database),
            SqliteHistoryStore(database),
        )
        self.base_url = database.note("base_url") or "https://api.bybit.com"
        self._version: Any = None
        self._equity: list[tuple[int, Decimal]] = []

    def close(self) -> None:
        self._database.close()

    def changed(self) -> bool:
        before, self._version = self._version, self._database.rows("PRAGMA data_version")
        return bool(self._version != before)

    def read(self) -> Seen:
        records = SqliteRunRecords(self._database)
        runs = records.latest(60)
        if not self._equity:
            self._equity = _equity(records.sampled())
        newest = self._equity[-1][0] if self._equity else 0
        self._equity += _equity(run for run in reversed(runs) if run.time > newest)
        start = self._equity[0][1] if self._equity else None
        return replace(super().read(), runs=runs, equity=self._equity, start=start)

    def _overview(self) -> Overview:
        return overview_of_store(self._database, book=self._book)

    def act(self, action: str, reason: str, names: Sequence[str]) -> str:
        with installation_of_store(self._database.path) as opened:
            here = replace(opened, operator=f"{opened.operator} (dashboard)")
            rest = " It does not run now: this holds when it is started." * here.at_rest
            if action == "halt":
                halt = halt_entries(here, Halt(reason, now()))
                return f"Halted for {halt.by}: nothing is opened from the next run on.{rest}"
            if action == "resume":
                left = resume_entries(here, reason, names)
                still = f"Still opens nothing, for trades not named: {'; '.join(describe(left))}"
                return still if left else f"Entries are allowed from the next run on.{rest}"
            live = {trade.signal_id: trade for trade in here.journal.live_trades()}
            if not names or names[0] not in live or not live[names[0]].state.live:
                raise BadInput("there is no such open trade any more")
            ask_to_close(here, live[names[0]], reason)
            return f"{live[names[0]].symbol} is closed with the next run.{rest}"


class StackSource(Source):
    """A deployed stage: its table and its bucket. `is_run`: that of a run on this machine."""

    def __init__(self, stack: DeployedStack, *, is_run: bool = False) -> None:
        table, bucket = stack.table(), stack.output("HistoryBucket")
        super().__init__(
            DynamoJournal(table),
            DynamoSignalStore(table),
            DynamoEventStore(table),
            S3HistoryStore(bucket, stack.clients("s3")),
        )
        self._stack = stack
        self.kind, self.seconds = ("run", 2.0) if is_run else ("stack", 10.0)
        self.base_url = stack.outputs.get("BybitBaseUrl", "")

    def _overview(self) -> Overview:
        # The time of a run's market is not this machine's.
        market = self._ring.time if self._ring and self.kind == "run" else 0
        return overview(self._stack, book=self._book, market=market)

    def read(self) -> Seen:
        seen = super().read()
        start = Decimal(self._stack.parameters.get("PaperEquityUsdt") or 0)
        points, worth = [], start
        ended = (each for each in seen.trades.values() if each.exit_time)
        for trade in sorted(ended, key=lambda each: each.exit_time or 0):
            worth += trade.realised_pnl
            points.append((trade.exit_time or 0, worth))
        return replace(seen, equity=points, start=start or None)


def _equity(runs: Any) -> list[tuple[int, Decimal]]:
    return [(run.time, run.equity) for run in runs if run.equity is not None]
