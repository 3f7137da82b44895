"""An hour of scans in simulated time: AWS's side is played here, and it is not kind.

The schedule fires anywhere in its minute, messages come late, twice and in batches, runs overlap
and are throttled, processes are killed wherever they stand. What is deployed is real: handler,
composition, use case, queue adapter.
"""

import heapq
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.detect_rig import START, Rig
from support.doubles import MemoryMetricsSink, MemoryTotalsStore

from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.adapters.sqs import SqsScanQueue
from pumpwatch.bootstrap.connection import BybitConnection
from pumpwatch.bootstrap.detect import DetectStores, detect_function
from pumpwatch.metrics.catalogue import DETECT
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.local.aws.functions import LocalFunction
from pumpwatch_workbench.local.aws.queues import QueueReader, SentMessages
from pumpwatch_workbench.local.memory import MemoryLeaseStore

ROOT = Path(__file__).parents[2]
SECOND, MINUTE = 1_000, 60_000
INTERVAL, TIMEOUT = 5 * SECOND, 8.0
AHEAD, HIDDEN, KEPT = 190 * SECOND, 60 * SECOND, 300 * SECOND
JITTER = 600
"""Milliseconds by which a message comes later than it is due; delays are whole seconds, too."""
LATE = JITTER + SECOND
HOUR = 60


class Killed(BaseException):
    """The process is gone: nothing catches it, and no clean-up reaches the outside."""


class Instance(LocalFunction):
    """An instance of the function. `dies_at` is where its present run is killed."""

    def __init__(self, world):
        super().__init__(
            "detect",
            code=ROOT / "functions" / "detect",
            handler="app.lambda_handler",
            variables={"POWERTOOLS_SERVICE_NAME": "hour", "POWERTOOLS_LOG_LEVEL": "CRITICAL"},
            timeout_seconds=TIMEOUT,
            memory_megabytes=512,
            region="eu-central-1",
            runtime={"AWS_DEFAULT_REGION": "eu-central-1"},
        )
        self.world = world
        self.dies_at = ""
        self.dead = self.at_work = False
        self.seen = 0
        """When it saw the market last."""

    def reach(self, point):
        self.dead |= self.dies_at == point
        if self.dead:
            raise Killed

    def guarded(self, port, **points):
        return _Guarded(self, port, points)

    def start(self, event):
        """Run; return the answer, None when the process was killed."""
        self.dead, self.at_work = False, True
        try:
            self.reach("start")
            answer = self.invoke(event).result()
        except Killed:
            self.forget()
            return None
        finally:
            self.at_work, self.dies_at = False, ""
        return answer


class _Guarded:
    """A port that is out of reach once the process is dead, and where it can die."""

    def __init__(self, instance, port, points):
        self._instance, self._port, self._points = instance, port, points

    def __getattr__(self, name):
        method = getattr(self._port, name)

        def call(*given, **named):
            self._instance.reach(self._points.get(name, "never"))
            return method(*given, **named)

        return call


class SqsClient:
    """What boto3's client for the queue does, on the stand-in's own messages."""

    def __init__(self, sent):
        self.messages = SentMessages()
        self.sent = sent

    def send_message_batch(self, **asked):
        answer = self.messages.answer("SendMessageBatch", asked)
        self.sent()
        return answer

    def receive_message(self, **asked):
        return self.messages.answer("ReceiveMessage", asked)


@dataclass
class World:
    """AWS and the exchange around the function; `now` is the time for all of them."""

    random: np.random.Generator
    concurrency: int = 1
    now: int = START
    timeline: list = field(default_factory=list)
    looks: list = field(default_factory=list)
    """When the market was seen, by runs that finished."""
    slots: list = field(default_factory=list)
    kills: list = field(default_factory=list)
    dropped: int = 0
    cold_rate: float = 0.02
    kill_rate: float = 0.0
    duplicates: float = 0.0

    def __post_init__(self):
        self.rig = Rig(symbols=2).ready()
        self.rig.market.snapshot = self._snapshot(self.rig.market.snapshot)
        self.leases = MemoryLeaseStore(lambda: self.now / SECOND)
        self.totals, self.sink = MemoryTotalsStore(), MemoryMetricsSink()
        self.client = SqsClient(lambda: self.queue.take(self.now))
        self.queue = QueueReader(self.client, "queue", "arn", batch_size=10)
        self.numbers = count()
        self.instances = [Instance(self) for _ in range(self.concurrency)]
        self.running = []

    def compose(self, environment, *, exchange_time=None):
        """Return the function of the instance that is being loaded."""
        instance, rig = self.running[-1], self.rig
        instance.reach("cold")
        guard = instance.guarded
        session = SimpleNamespace(
            start_run=lambda deadline: None,
            now=lambda: self.now,
            doubt=lambda: "",
            traffic=Traffic(),
            clock_skew_seconds=None,
        )
        stores = DetectStores(
            history=guard(rig.history, save_state="save"),
            signals=guard(rig.signals),
            events=guard(rig.events),
            leases=guard(self.leases, acquire="lease", release="release"),
            totals=guard(self.totals, add="totals"),
        )
        settings = DetectSettings(
            table_name="table", bucket_name="bucket", detector="ewma", refresh_symbols=2
        )
        return detect_function(
            settings,
            stores,
            BybitConnection(session, guard(rig.market, snapshot="scan")),
            queue=guard(SqsScanQueue("queue", self.client), enqueue="enqueue"),
            sink=self.sink,
            wait=lambda seconds: self.play_until(self.now + round(seconds * SECOND)),
        )

    def _snapshot(self, original):
        def snapshot(symbol=""):
            self.rig.market.now = self.running[-1].seen = self.now
            seen = original(symbol)
            self.play_until(self.now + self.between(100, 900))
            return seen

        return snapshot

    # --- time ------------------------------------------------------------------------------

    def between(self, low, high):
        return int(self.random.integers(low, high))

    def at(self, time, work):
        heapq.heappush(self.timeline, (time, next(self.numbers), work))

    def play_until(self, end):
        """Let everything happen until then; runs that are at work play this too, and overlap."""
        while self.timeline and self.timeline[0][0] <= end:
            time, _, work = heapq.heappop(self.timeline)
            self.now = max(self.now, time)
            work()
        self.now = max(self.now, end)

    # --- AWS -------------------------------------------------------------------------------

    def play(self, minutes=HOUR, *, fires=None, missed=(), second=None):
        """Let the schedule fire for some minutes, and play an hour."""
        for minute in set(range(fires or minutes)) - set(missed):
            time = START + minute * MINUTE
            offset = self.between(0, MINUTE) if second is None else second * SECOND
            self.at(time + offset, lambda time=time: self.fire(time))
        for time in range(START, START + minutes * MINUTE, SECOND):
            self.at(time + self.between(0, JITTER), self.deliver)
        self.play_until(START + minutes * MINUTE)

    def fire(self, time):
        moment = f"2026-01-01T{(time - START) // (60 * MINUTE):02}:{time // MINUTE % 60:02}:00Z"
        event = {"scheduled_time": moment, "execution_id": f"minute-{time}"}
        # Lambda keeps what it had to throttle, and a run waits for another one's lease; here the
        # other one goes on only when this one does not wait inside of it.
        if self.running or self.run(event) is THROTTLED:
            self.at(self.now + SECOND // 2, lambda: self.fire(time))

    def deliver(self):
        """Hand over what is due now."""
        for event in self.queue.due(self.now):
            answer = self.run(event)
            for record in event["Records"] if answer in (None, THROTTLED) else ():
                # Hidden for the visibility time-out, and gone after the retention.
                if self.now + HIDDEN < int(record["attributes"]["SentTimestamp"]) + KEPT:
                    self.queue.put(record, self.now + HIDDEN)
            if self.random.random() < self.duplicates:
                # At least once means: sometimes twice.
                later = self.now + self.between(1, 20_000)
                self.at(later, lambda event=event: self.run(event))

    def run(self, event):
        free = [one for one in self.instances if not one.at_work]
        if not free:
            return THROTTLED
        instance = free[self.between(0, len(free))]
        if self.random.random() < self.kill_rate:
            instance.dies_at = POINTS[self.between(0, len(POINTS))]
        elif self.random.random() < self.cold_rate:
            instance.forget()
        self.running.append(instance)
        answer = instance.start(event)
        self.running.pop()
        if answer is None:
            self.kills.append(self.now)
        elif "symbols" in answer:
            self.looks.append(instance.seen)
            if "Records" in event:
                self.slots.append(max(record["body"] for record in event["Records"]))
        elif "Records" in event:
            self.dropped += 1
        return answer


THROTTLED = object()
POINTS = ("start", "cold", "lease", "enqueue", "scan", "save", "totals", "release")


@pytest.fixture
def world_of(monkeypatch):
    def make(seed=1, **more):
        world = World(np.random.default_rng(seed), **more)
        monkeypatch.setattr("pumpwatch.bootstrap.detect.detect_from_environment", world.compose)
        return world

    return make


def gaps(world):
    """Return the gaps between two looks, each with its ends."""
    return [(b - a, a, b) for a, b in pairwise(sorted(world.looks))]


def assert_nothing_twice(world):
    assert len(world.slots) == len(set(world.slots))


def assert_seen(world, kills=()):
    """Two intervals are the longest gap; after a kill, and after each of several, 15 seconds."""
    begin, end = min(world.looks), max(world.looks)
    assert begin < START + 2 * MINUTE
    assert end > START + HOUR * MINUTE - 3 * INTERVAL
    for gap, a, b in gaps(world):
        killed = [kill for kill in kills if a <= kill <= b]
        assert gap <= 2 * INTERVAL + LATE or killed, f"{gap} ms from {a - START}"
        assert b - max(killed, default=b) <= 15 * SECOND, f"{gap} ms from {a - START}"


def test_quiet_hour_is_seen_at_every_interval(world_of):
    world = world_of(cold_rate=0.0)
    world.play(second=3)
    assert_nothing_twice(world)
    assert len(world.slots) >= 700
    assert max(gap for gap, *_ in gaps(world)) <= INTERVAL + LATE
    counted = world.totals.add(DETECT, "look", {})
    assert counted[f"{DETECT}_runs_total|result=success"] == HOUR == len(world.sink.pushes)
    # The last minute's scans wait for the next report.
    reported = counted[f"{DETECT}_scans_total|result=success"]
    assert len(world.slots) - 13 < reported < len(world.slots)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_hour_of_a_schedule_that_fires_anywhere_and_misses_a_minute(world_of, concurrency):
    world = world_of(concurrency=concurrency, duplicates=0.2)
    world.play(missed=(7, 31))
    assert_nothing_twice(world)
    assert_seen(world)
    assert world.dropped > 50


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_hour_with_kills_wherever_a_run_stands(world_of, seed, concurrency):
    world = world_of(seed, concurrency=concurrency, duplicates=0.1, kill_rate=0.04)
    world.play(missed=(20,))
    assert len(world.kills) > 10
    assert_nothing_twice(world)
    assert_seen(world, world.kills)


def test_scanning_ends_when_the_schedule_is_disabled(world_of):
    world = world_of()
    world.play(fires=10)
    last = START + 10 * MINUTE + AHEAD
    assert last - MINUTE - 2 * INTERVAL < max(world.looks) <= last + LATE
    assert world.queue.next_due is None
