"""A store as a desk leaves it, of any size, and what a browser asks of the live page."""

import json
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from unittest.mock import patch

import numpy as np
import urllib3
from support.records import a_signal, a_trade

from pumpwatch.domain.detection.signals import Phase, PumpEvent
from pumpwatch.domain.market.ring import Ring
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.usecases.detect.market_ring import MarketRing
from pumpwatch_workbench.dashboard import app
from pumpwatch_workbench.dashboard.app import page_app
from pumpwatch_workbench.dashboard.serve import serving
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteEventStore,
    SqliteHistoryStore,
    SqliteJournal,
    SqliteOwnLeases,
    SqliteRunRecords,
    SqliteSignalStore,
)

TOKEN = "a-token-of-good-length"
STEP = 5_000


def a_ring(symbols, until, snapshots=70):
    """A market whose first symbol rises by a tenth in the last minute."""
    times = until - STEP * np.arange(snapshots, dtype=np.int64)[::-1]
    last = np.full((len(symbols), snapshots), 2.0)
    last[0, -12:] = np.linspace(2.0, 2.2, 12)
    flow = np.tile(np.arange(snapshots) * 1000.0, (len(symbols), 1))
    none, zeros = np.zeros(len(symbols)), np.zeros(len(symbols), np.int64)
    day = np.full(len(symbols), 6000.0 * 1440)
    return MarketRing(symbols, Ring(times, last, flow), day, zeros, none, zeros, zeros)


def save_ring(history, ring, judged=(), **counts):
    told = np.frombuffer(json.dumps({"judged": judged, "counts": counts}).encode(), np.uint8)
    history.save_state("detect-ring", ring.to_arrays("1 5") | {"judged": told})


def event_of(signal, **changes):
    same = ("event_id", "symbol", "detector", "base_price", "peak_price", "strength", "jump")
    times = dict.fromkeys(("alarm_candle", "alarm_time", "peak_time", "phase_since"), signal.time)
    event = PumpEvent(
        **{name: getattr(signal, name) for name in same},
        **times,
        phase=signal.phase,
        alarm_price=signal.price,
        last_price=signal.price,
        updated=signal.time,
    )
    return replace(event, **changes)


def fill(database, now, symbols=5, events=2, positions=1, base_url="https://api.bybit.com"):
    """Write what a desk of that many symbols keeps."""
    names = [f"C{number:04d}USDT" for number in range(symbols)]
    for key, value in (("mode", "paper"), ("base_url", base_url)):
        database.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))
    for minute in range(60):
        worth = Decimal(10_000 + minute)
        SqliteRunRecords(database).add(
            RunRecord(now - (60 - minute) * MINUTE, 0.2, 0.1, requests=20, equity=worth)
        )
    leases, journal = SqliteOwnLeases(database), SqliteJournal(database)
    lease = leases.acquire("trade", owner="test", seconds=30)
    for number in range(events):
        at = now - (number + 1) * MINUTE
        ids = {"signal_id": f"signal-{number}", "event_id": f"event-{number}"}
        signal = a_signal(names[number], Phase.RISING, time=at, **ids)
        SqliteSignalStore(database).publish(signal)
        SqliteEventStore(database).save(event_of(signal))
        state = TradeState.OPEN if number < positions else TradeState.DROPPED
        trade = a_trade(symbol=names[number], state=state, created=at, mode="paper", **ids)
        entered = {"entry_price": Decimal("2.1"), "entry_time": at} if number < positions else {}
        denial = {} if number < positions else {"denial": "the spread is too wide"}
        journal.save(replace(trade, **entered, **denial), lease)
    judged = [["C0001USDT", now, "burst", "score 0.40 below its threshold", False]]
    save_ring(SqliteHistoryStore(database), a_ring(names, now), judged, symbols=symbols)
    return names


@contextmanager
def a_store(path, **wanted):
    """Yield an open store that a desk filled up to now."""
    with closing(Database(path)) as database:
        fill(database, int(time.time() * 1000), **wanted)
        yield database


class Visitor:
    """A browser with the token in its cookie, unless told otherwise."""

    def __init__(self, url, token=TOKEN):
        self.url, self.pool = url, urllib3.PoolManager(retries=False)
        self.own = {"Cookie": f"pumpwatch-{url.rpartition(':')[2]}={token}"}

    def get(self, path, **headers):
        asked = {"headers": self.own | headers, "redirect": False}
        return self.pool.request("GET", self.url + path, **asked)

    def act(self, action, body, **changes):
        headers = self.own | {"Origin": self.url, "X-Pumpwatch": "1"} | changes
        sent = {name: value for name, value in headers.items() if value is not None}
        return self.pool.request("POST", f"{self.url}/actions/{action}", json=body, headers=sent)

    def states(self):
        """Yield the page's state after each event that changes it."""
        state = {}
        answer = self.pool.request(
            "GET", f"{self.url}/stream", headers=self.own, preload_content=False, timeout=20
        )
        with closing(answer):
            rest = b""
            for part in answer.stream(65_536):
                *events, rest = (rest + part).split(b"\n\n")
                for event in events:
                    if event.startswith(b"event: state\ndata: "):
                        state = state | json.loads(event.partition(b"data: ")[2])
                        yield state

    def until(self, true):
        """Return the first state for which something is true."""
        return next(state for state in self.states() if true(state))


@contextmanager
def watched(source, address="127.0.0.1"):
    """Yield a browser before the page of a source, which is looked at without long pauses."""
    source.seconds = 0.05
    page = page_app(source, token=TOKEN, address=address)
    serves = serving(page, "127.0.0.1", 0, option="--port")
    with patch.object(app, "MOST_OF_A_CORE", 1.0), closing(source), serves as url:
        yield Visitor(url)
