"""Kill the trade use case before and after every call to a port, run it again, and look.

The calls are found by running each scenario once and counting, so a new call is covered by itself.
"""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from support.trading_rig import Rig, peaked, settings

from pumpwatch.domain.trading.halt import CloseRequest
from pumpwatch.domain.trading.orders import Leg, order_id_for
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import OutcomeUnknown, Rejected


class Killed(BaseException):
    """The process is gone: nothing catches it, and no clean-up reaches the outside."""


@dataclass
class Killer:
    """Counts the calls to all ports and dies at one of them, before or after the port did its work.

    Once dead, every further call dies too: the `finally` of a killed process does nothing.
    """

    at: int | None = None
    after: bool = False
    calls: list[str] = field(default_factory=list)
    dead: bool = False

    def wrap(self, name, port):
        return _Watched(self, name, port) if name != "clock" else port

    def watch(self, name, call):
        def watched(*arguments, **named):
            if self.dead:
                raise Killed
            self.calls.append(name)
            self.dead = len(self.calls) - 1 == self.at
            if self.dead and not self.after:
                raise Killed
            try:
                return call(*arguments, **named)
            finally:
                if self.dead:
                    raise Killed

        return watched


class _Watched:
    def __init__(self, killer, name, port):
        self._killer, self._name, self._port = killer, name, port

    def __getattr__(self, method):
        call = getattr(self._port, method)
        return self._killer.watch(f"{self._name}.{method}", call)


def entry():
    rig = Rig()
    rig.signals.publish(peaked())
    return rig


def entry_with_a_lost_answer():
    rig = entry()
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    return rig


def entry_that_is_refused():
    rig = entry()
    rig.broker.fail("place", Rejected("not enough", code=110007))
    return rig


def entry_without_stop():
    rig = entry()
    rig.broker.drop_stops = True
    return rig


def entry_whose_stop_is_refused():
    rig = entry_without_stop()
    rig.broker.fail("set_protection", Rejected("passed", code=10001), times=50)
    return rig


def entry_with_a_trailing_stop():
    rig = Rig(settings(trailing_stop_fraction=Decimal("0.02")))
    rig.signals.publish(peaked())
    return rig


def time_limit():
    rig = entry().opened()
    rig.advance(30 * 60)
    return rig


def time_limit_with_a_lost_answer():
    rig = time_limit()
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    return rig


def closed_by_its_stop():
    rig = entry().opened()
    rig.advance(30)
    rig.set_price(1.3)
    return rig


def closed_by_hand():
    rig = entry().opened()
    rig.halts.ask_to_close(CloseRequest(rig.trade().signal_id, rig.clock.now(), "operator"))
    return rig


SCENARIOS = [
    entry,
    entry_with_a_lost_answer,
    entry_that_is_refused,
    entry_without_stop,
    entry_whose_stop_is_refused,
    entry_with_a_trailing_stop,
    time_limit,
    time_limit_with_a_lost_answer,
    closed_by_its_stop,
    closed_by_hand,
]
MAY_END_WITHOUT_ENTRY = {entry_that_is_refused}


def calls_of(scenario):
    rig, killer = scenario(), Killer()
    rig.wrap = killer.wrap
    rig.tick()
    return killer.calls


CASES = [
    pytest.param(
        scenario,
        number,
        after,
        id=f"{scenario.__name__}-{'after' if after else 'before'}-{number}-{name}",
    )
    for scenario in SCENARIOS
    for number, name in enumerate(calls_of(scenario))
    for after in (False, True)
]


def killed(scenario, number, after):
    rig = scenario()
    rig.wrap = Killer(at=number, after=after).wrap
    with pytest.raises(Killed):
        rig.tick()
    rig.wrap = lambda _name, port: port
    return rig


def test_the_killer_finds_every_port():
    seen = {name for scenario in SCENARIOS for name in calls_of(scenario)}
    assert {name.partition(".")[0] for name in seen} == {
        "broker",
        "halts",
        "journal",
        "leases",
        "locks",
        "market",
        "signals",
    }
    assert {"broker.place", "broker.set_protection", "journal.intend", "journal.settle"} <= seen


@pytest.mark.parametrize(("scenario", "number", "after"), CASES)
def test_a_killed_run_leaves_one_entry_one_stop_and_an_honest_journal(scenario, number, after):
    rig = killed(scenario, number, after)
    rig.try_tick()  # At once: the lease of the dead run may still be held.
    for _ in range(3):
        rig.advance(31)  # The lease has run out.
        rig.tick()

    sent = rig.entries_sent()
    trade = rig.trade()
    assert len(sent) == len(set(sent)) <= 1
    letters = rig.journal.installation()
    assert set(sent) <= {order_id_for(trade.signal_id, Leg.ENTRY, 0, letters)}
    if scenario not in MAY_END_WITHOUT_ENTRY:
        assert sent or trade.state is TradeState.DROPPED
    rig.check_agreement()
    if scenario in (time_limit, time_limit_with_a_lost_answer):
        assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.TIME_LIMIT)
    if scenario is closed_by_its_stop:
        assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.STOP_LOSS)
    if scenario is closed_by_hand:
        assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.BY_HAND)
    assert not rig.halts.instructions().to_close
    if scenario is entry_whose_stop_is_refused and sent:
        assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.STOP_MISSING)


@pytest.mark.parametrize(("scenario", "number", "after"), CASES)
def test_a_killed_run_whose_successor_comes_late_ends_flat_and_agreed(scenario, number, after):
    """The signal is stale by then and the time limit has passed: nothing may be entered."""
    rig = killed(scenario, number, after)
    before = rig.entries_sent()
    rig.advance(40 * 60)
    for _ in range(3):
        rig.tick()
        rig.advance(60)
    assert rig.entries_sent() == before
    assert list(rig.broker.positions()) == []
    assert list(rig.journal.live_trades()) == []
    rig.check_agreement()
