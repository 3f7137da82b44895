"""A position that may be held for seconds only is closed by a further run of the invocation."""

from decimal import Decimal

import pytest
from support.doubles import ManualDeadline
from support.trading_rig import START, Rig, peaked, settings

from pumpwatch.bootstrap.exit_watch import LEAST_SECONDS, PAUSE, runs
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.invocation import Tick
from pumpwatch.usecases.trade.report import TradeReport

RUN_SECONDS = 25.0


class Invocation:
    """One invocation of 25 seconds on the rig's clock; `during` happens in each pause."""

    def __init__(self, rig, *, seconds=RUN_SECONDS, during=lambda: None):
        self.rig, self.seconds, self.during = rig, seconds, during
        self.began, self.ticks, self.pauses = rig.clock.now(), [], []
        self.use_case = rig.use_case()

    def seconds_left(self):
        return self.seconds - (self.rig.clock.now() - self.began) / 1000

    def run(self, tick, deadline):
        self.ticks.append(tick)
        return self.rig.try_tick(use_case=self.use_case, name=tick.execution_id, deadline=deadline)

    def wait(self, seconds):
        self.pauses.append(seconds)
        self.rig.advance(seconds)
        self.during()

    def reports(self):
        tick = Tick(self.began, "woken", ("signal",), bad_records=1)
        return list(runs(self.run, tick, self, wait=self.wait))


@pytest.fixture
def rig():
    rig = Rig(settings(strategy="ride", ride_exit="time"))
    rig.signals.publish(peaked(phase=Phase.RISING))
    return rig


def test_a_timed_ride_has_a_stop_and_no_target_and_ends_in_its_invocation(rig):
    invocation = Invocation(rig)
    first, *later = invocation.reports()
    assert [trade.side for trade in first.opened] == [Side.BUY]
    assert first.opened[0].take_profit is None
    assert first.positions_without_stop == 0
    assert later[-1].closed[0].exit_reason is ExitReason.TIME_LIMIT
    assert rig.trade().exit_time - START == 15_000
    assert not rig.broker.positions()
    assert invocation.pauses == [PAUSE] * 5
    assert len({tick.execution_id for tick in invocation.ticks}) == len(invocation.ticks)
    assert sum(tick.bad_records for tick in invocation.ticks) == 1


def test_the_stop_protects_it_at_the_exchange_all_the_time(rig):
    invocation = Invocation(rig, during=lambda: rig.set_price(1.0))
    assert invocation.reports()[-1].closed[0].exit_reason is ExitReason.STOP_LOSS
    assert len(invocation.pauses) == 1


def test_a_lost_stop_is_set_again_within_seconds(rig):
    def lose():
        if rig.broker.positions():
            rig.broker.remove_protection(rig.trade().symbol)

    reports = Invocation(rig, during=lose).reports()
    assert sum(report.repairs["stop_set"] for report in reports) >= 3


def test_in_the_pauses_the_lease_is_free(rig):
    taken = []

    def another():
        lease = rig.leases.acquire("trade", owner="another", seconds=1)
        taken.append(lease)
        rig.leases.release(lease)

    Invocation(rig, during=another).reports()
    assert len(taken) == 5


def test_a_busy_lease_does_not_end_the_watch(rig):
    held = []

    def hold():
        if not held:
            held.append(rig.leases.acquire("trade", owner="another", seconds=4))

    reports = Invocation(rig, during=hold).reports()
    assert None in reports
    assert rig.trade().state is TradeState.CLOSED


def test_a_signal_that_it_has_no_time_for_ends_the_invocation(rig):
    """Its wake-up waits in the stream's shard: the next invocation enters it and takes over."""

    def signal():
        if rig.clock.now() - START == 6_000:
            rig.signal("SECONDUSDT", phase=Phase.RISING)

    first = Invocation(rig, during=signal)
    first.reports()
    assert rig.clock.now() - START == 6_000
    following = Invocation(rig)
    following.reports()
    states = {trade.symbol: trade.exit_time for trade in rig.journal.trades_since(0)}
    assert states == {"PUMPUSDT": START + 15_000, "SECONDUSDT": START + 21_000}


def test_what_the_invocation_has_no_time_for_is_left_to_the_next(rig):
    # An entry needs 21 seconds: this invocation ends before the ride's 15 are over.
    invocation = Invocation(rig, seconds=21.5)
    invocation.reports()
    assert invocation.seconds_left() >= LEAST_SECONDS
    assert rig.trade().state is TradeState.OPEN
    rig.advance(40)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_minutes_are_left_to_the_schedule():
    rig = Rig().opened()
    assert rig.tick().next_exit_seconds is None
    report = TradeReport()
    assert list(runs(lambda *_: report, Tick(START, "once"), ManualDeadline())) == [report]


def test_a_timed_ride_without_a_target_keeps_its_stop_and_size():
    plain = Rig(settings(strategy="ride"))
    timed = Rig(settings(strategy="ride", ride_exit="time", ride_seconds=5))
    for rig in (plain, timed):
        rig.signals.publish(peaked(phase=Phase.RISING))
        rig.tick()
    before, after = plain.trade(), timed.trade()
    assert (before.stop_loss, before.quantity) == (after.stop_loss, after.quantity)
    assert before.take_profit > Decimal("1.2")
    assert after.closes_at == START + 5_000
