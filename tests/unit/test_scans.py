"""Which scans are enqueued, which are still wanted, and what goes from one instance to the next."""

import pytest

from pumpwatch.bootstrap.scans import AHEAD, ScanMark, Scans
from pumpwatch.domain.lease import Lease
from pumpwatch.errors import StoreUnavailable
from pumpwatch.invocation import Tick
from pumpwatch_workbench.local.memory import MemoryLeaseStore

SECOND, MINUTE = 1_000, 60_000
NOW = 1_767_225_600_000 + 2 * SECOND


class Queue:
    """Remembers the slots it got; it can be broken."""

    def __init__(self):
        self.slots = []
        self.broken = False

    def enqueue(self, slots, *, now):
        if self.broken:
            raise StoreUnavailable("the queue did not answer")
        self.slots.extend(slots)


@pytest.fixture
def queue():
    return Queue()


def a_lease(mark="", token=1):
    return Lease("detect", "run", token, mark)


def a_scan(slot):
    return Tick(slot, f"scan-{slot}", is_scan=True)


def test_every_slot_ahead_is_enqueued_once(queue):
    scans, lease = Scans(queue, 5), a_lease()
    scans.enqueue(lease, NOW)
    first = NOW + 3 * SECOND
    assert queue.slots == list(range(first, NOW + AHEAD + 1, 5 * SECOND))
    for now in (NOW, NOW + 60 * SECOND, NOW + 400 * SECOND):
        scans.enqueue(lease, now)
    # Nothing asked for the time between the horizon of the second and the last run.
    missed = range(NOW + 60 * SECOND + AHEAD, NOW + 400 * SECOND)
    assert len(queue.slots) == len(set(queue.slots))
    assert not [slot for slot in queue.slots if slot in missed]
    assert max(queue.slots) == NOW + 588 * SECOND


@pytest.mark.parametrize("seconds", [1, 7, 59])
def test_slots_are_multiples_of_the_interval(queue, seconds):
    Scans(queue, seconds).enqueue(a_lease(), NOW)
    assert {slot % (seconds * SECOND) for slot in queue.slots} == {0}
    assert len(queue.slots) in {AHEAD // SECOND // seconds, AHEAD // SECOND // seconds + 1}


def test_nothing_is_enqueued_once_a_minute_or_without_a_queue(queue):
    lease = a_lease()
    Scans(queue, 60).enqueue(lease, NOW)
    Scans(None, 5).enqueue(lease, NOW)
    assert (queue.slots, lease.mark) == ([], "")


def test_what_could_not_be_sent_is_sent_by_the_next_run(queue, caplog):
    scans, lease, queue.broken = Scans(queue, 5), a_lease(), True
    scans.enqueue(lease, NOW)
    assert "scans were not enqueued" in caplog.text
    queue.broken = False
    scans.enqueue(lease, NOW + SECOND)
    assert min(queue.slots) == NOW + 3 * SECOND


def test_mark_of_a_clock_that_was_ahead_is_not_believed(queue):
    """Neither for what is enqueued nor for what was seen: scanning would stop until then."""
    ahead = ScanMark(enqueued=NOW + 60 * MINUTE, looked=NOW + 60 * MINUTE)
    ahead.leave(lease := a_lease())
    scans = Scans(queue, 5)
    scans.enqueue(lease, NOW)
    assert min(queue.slots) == NOW + 3 * SECOND
    assert scans.is_wanted(a_scan(NOW), lease)


@pytest.mark.parametrize("mark", ["x", "[]", "3", '{"looked": "x"}', '{"enqueued": [1]}'])
def test_mark_that_cannot_be_read_is_none(mark):
    assert ScanMark.of(a_lease(mark)) == ScanMark()


def test_scan_is_wanted_unless_the_market_was_seen_since():
    scans, lease = Scans(None, 5), a_lease()
    assert scans.is_wanted(a_scan(NOW), lease)
    scans.looked(a_scan(NOW), lease, NOW + 300)
    assert not scans.is_wanted(a_scan(NOW), lease), "a duplicate"
    assert not scans.is_wanted(a_scan(NOW - 60 * SECOND), lease), "a late one"
    assert scans.is_wanted(a_scan(NOW + 5 * SECOND), lease)


def test_scan_that_came_a_little_early_is_not_made_twice():
    scans, lease = Scans(None, 5), a_lease()
    scans.looked(a_scan(NOW), lease, NOW - 400)
    assert not scans.is_wanted(a_scan(NOW), lease)


def test_gap_is_measured_over_instances_and_unknown_at_first():
    lease = a_lease()
    first, second = Scans(None, 5), Scans(None, 5)
    first.looked(a_scan(NOW), lease, NOW)
    assert first.gap is None
    second.looked(a_scan(NOW + 5 * SECOND), lease, NOW + 5_250)
    assert second.gap == 5.25


def test_enqueued_and_seen_are_kept_side_by_side(queue):
    scans, lease = Scans(queue, 5), a_lease()
    scans.looked(Tick(NOW, "minute"), lease, NOW)
    scans.enqueue(lease, NOW)
    assert ScanMark.of(lease) == ScanMark(enqueued=queue.slots[-1], looked=NOW)


def test_instance_knows_whether_another_one_was_at_work_since():
    """Also one that was killed and left no mark."""
    store = MemoryLeaseStore(lambda: now[0])
    one, other, now = Scans(None, 5), Scans(None, 5), [0.0]

    def run(scans, killed=False):
        lease = store.acquire("detect", owner="run", seconds=9)
        handed_over = scans.handed_over(lease)
        if killed:
            now[0] += 9
        else:
            store.release(lease)
        return handed_over

    assert [run(one), run(one), run(other), run(one), run(one)] == [False, False, True, True, False]
    assert run(other, killed=True)
    assert [run(one), run(one)] == [True, False]
