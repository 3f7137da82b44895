"""The cases of small bots that lost money, as tests: each is named by what must happen."""

from __future__ import annotations

import pytest
from support.trading_rig import START, SYMBOL, Rig, peaked

from pumpwatch.domain.trading.orders import Leg, OrderStatus, Outcome, order_id_for
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import OutcomeUnknown, Rejected


class Killed(BaseException):
    """The function was killed: nothing catches it."""


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.signals.publish(peaked())
    return rig


def test_the_same_tick_twice_gives_one_order(rig: Rig) -> None:
    for _ in range(2):
        rig.tick(name="the-same-run")
    assert len(rig.broker.placed) == 1
    rig.check_agreement()


def test_killed_between_send_and_save_the_next_run_finds_the_order_by_its_id(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = rig.broker.place

    def place_and_die(request: object) -> str:
        place(request)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(rig.broker, "place", place_and_die)
    with pytest.raises(Killed):
        rig.tick()
    assert rig.trade().state is TradeState.ENTERING
    monkeypatch.undo()
    rig.advance(31)
    report = rig.tick()
    expected = order_id_for(rig.trade().signal_id, Leg.ENTRY, 0, rig.journal.installation())
    assert rig.entries_sent() == [expected]
    assert rig.trade().state is TradeState.OPEN
    assert report.repairs == {"opened": 1}
    rig.check_agreement()


def test_a_read_timeout_after_acceptance_gives_no_second_order(rig: Rig) -> None:
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    rig.tick()
    for _ in range(3):
        rig.advance(20)
        rig.tick()
    assert len(rig.broker.placed) == 1
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()


def test_a_read_timeout_with_late_lists_gives_no_second_order(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepted, no answer, and for a while no list shows the order, its fills or its position."""
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    real = {name: getattr(rig.broker, name) for name in ("find_order", "fills", "positions")}

    def stale(name: str) -> object:
        def ask(*arguments: object, **named: object) -> object:
            answer = real[name](*arguments, **named)
            if rig.clock.now() < START + 14_000:
                return None if name == "find_order" else Rows()
            return answer

        return ask

    for name in real:
        monkeypatch.setattr(rig.broker, name, stale(name))
    report = rig.tick()
    assert report.orders == {(Leg.ENTRY, Outcome.UNKNOWN): 1}
    assert report.unknown_orders == 1
    for _ in range(4):
        rig.advance(5)
        rig.tick()
    assert len(rig.broker.placed) == 1
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()


def test_an_entry_that_never_arrived_is_dropped_only_after_the_window_and_the_settling_time(
    rig: Rig,
) -> None:
    rig.broker.fail("place", OutcomeUnknown("connection reset"))
    rig.tick()
    waited = (rig.clock.now() - START) / 1000
    rig.advance(19.9 - waited)
    rig.tick()
    assert rig.trade().state is TradeState.ENTERING
    rig.advance(20 - (rig.clock.now() - START) / 1000)
    report = rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    assert "never placed" in rig.trade().denial
    assert report.repairs == {"dropped": 1}
    rig.advance(20)
    rig.tick()
    assert rig.broker.placed == []
    rig.check_agreement()


def test_an_id_that_the_exchange_knows_already_is_looked_up(rig: Rig) -> None:
    """The table lost its intent, the exchange has the order: it is adopted, not sent anew."""
    donor = Rig()
    donor.signals.publish(peaked())
    donor.tick()
    rig.broker = donor.broker
    position = rig.broker.positions()[0]
    rig.broker.positions = lambda symbol="": Rows()  # type: ignore[method-assign]
    request = rig.broker.placed[0]

    def open_orders_then_show() -> Rows[OrderStatus]:
        rig.broker.positions = lambda symbol="": Rows((position,))  # type: ignore[method-assign]
        return Rows()

    rig.broker.open_orders = open_orders_then_show  # type: ignore[method-assign, assignment]
    report = rig.tick()
    assert {one.order_id for one in rig.broker.placed} == {request.order_id}
    assert rig.trade().state is TradeState.OPEN
    assert rig.trade().quantity == position.quantity
    assert any("knows this order already" in one.text for one in report.problems)


def test_four_asynchronous_retries_give_one_order(rig: Rig) -> None:
    for number in range(4):
        rig.tick(late=10.0 * number)
        rig.advance(10)
    assert len(rig.broker.placed) == 1
    rig.check_agreement()


def test_overlapping_runs_have_one_writer(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run starts while the first is about to send."""
    reports = []
    place = rig.broker.place

    def place_while_another_starts(request: object) -> str:
        monkeypatch.setattr(rig.broker, "place", place)
        reports.append(rig.try_tick())
        return place(request)  # type: ignore[arg-type]

    monkeypatch.setattr(rig.broker, "place", place_while_another_starts)
    rig.tick()
    assert reports == [None]
    assert len(rig.broker.placed) == 1
    rig.check_agreement()


def test_a_tick_older_than_its_limit_enters_nothing_and_exits_still_run(rig: Rig) -> None:
    rig.tick()
    rig.advance(31 * 60)
    rig.market.set_price("BUSDT", 1.17)
    rig.signals.publish(peaked("BUSDT", time=rig.clock.now()))
    report = rig.tick(late=90.001)
    assert "stale_tick" in report.blocked
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT
    assert len(rig.entries_sent()) == 1


def test_an_entry_that_is_filled_and_whose_stop_is_refused_is_flattened(rig: Rig) -> None:
    rig.broker.drop_stops = True
    rig.broker.fail("set_protection", Rejected("can not set tp/sl", code=10001))
    report = rig.tick()
    assert list(rig.broker.positions()) == []
    assert rig.trade().exit_reason is ExitReason.STOP_MISSING
    assert report.positions_without_stop == 0
    assert report.problems
    rig.check_agreement()


def test_a_refused_stop_and_a_refused_close_end_and_are_tried_again(rig: Rig) -> None:
    rig.tick()
    rig.broker.remove_protection(SYMBOL)
    rig.broker.fail("set_protection", Rejected("no", code=10001), times=9)
    rig.broker.fail("place", Rejected("no", code=10001), times=3)
    report = rig.tick()
    assert report.positions_without_stop == 1
    assert report.orders[Leg.EXIT, Outcome.REJECTED] == 3
    rig.tick()
    assert list(rig.broker.positions()) == []
    assert rig.trade().exit_reason is ExitReason.STOP_MISSING
