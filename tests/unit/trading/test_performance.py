from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from support.trading_facts import ENTRY_ID, entry_fill, fill, trade

from pumpwatch.domain.trading.orders import FillKind, Side
from pumpwatch.domain.trading.performance import summarise_fills
from pumpwatch.domain.trading.trades import ExitReason

D = Decimal


def summary(*fills, exit_ids=frozenset()):
    return summarise_fills(trade(), fills, entry_id=ENTRY_ID, exit_ids=exit_ids)


def test_a_short_that_was_stopped_loses_the_move_the_fees_and_the_funding():
    found = summary(
        entry_fill(),
        fill(Side.SELL, kind=FillKind.FUNDING, fee=D("0.3")),
        fill(Side.BUY, price="1.25", trigger="stop_loss", time=900),
    )
    assert found.closed
    assert found.realised(Side.SELL) == D(-5) - D("0.2") - D("0.3")
    assert (found.exit_price, found.exit_time) == (D("1.25"), 900)
    assert found.exit_reason is ExitReason.STOP_LOSS


def test_funding_is_a_cost_and_leaves_the_quantity_alone():
    found = summary(entry_fill(), fill(Side.BUY, kind=FillKind.FUNDING, fee=D(-1)))
    assert (found.left, found.funding, found.closed) == (D(100), D(-1), False)


def test_fills_of_others_before_the_entry_and_after_the_close_are_not_counted():
    found = summary(
        fill(Side.BUY, 5),
        fill(Side.SELL, 5, kind=FillKind.FUNDING),
        entry_fill(),
        fill(Side.BUY, 100, "1.1"),
        fill(Side.BUY, 40, "1.0"),
        fill(Side.BUY, kind=FillKind.FUNDING, fee=D(9)),
    )
    assert (found.entered, found.left, found.funding) == (D(100), D(0), D(0))
    assert found.realised(Side.SELL) == D("9.8")


def test_a_fill_that_turns_the_position_round_counts_up_to_flat():
    found = summary(entry_fill(), fill(Side.BUY, 150, "1.1", fee=D("0.3")))
    assert found.closed
    assert found.fees == D("0.1") + D("0.2")
    assert found.realised(Side.SELL) == D("9.7")


def test_what_the_entry_closed_of_somebody_elses_position_is_not_ours():
    """A stranger had bought 20 when our short of 100 arrived: 80 were left of it."""
    found = summary(
        fill(Side.BUY, 20, order_id="somebody"),
        entry_fill(closed_quantity=D(20)),
        fill(Side.BUY, 80, "1.1", order_id="ours"),
        exit_ids=frozenset({"ours"}),
    )
    assert (found.entered, found.left, found.closed) == (D(80), D(0), True)
    assert found.fees == D("0.08") + D("0.1")
    assert found.realised(Side.SELL) == D(8) - D("0.18")


def test_part_of_a_position_realises_its_part():
    found = summary(entry_fill(fee=D(0)), fill(Side.BUY, 25, "1.0", fee=D(0)))
    assert (found.left, found.exited) == (D(75), D(25))
    assert found.realised(Side.SELL) == D(5)


def test_the_reason_is_what_closed_most_of_it():
    found = summary(
        entry_fill(),
        fill(Side.BUY, 30, order_id="ours"),
        fill(Side.BUY, 70, trigger="take_profit"),
        exit_ids=frozenset({"ours"}),
    )
    assert found.exit_reason is ExitReason.TAKE_PROFIT


def test_what_closed_how_much_is_added_up_by_reason():
    found = summary(
        entry_fill(),
        fill(Side.BUY, 20, order_id="ours", time=300),
        fill(Side.BUY, 10, order_id="ours", time=400),
        fill(Side.BUY, 5, kind=FillKind.LIQUIDATION, order_id="ours"),
        fill(Side.BUY, 6, kind=FillKind.AUTO_DELEVERAGING),
        fill(Side.BUY, 7, kind=FillKind.SETTLEMENT),
        fill(Side.BUY, 8, trigger="trailing_stop", time=500),
        exit_ids=frozenset({"ours"}),
    )
    assert found.by_reason == {
        ExitReason.TIME_LIMIT: 30,
        ExitReason.LIQUIDATION: 5,
        ExitReason.AUTO_DELEVERAGING: 6,
        ExitReason.SETTLEMENT: 7,
        ExitReason.TRAILING_STOP: 8,
    }
    assert (found.entry_time, found.exit_time, found.left) == (200, 500, 44)


def test_our_own_exit_closed_it_for_the_reason_that_the_trade_names():
    halted = trade(exit_reason=ExitReason.HALT)
    fills = [entry_fill(), fill(Side.BUY, order_id="ours"), fill(Side.BUY, order_id="")]
    found = summarise_fills(halted, fills, entry_id=ENTRY_ID, exit_ids={"ours", ""})
    assert found.by_reason == {ExitReason.HALT: 100}
    nameless = [entry_fill(), fill(Side.BUY, order_id="")]
    found = summarise_fills(halted, nameless, entry_id=ENTRY_ID, exit_ids={""})
    assert found.exit_reason is ExitReason.MANUAL


def test_the_entry_time_is_the_first_fills():
    found = summary(entry_fill(60, time=210), entry_fill(40, time=220))
    assert (found.entry_time, found.entered) == (210, 100)


def test_a_buy_earns_what_it_sold_for_less_what_it_cost():
    bought = [
        fill(Side.BUY, 10, "2", order_id=ENTRY_ID, fee=D(0)),
        fill(Side.SELL, 4, "3", fee=D(0)),
    ]
    found = summarise_fills(trade(side=Side.BUY), bought, entry_id=ENTRY_ID)
    assert (found.realised(Side.BUY), found.left) == (D(4), D(6))


def test_rows_that_change_nothing_are_left_out():
    found = summary(entry_fill(), fill(Side.BUY, 100, kind=FillKind.OTHER), fill(Side.BUY, 0))
    assert found.left == 100
    assert found.fees == D("0.1")


def test_without_the_entrys_fill_there_is_nothing():
    found = summary(fill(Side.BUY), fill(Side.SELL))
    assert (found.entered, found.entry_price, found.exit_price) == (D(0), None, None)
    assert found.exit_reason is None


quantities = st.integers(1, 1000).map(D)
prices = st.integers(1, 100_000).map(lambda cents: D(cents) / 1000)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(Side), quantities, prices), max_size=12), prices)
def test_the_result_is_the_cash_that_came_in(rows, price):
    """Once flat, profit equals sales less purchases less fees, however the position was built."""
    fills = [entry_fill(price=str(price))]
    fills += [fill(side, str(quantity), str(at)) for side, quantity, at in rows]
    held = sum(one.quantity * (1 if one.side is Side.SELL else -1) for one in fills)
    found = summary(*fills)
    assert found.left >= 0
    if found.closed or held <= 0:
        return
    fills.append(fill(Side.BUY, str(held), "1.0"))
    found = summary(*fills)
    assert found.closed
    cash = sum(one.quantity * one.price * (1 if one.side is Side.SELL else -1) for one in fills)
    assert abs(found.realised(Side.SELL) - (cash - sum(one.fee for one in fills))) < D("1e-9")
