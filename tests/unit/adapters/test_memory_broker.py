"""The faults that tests switch on in the broker fake: each does what it says and then ends."""

from decimal import Decimal

import pytest
from support.records import NOW, an_entry, an_exit

from pumpwatch.domain.trading.orders import FillKind, OrderState, Side, StopTrigger
from pumpwatch.errors import OutcomeUnknown, Rejected
from pumpwatch_workbench.local.memory import ManualClock, MemoryBroker

SYMBOL = "PUMPUSDT"
TEN = Decimal(10)


@pytest.fixture
def broker():
    made = MemoryBroker(ManualClock(NOW))
    made.set_price(SYMBOL, Decimal("1.1"))
    return made


@pytest.fixture
def held(broker):
    """The broker with a short of ten at 1.1, stop 1.236, target 1.05."""
    broker.place(an_entry(quantity=TEN))
    return broker


def newest(broker):
    return broker.fills(SYMBOL, since=0)[-1]


def trail(broker, distance):
    broker.set_protection(
        SYMBOL,
        stop_loss=Decimal("1.236"),
        take_profit=None,
        trigger=StopTrigger.LAST_PRICE,
        trailing_stop=Decimal(distance),
    )


def test_lagging_lists_do_not_know_a_new_position_for_so_many_calls(broker):
    broker.lag_lists(2)
    broker.place(an_entry(quantity=TEN))
    assert [len(broker.positions()) for _ in range(3)] == [0, 0, 1]
    assert [len(broker.open_orders()) for _ in range(3)] == [0, 0, 2]
    assert broker.find_order(SYMBOL, "order-1").state is OrderState.FILLED
    assert len(broker.fills(SYMBOL, since=0)) == 1


def test_lagging_lists_still_show_a_position_that_is_gone(held):
    held.lag_lists(1)
    held.place(an_exit(quantity=TEN))
    assert [len(held.positions()) for _ in range(2)] == [1, 0]
    assert [len(held.open_orders()) for _ in range(2)] == [2, 0]


def test_the_price_band_cancels_one_order_without_a_fill(broker):
    broker.cancel_by_band()
    broker.place(an_entry("order-1", quantity=TEN))
    cancelled = broker.find_order(SYMBOL, "order-1")
    assert (cancelled.state, cancelled.filled_quantity) == (OrderState.CANCELLED, 0)
    assert (cancelled.average_price, cancelled.reject_reason) == (None, "EC_NoImmediateQtyToFill")
    assert [*broker.positions(), *broker.fills(SYMBOL, since=0)] == []
    broker.place(an_entry("order-2", quantity=TEN))
    assert broker.positions()[0].quantity == TEN


def test_a_refused_order_does_not_use_the_band_up(broker):
    broker.cancel_by_band()
    with pytest.raises(Rejected):
        broker.place(an_exit())
    broker.place(an_entry())
    assert list(broker.positions()) == []


def test_an_exit_that_the_band_cancels_leaves_the_position_and_its_stop(held):
    held.cancel_by_band()
    held.place(an_exit(quantity=TEN))
    (position,) = held.positions()
    assert (position.quantity, position.stop_loss) == (TEN, Decimal("1.236"))


def test_a_fraction_is_filled(broker):
    broker.fill_fraction = Decimal("0.3")
    broker.place(an_entry(quantity=TEN))
    order = broker.find_order(SYMBOL, "order-1")
    assert (order.state, order.filled_quantity) == (OrderState.CANCELLED, 3)
    assert (order.reject_reason, broker.positions()[0].quantity) == ("", 3)


def test_dropped_stops_leave_the_position_bare(broker):
    broker.drop_stops = True
    broker.place(an_entry())
    (position,) = broker.positions()
    assert (position.stop_loss, position.take_profit) == (None, None)
    assert not broker.open_orders()


def test_deleveraging_closes_a_part_and_at_most_all(held):
    held.deleverage(SYMBOL, Decimal(4), Decimal("1.08"))
    assert (newest(held).kind, newest(held).quantity) == (FillKind.AUTO_DELEVERAGING, 4)
    assert (newest(held).side, newest(held).closed_quantity) == (Side.BUY, 4)
    assert held.positions()[0].quantity == 6
    held.deleverage(SYMBOL, Decimal(99), Decimal("1.08"))
    assert (newest(held).quantity, list(held.positions())) == (6, [])


def test_a_liquidation_takes_everything(held):
    held.liquidate(SYMBOL, Decimal("2.1"))
    assert (newest(held).kind, newest(held).quantity) == (FillKind.LIQUIDATION, TEN)
    assert (newest(held).price, newest(held).trigger) == (Decimal("2.1"), "")
    assert list(held.positions()) == []


def test_a_settled_contract_closes_and_takes_no_more_orders(held):
    held.settle_contract(SYMBOL, Decimal("1.15"))
    assert (newest(held).kind, newest(held).closed_quantity) == (FillKind.SETTLEMENT, TEN)
    assert list(held.positions()) == []
    with pytest.raises(Rejected):
        held.place(an_entry("order-2"))


def test_a_vanished_position_leaves_no_fill(held):
    before = list(held.fills(SYMBOL, since=0))
    held.vanish(SYMBOL)
    assert [*held.positions(), *held.open_orders()] == []
    assert list(held.fills(SYMBOL, since=0)) == before


def test_a_lost_answer_comes_after_the_work(broker):
    broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    with pytest.raises(OutcomeUnknown):
        broker.place(an_entry())
    assert len(broker.positions()) == 1


def test_of_two_stops_a_fall_passes_the_nearer_one_first(held):
    trail(held, "0.05")
    held.set_price(SYMBOL, Decimal("1.5"))
    assert (newest(held).trigger, newest(held).price) == ("trailing_stop", Decimal("1.15"))


def test_the_fixed_stop_fires_when_it_is_the_nearer_one(held):
    trail(held, "0.5")
    held.set_price(SYMBOL, Decimal("1.5"))
    assert (newest(held).trigger, newest(held).price) == ("stop_loss", Decimal("1.236"))


def test_a_trailing_stop_follows_the_best_price(held):
    trail(held, "0.03")
    for price in ("1.07", "1.06", "1.08"):
        held.set_price(SYMBOL, Decimal(price))
    assert len(held.positions()) == 1
    held.set_price(SYMBOL, Decimal("1.09"))
    assert (newest(held).trigger, newest(held).price) == ("trailing_stop", Decimal("1.09"))


def test_a_trailing_stop_of_nothing_is_refused(held):
    with pytest.raises(Rejected):
        trail(held, "0")
    assert held.positions()[0].trailing_stop is None


def test_lost_protections_include_the_trailing_stop(held):
    trail(held, "0.03")
    held.remove_protection(SYMBOL)
    (position,) = held.positions()
    assert position.trailing_stop is position.stop_loss is position.take_profit is None
    assert list(held.open_orders()) == []
