"""A desk that is killed: its process, the exchange that sees its requests, and what must hold."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path

from pumpwatch.domain.detection.signals import Phase, Signal, signal_id_for
from pumpwatch.domain.trading.halt import CloseRequest
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteJournal,
    SqlitePaperStore,
    SqliteSignalStore,
)
from pumpwatch_workbench.local.store.bodies import body_of
from pumpwatch_workbench.local.store.schema import APPLICATION_ID, STEPS
from pumpwatch_workbench.simulator import control
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.endpoints.wire.messages import Response
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock, wall_milliseconds
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket
from pumpwatch_workbench.simulator.server import SimulatorServer

CREATE, KLINE = "/v5/order/create", "/v5/market/kline"
LONGEST = 30.0
"""Seconds that anything may take."""
SYMBOLS, MINUTES = 16, 5
PHASES = {"ride": Phase.RISING, "fade": Phase.PEAKED}


class WatchingExchange(Exchange):
    """Tells `watcher` of each request, before it is handled and before its answer leaves.

    A request before which the watcher returns True never arrives.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.watcher = None

    def handle(self, method, path, query="", body=b"", headers=None, address="127.0.0.1"):
        """Answer a request."""
        watcher = self.watcher
        if watcher and watcher(path, "before"):
            return Response(503, b"", {})
        answer = super().handle(method, path, query, body, headers, address)
        if watcher:
            watcher(path, "after")
        return answer


def uncounted():
    """Return an environment in which no coverage is counted: a kill would leave half a file."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


class Nursery:
    """Starts desks, one at a time."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("desk_nursery.py"))],
            env=uncounted(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, arguments, environment, output):
        """Start a desk; return its process id."""
        asked = {"arguments": arguments, "environment": environment, "output": str(output)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def wait(self):
        """Return the status of the last desk when it has ended."""
        return int(self._process.stdout.readline())

    def close(self):
        """End the process; no desk may run."""
        self._process.stdin.close()
        self._process.wait(LONGEST)
        self._process.stdout.close()


class OwnProcesses:
    """Starts desks as a person does, one at a time."""

    def __init__(self):
        self._process = None

    def start(self, arguments, environment, output):
        """Start a desk; return its process id."""
        with output.open("a") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pumpwatch_workbench", *arguments],
                env={**uncounted(), **environment},
                stdout=said,
                stderr=said,
            )
        return self._process.pid

    def wait(self):
        """Return the status of the last desk when it has ended."""
        return self._process.wait(LONGEST)


class KilledDesk:
    """One account, one store, and a desk that lives several times."""

    def __init__(self, folder, nursery, *, mode="live", strategy="ride", seed=1):
        self.folder, self.nursery, self.mode = folder, nursery, mode
        self.store, self.output = folder / f"{mode}.db", folder / "output"
        self.strategy, self.ahead = strategy, 0
        credentials = credentials_from_seed(seed)
        start = wall_milliseconds() // 60_000 * 60_000
        self.market = SyntheticMarket(SYMBOLS, seed, start, pumps=(), quiet=True)
        self.exchange = WatchingExchange(
            self.market,
            MarketClock(wall=self.now),
            credentials,
            ExchangeSettings(mark_lag_minutes=0),
        )
        self.server = SimulatorServer(self.exchange).start()
        key = folder / "key.json"
        parts = {"api_key": credentials.api_key, "api_secret": credentials.api_secret}
        key.write_text(json.dumps(parts))
        key.chmod(0o600)
        self.environment = {
            "PUMPWATCH_HOME": str(folder),
            "MAX_SPREAD": "0.05",
            "MAX_SIGNAL_AGE_SECONDS": "600",
            "RIDE_STOP_FRACTION": "0.2",
            "FADE_MIN_GAIN": "0",
            "SCAN_INTERVAL_SECONDS": "5",
            "PARALLEL_REQUESTS": "4",
        }
        account = ("--key-file", str(key), "--confirm", str(credentials.user_id))
        self.options = (
            *("--mode", mode, "--base-url", self.server.url, "--strategy", strategy),
            *("--detector", "ewma", "--json", *(account if mode == "live" else ())),
        )
        self.pid, self._known, self._begins = None, threading.Event(), 0
        self.kills = Counter()

    def close(self):
        """End everything."""
        self.exchange.watcher = None
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.nursery.wait()
        self.server.stop()

    def now(self):
        """Return the market's time, which is ahead of ours where desks were idle for a while."""
        return wall_milliseconds() + self.ahead

    # --- what people and the market do --------------------------------------------------------

    @contextmanager
    def opened(self, **options):
        """Open the store beside the desk."""
        database = Database(self.store, **options)
        try:
            yield database
        finally:
            database.close()

    def signal(self, number):
        """Return a fresh signal in an ordinary coin."""
        coins = [
            (index, one.symbol)
            for index, one in enumerate(self.market.listings)
            if not one.symbol_type and one.contract_type == "LinearPerpetual"
        ]
        index, symbol = coins[number]
        now, phase = self.now(), PHASES[self.strategy]
        price = self.market.price(index, now)
        event = f"event-{number}-{symbol}"
        return Signal(
            signal_id=signal_id_for(event, phase),
            event_id=event,
            symbol=symbol,
            phase=phase,
            time=now,
            price=price,
            base_price=price / 1.2,
            peak_price=price * 1.005,
            strength=50.0,
            jump=0.1,
            detector="ewma",
        )

    def publish(self, number):
        """Publish a fresh signal while no desk runs; return its symbol."""
        signal_ = self.signal(number)
        with self.opened() as database:
            SqliteSignalStore(database).publish(signal_)
        return signal_.symbol

    def make_old_store(self, number):
        """Make a store as the first version did, with a fresh signal in it; return its symbol."""
        signal_ = self.signal(number)
        old = sqlite3.connect(self.store)
        old.executescript(STEPS[0])
        old.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1")
        values = (signal_.signal_id, signal_.time, body_of(signal_))
        old.execute("INSERT INTO signals VALUES (?, ?, ?)", values)
        old.commit()
        old.close()
        return signal_.symbol

    def ask_to_close(self, symbol):
        """Ask for the symbol's open trade to be closed."""
        with self.opened(alone=False) as database:
            for trade in SqliteJournal(database).live_trades():
                if trade.symbol == symbol:
                    request = CloseRequest(
                        trade.signal_id, wall_milliseconds(), "a person", "tired"
                    )
                    SqliteHaltStore(database).ask_to_close(request)

    # --- lives ----------------------------------------------------------------------

    def start(self):
        """Start the desk's process."""
        arguments = ["desk", *self.options, "--store", str(self.store)]
        self._known.clear()
        self._begins = len(self.said())
        self.pid = self.nursery.start(arguments, self.environment, self.output)
        self._known.set()

    def said(self):
        """Return what all lives have said so far."""
        return self.output.read_text() if self.output.exists() else ""

    def ended(self):
        """Return the status of the process that has ended."""
        status, self.pid, self.exchange.watcher = self.nursery.wait(), None, None
        return status

    def live_until_killed(self, moment, *, checked=True):
        """Start the desk, kill it at the moment, and check what it left behind."""
        self.exchange.watcher = None
        moment.arm(self)
        self.start()
        moment.wait(self)
        status = self.ended()
        if not (moment.may_end and status == 0):
            assert status == -signal.SIGKILL, f"{moment} {status}: {self.said()}"
            self.kills[moment.name] += 1
        if checked:
            self.check()

    def send(self, number):
        """Send the process a signal, once it is known; it may have ended by now."""
        self._known.wait(LONGEST)
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @contextmanager
    def living(self):
        """Let the desk live from its first tick to the end of the block, and end it politely."""
        self.exchange.watcher = None
        self.start()
        self.await_that(lambda: '"tick"' in self.said()[self._begins :])
        yield
        self.send(signal.SIGTERM)
        assert self.ended() == 0, self.said()
        self.check()

    def live_until(self, done):
        """Let the desk live from its start to its first tick, each minute, until something is so.

        What was intended and never sent is looked for until no exchange would still take it.
        """
        for _ in range(MINUTES):
            with self.living():
                if done():
                    return
            self.ahead += 61_000
        raise AssertionError(f"{self.facts()}: {self.said()}")

    def await_that(self, done):
        """Wait for a condition."""
        end = time.monotonic() + LONGEST
        while not done():
            assert time.monotonic() < end, f"{self.facts()}: {self.said()}"
            time.sleep(0.02)

    # --- facts ----------------------------------------------------------------------

    def trades(self):
        """Return the trades of the journal, by symbol."""
        with self.opened(writable=False) as database:
            return {trade.symbol: trade for trade in SqliteJournal(database).trades_since(0)}

    def facts(self):
        """Return the state of each trade."""
        return {symbol: (one.state, one.denial) for symbol, one in self.trades().items()}

    def are(self, symbols, *states):
        """Return whether the trades of these symbols are all in one of the states."""
        trades = self.trades()
        return all(name in trades and trades[name].state in states for name in symbols)

    def check(self):
        """Check what holds after every life, however it ended."""
        if self.mode == "paper":
            self._check_paper()
            return
        with self.exchange.lock:
            state = control.state(self.exchange)
        assert state["duplicate_fills"] == []
        assert state["unprotected_ms_max"] == 0
        links = Counter(row["orderLinkId"] for row in state["orders"] if row["orderLinkId"])
        assert set(links.values()) <= {1}
        for position in state["positions"]:
            assert Decimal(position["stopLoss"]) > 0
        waiting = [
            row["symbol"]
            for row in state["orders"]
            if row["stopOrderType"] == "StopLoss" and row["orderStatus"] == "Untriggered"
        ]
        assert sorted(waiting) == sorted(one["symbol"] for one in state["positions"])
        with self.opened(writable=False) as database:
            journal = SqliteJournal(database)
            known = {
                order.request.order_id
                for trade in journal.trades_since(0)
                for order in journal.orders(trade.signal_id)
            }
        assert set(links) <= known
        filled = Counter(
            (row["symbol"], row["reduceOnly"])
            for row in state["orders"]
            if row["orderLinkId"] and Decimal(row["cumExecQty"])
        )
        assert set(filled.values()) <= {1}, "one order per signal and leg"

    def check_agreement(self):
        """Check that journal and exchange tell the same, once a desk had time to care."""
        self.check()
        trades = self.trades()
        if self.mode == "paper":
            with self.opened(writable=False) as database:
                held = set(SqlitePaperStore(database).load().positions)
            assert held == {name for name, one in trades.items() if one.state is TradeState.OPEN}
            return
        with self.exchange.lock:
            state = control.state(self.exchange)
        positions = {one["symbol"]: Decimal(one["size"]) for one in state["positions"]}
        for symbol, trade in trades.items():
            filled = [row for row in state["executions"] if row["symbol"] == symbol]
            assert bool(filled) == (trade.entry_price is not None)
            if trade.state is TradeState.OPEN:
                assert positions.pop(symbol) == trade.quantity
            if trade.state is TradeState.CLOSED:
                paid = sum(Decimal(row["execFee"]) for row in filled)
                gained = sum(
                    Decimal(row["execValue"]) * (1 if row["side"] == "Sell" else -1)
                    for row in filled
                )
                assert abs(gained - paid - trade.realised_pnl) < Decimal("0.000001")
        assert positions == {}

    def _check_paper(self):
        with self.opened(writable=False) as database:
            journal, paper = SqliteJournal(database), SqlitePaperStore(database)
            trades, account = journal.trades_since(0), paper.load()
            known = {
                order.request.order_id for t in trades for order in journal.orders(t.signal_id)
            }
            rows = database.rows("SELECT order_id FROM paper_orders")
            fills = {trade.symbol: paper.fills(trade.symbol, since=0) for trade in trades}
        assert {name for (name,) in rows} <= known
        for symbol, of_symbol in fills.items():
            assert len(of_symbol) <= 2
            assert (symbol in account.positions) == (len(of_symbol) == 1)


class Moment:
    """When a desk is killed. `may_end`: it may have ended by itself before."""

    may_end = False

    def __init__(self, number):
        self.number = number

    @property
    def name(self):
        return type(self).__name__

    def __repr__(self):
        return f"{self.name} {vars(self)}"

    def arm(self, desk):
        """Get ready before the process starts."""

    def wait(self, desk):
        """Wait for the moment and kill the process."""
        raise NotImplementedError


class AfterStart(Moment):
    """So many milliseconds after the process began, wherever it is by then."""

    def wait(self, desk):
        time.sleep(self.number / 1000)
        desk.send(signal.SIGKILL)


class AtRequest(Moment):
    """With the n-th request to a path, or to any: `phase` before or after it is carried out.

    A request that is `lost` never arrives.
    """

    sends = signal.SIGKILL

    def __init__(self, number, path="", phase="after", *, lost=False):
        super().__init__(number)
        self.path, self.phase, self.lost = path, phase, lost
        self._seen = threading.Event()

    def arm(self, desk):
        desk.exchange.watcher = partial(self._watch, desk)

    def _watch(self, desk, path, phase):
        if self._seen.is_set():
            return self.lost
        if phase != self.phase or not path.startswith(self.path):
            return False
        self.number -= 1
        if self.number:
            return False
        desk.send(self.sends)
        self._seen.set()
        return self.lost

    def wait(self, desk):
        if not self._seen.wait(LONGEST):
            desk.send(signal.SIGKILL)
            raise AssertionError(f"{self} never came: {desk.said()}")


class WhileEnding(AtRequest):
    """So many milliseconds after it was asked to end, which it is with the n-th request."""

    may_end = True
    sends = signal.SIGTERM

    def __init__(self, number, milliseconds):
        super().__init__(number)
        self.milliseconds = milliseconds

    def wait(self, desk):
        super().wait(desk)
        time.sleep(self.milliseconds / 1000)
        desk.send(signal.SIGKILL)


class AtCommit(Moment):
    """With the n-th change of the store that a reader notices."""

    def wait(self, desk):
        end, reader, before = time.monotonic() + LONGEST, None, None
        while self.number > 0 and time.monotonic() < end:
            try:
                if reader is None:
                    reader = sqlite3.connect(f"{desk.store.as_uri()}?mode=ro", uri=True)
                version = reader.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                continue  # not there yet, or just being made
            self.number -= before not in (None, version)
            before = version
            time.sleep(0.0005)
        desk.send(signal.SIGKILL)
        if reader is not None:
            reader.close()
        assert self.number == 0, f"{self} never came: {desk.said()}"
