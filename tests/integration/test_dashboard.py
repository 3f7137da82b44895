"""The live page beside a store that grows, in the desk's own process, and of a stage."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from types import SimpleNamespace

import pytest
from moto import mock_aws
from support.command_line import type_in
from support.deployed import Deployment
from support.paper_trading import MINUTE, PumpedExchange, Seen, SteppedPace, options_for
from support.records import NOW, a_signal
from support.watched import TOKEN, Visitor, a_ring, a_store, event_of, fill, save_ring, watched
from urllib3.exceptions import ProtocolError

from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.errors import BadInput, StoreUnavailable
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.dashboard.app import page_app
from pumpwatch_workbench.dashboard.serve import serving
from pumpwatch_workbench.dashboard.sources import Source, StackSource, StoreSource
from pumpwatch_workbench.local.home import home
from pumpwatch_workbench.local.store import Database, SqliteHaltStore, SqliteSignalStore
from pumpwatch_workbench.play.desk.play import play
from pumpwatch_workbench.play.run.web import live_page

HOSTILE = "<img src=x onerror=alert(1)> data: {} '; DROP TABLE halts; --"
NOBODY = "http://127.0.0.1:9"
HOLDER = """
import sys
from pathlib import Path
from pumpwatch_workbench.local.store import holder_of
print(holder_of(Path(sys.argv[1])))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "paper.db"


def test_a_store_grows_while_it_is_watched_and_a_person_acts(path):
    with a_store(path) as database, watched(StoreSource(path)) as page:
        states = page.states()
        first = next(states)
        assert [event["id"] for event in first["events"]] == ["event-0", "event-1"]
        assert first["events"][1]["why_not"] == "the spread is too wide"
        assert first["about"]["can_act"]
        assert first["market"]["judged"][0]["verdict"].endswith("0.40 below its threshold")
        assert first["account"]["equity"] == "10059"
        assert first["market"]["movers"][0]["usual_ratio"] == pytest.approx(2.0)
        (position,) = first["positions"]
        assert position["price"] == "2.2", "of the ring, no exchange is asked"

        later = a_signal("NEWUSDT", Phase.RISING, event_id="new", time=first["now"])
        SqliteSignalStore(database).publish(later)
        grown = next(state for state in states if state["events"][0]["id"] == "new")
        assert grown["account"] == first["account"], "only what changes is sent"

        assert page.act("halt", {"reason": HOSTILE}).json()["said"].startswith("Halted by ")
        halted = next(state for state in states if state["safety"]["halted"])
        halt = SqliteHaltStore(database).current()
        assert (halt.reason, halt.by.partition(" ")[2]) == (HOSTILE, "(dashboard)")
        assert halted["safety"]["halted"]["reason"] == HOSTILE
        assert "allowed" in page.act("resume", {"reason": "looked"}).json()["said"]
        assert SqliteHaltStore(database).current() is None
        again = page.act("resume", {"reason": "looked"})
        assert (again.status, "nothing to resume" in again.json()["problem"]) == (400, True)

        said = page.act("close", {"reason": "news", "trades": [position["id"]]}).json()["said"]
        assert said.startswith("C0000USDT is closed with the next run.")
        request = SqliteHaltStore(database).instructions().to_close[position["id"]]
        assert request.reason == "news"
        assert next(s for s in states if s["positions"][0]["asked_to_close"])
        never = page.act("close", {"reason": "news", "trades": ["signal-1"]})
        assert never.status == 400, "it was never open"


def test_candles_come_from_the_exchange_or_stay_away(path, monkeypatch):
    with a_store(path, base_url=NOBODY), watched(StoreSource(path)) as page:
        chart = page.get("/candles/event-0").json()
        assert (chart["kind"], chart["candles"]) == ("candles", [])
        assert chart["marks"][0]["text"] == "rising"
        unknown = page.get("/candles/nothing")
        assert (unknown.status, unknown.json()) == (
            400, {"problem": "there is no such event in the last day"}
        )  # fmt: skip


class Counted(Source):
    """Counts the looks, and fails when told."""

    seconds, looks, failure = 0.05, 0, None

    def __init__(self):
        """Have no stores."""

    def close(self):
        """Nothing is open."""

    def overview(self):
        raise AssertionError("it has none")

    def read(self):
        self.looks += 1
        raise self.failure


def test_nobody_watches_nothing_is_read_and_a_failure_is_said():
    source = Counted()
    source.failure = StoreUnavailable("the disk is gone")
    with watched(source) as page:
        time.sleep(0.2)
        assert source.looks == 0
        streams = [page.states() for _ in range(3)]
        first = [next(stream)["safety"] for stream in streams]
        assert first == [{"level": "bad", "sentence": "It cannot be read: the disk is gone"}] * 3
        source.failure = ZeroDivisionError("secret text")
        second = next(streams[0])["safety"]["sentence"]
        assert second == "It cannot be read: a bug in the page, ZeroDivisionError"
        begin, looks = time.monotonic(), source.looks
        time.sleep(0.3)
        passed = time.monotonic() - begin
        assert source.looks - looks <= passed / source.seconds + 1, "one look for all three"
        for stream in streams:
            stream.close()
        deadline = time.monotonic() + 5
        while (before := source.looks) != (time.sleep(0.2), source.looks)[1]:
            assert time.monotonic() < deadline, "nobody watches any more"
            assert before


def test_an_open_page_neither_delays_the_end_nor_minds_a_restart(path):
    with a_store(path), closing(StoreSource(path)) as source:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        for is_open in (True, False):
            app = page_app(source, token=TOKEN, address="127.0.0.1")
            with serving(app, "127.0.0.1", port, option="--web") as url:
                stream = Visitor(url).states()
                assert next(stream)["events"]
                if not is_open:
                    stream.close()
                begin = time.monotonic()
            assert time.monotonic() - begin < 4
            if is_open:
                with pytest.raises(ProtocolError):
                    list(stream)


class Looking(Seen):
    """A view that opens the desk's page at each tick, and halts at the first."""

    def __init__(self, path):
        super().__init__()
        self.path, self.states, self.holder = path, [], ""

    def tick(self, snapshot):
        said = next(note for note in self.notes if "Live page" in note)
        url = said.partition(": ")[2].partition("/?token=")[0]
        page = Visitor(url, token=(home() / "dashboard-token").read_text())
        assert TOKEN not in said
        assert page.own["Cookie"].partition("=")[2] not in said, "notes may be kept"
        if not self.holder:
            assert page.act("halt", {"reason": "odd fills"}).status == 200
            asked = [sys.executable, "-c", HOLDER, str(self.path)]
            done = subprocess.run(asked, capture_output=True, text=True, check=True)
            self.holder = done.stdout.strip()
        self.states.append(page.until(lambda state: "health" in state))


def test_a_desk_serves_its_own_page_and_keeps_its_store_to_itself(path):
    world, view = PumpedExchange(symbols=12), Looking(path)
    with closing(world):
        world.clock.advance_to(world.clock.now() + 4 * MINUTE)
        options = options_for(world.url, path, duration=4 * MINUTE, web_port=0)
        play(options, view, threading.Event(), lambda desk: SteppedPace(world.clock))
    assert view.holder == str(os.getpid()), "no other process may take the store"
    last = view.states[-1]
    assert last["safety"]["halted"]["reason"] == "odd fills"
    assert last["safety"]["running"]
    assert last["safety"]["level"] != "bad"
    assert last["safety"]["ages"]["trade"] <= 60, "in the market's time"
    assert [event["symbol"] for event in last["events"]] == [world.pumped]
    assert last["events"][0]["open"]


def test_with_open_trades_a_taken_port_is_said_and_the_desk_goes_on(path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken, closing(PumpedExchange(12)) as world:
        port, view = taken.getsockname()[1], Seen()
        options = options_for(world.url, path, duration=MINUTE, web_port=port)
        with pytest.raises(BadInput, match=f"--web {port} cannot be opened"):
            play(options, view, threading.Event(), lambda desk: SteppedPace(world.clock))
        holds = "pumpwatch_workbench.play.desk.desk.Desk.holds_trades"
        monkeypatch.setattr(holds, lambda self: True)
        tally = play(options, view, threading.Event(), lambda desk: SteppedPace(world.clock))
        assert tally.ticks
        assert any("goes on: --web" in note for note in view.notes)


@mock_aws
def test_a_stage_is_shown_and_only_shown():
    deployed = Deployment()
    deployed.succeed(DETECT, TRADE)
    DynamoTotalsStore(deployed.table()).add(TRADE, "run", {}, equity=5000.0)
    stack, now = deployed.stack(), int(time.time() * 1000)
    signal = a_signal(time=now - MINUTE)
    DynamoSignalStore(stack.table()).publish(signal)
    DynamoEventStore(stack.table()).save(event_of(signal))
    bucket = S3HistoryStore(deployed.outputs["HistoryBucket"], deployed.client("s3"))
    save_ring(bucket, a_ring(["A", "B"], now), symbols=2)
    with watched(StackSource(stack)) as page:
        state = page.until(lambda state: state["events"])
        assert state["about"]["kind"] == "stack"
        assert not state["about"]["can_act"]
        assert state["safety"]["level"] == "good", state["safety"]
        assert state["account"]["equity"] == "5000"
        assert state["market"]["movers"][0]["symbol"] == "A"
        refused = page.act("halt", {"reason": "odd fills"})
        assert refused.status == 400
        assert "pumpwatch halt --stack pumpwatch" in refused.json()["problem"]


@mock_aws
def test_a_run_on_this_machine_is_a_stage_in_its_own_time():
    deployed, view = Deployment(), Seen()
    signal = a_signal()
    DynamoSignalStore(deployed.table()).publish(signal)
    DynamoTotalsStore(deployed.table()).add(TRADE, "run", {}, equity=10_000.0)
    bucket = S3HistoryStore(deployed.outputs["HistoryBucket"], deployed.client("s3"))
    save_ring(bucket, a_ring(["A", "B"], signal.time + MINUTE), symbols=2)
    aws = SimpleNamespace(client=deployed.client)
    simulator = SimpleNamespace(url=NOBODY)
    stack = SimpleNamespace(name_of=deployed.outputs.get, aws=aws)
    with live_page(SimpleNamespace(stack=stack, simulator=simulator), 0, view):
        url = view.notes[0].removeprefix("Live page: ").partition("/?")[0]
        page = Visitor(url, token=(home() / "dashboard-token").read_text())
        state = page.until(lambda state: state["events"])
    about = state["about"]
    assert (about["kind"], about["can_act"], about["money_moved"]) == ("run", False, False)
    assert (state["account"]["equity"], state["now"]) == ("10000", signal.time + MINUTE)


def test_status_and_report_tell_the_time_of_a_simulated_market(path):
    with closing(Database(path)) as database:
        fill(database, NOW, base_url=NOBODY)
    status = json.loads(type_in("status", "--store", path, "--json").output)
    assert status["seconds_since_success"] == {"detect": 0.0, "trade": 0.0}
    report = json.loads(type_in("report", "--store", path, "--since", "2h", "--json").output)
    assert "event-0" in json.dumps(report)
