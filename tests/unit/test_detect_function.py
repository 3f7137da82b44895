"""The detect function: how long its lease holds, and what it says of a run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pumpwatch.bootstrap import detect
from pumpwatch.errors import LeaseHeld
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import DETECT
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch_workbench.local.aws.template import load_template
from pumpwatch_workbench.local.memory import MemoryLeaseStore

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
SETTINGS = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket"}
TICK_SECONDS = 60


class Killed(BaseException):
    """The invocation ends here: nothing more runs."""


class Invocation:
    """A Lambda context with so many seconds left."""

    def __init__(self, seconds):
        self.seconds = seconds

    def get_remaining_time_in_millis(self):
        return int(self.seconds * 1000)


TIMEOUT = load_template(TEMPLATE)["Resources"]["DetectFunction"]["Properties"]["Timeout"]


@pytest.fixture
def clock():
    return [1_000.0]


@pytest.fixture
def leases(monkeypatch, clock):
    store = MemoryLeaseStore(lambda: clock[0])
    monkeypatch.setattr(detect, "DynamoLeaseStore", lambda table: store)
    return store


def run(monkeypatch, work, seconds):
    monkeypatch.setattr(detect.DetectPumps, "run", lambda self, tick, deadline: work())
    quiet = SimpleNamespace(report=lambda *_, **__: None)
    monkeypatch.setattr(detect, "metrics_reporter", lambda *_: quiet)
    function = detect.detect_function(SETTINGS)
    return function.run(Tick(scheduled_time=0, execution_id="one"), Invocation(seconds))


@pytest.mark.parametrize("late", [0, 3.5])
def test_the_lease_of_a_killed_run_ends_before_the_next_tick(monkeypatch, leases, clock, late):
    def killed():
        raise Killed

    begun = clock[0]
    monkeypatch.setattr(detect.HeldLease, "close", lambda self: None)
    with pytest.raises(Killed):
        run(monkeypatch, killed, TIMEOUT)
    clock[0] = begun + TIMEOUT - 0.1
    with pytest.raises(LeaseHeld):
        leases.acquire("detect", owner="two", seconds=1)
    clock[0] = begun + TICK_SECONDS - late
    leases.acquire("detect", owner="two", seconds=1)


def test_the_lease_covers_the_run_and_is_given_back_after_it(monkeypatch, leases):
    def at_work():
        with pytest.raises(LeaseHeld):
            leases.acquire("detect", owner="two", seconds=1)
        return DetectReport()

    assert run(monkeypatch, at_work, TIMEOUT) is not None
    leases.acquire("detect", owner="two", seconds=1)


def test_what_was_deferred_unjudged_and_doubted_is_a_number():
    numbers = RunNumbers(DETECT)
    detect.describe(
        DetectReport(candidates_deferred=3, candidates_unjudged=2, clock_doubts=1), numbers
    )
    assert numbers.gauges["pumpwatch_detect_candidates_deferred"] == 3
    assert numbers.gauges["pumpwatch_detect_candidates_unjudged"] == 2
    assert numbers.increments["pumpwatch_detect_clock_doubts_total"] == 1
