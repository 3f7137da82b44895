"""Journal against exchange: what each combination of facts leads to."""

from decimal import Decimal

import pytest
from support.trading_facts import (
    entry_fill,
    fill,
    position,
    record,
    status,
    trade,
)

from pumpwatch.domain.trading.evidence import Evidence, foreign_positions, needs_evidence
from pumpwatch.domain.trading.orders import Leg, OrderState, Outcome, Side
from pumpwatch.domain.trading.reconcile import UNEXPLAINED_AFTER, never_placed_after, reconcile
from pumpwatch.domain.trading.repairs import RepairKind
from pumpwatch.domain.trading.trades import ExitReason, TradeState

D = Decimal
ENTERING = trade(state=TradeState.ENTERING)
EXITING = trade(state=TradeState.EXITING, exit_reason=ExitReason.TIME_LIMIT, stop_verified=1)
ENTRY = record()
DONE = record(outcome=Outcome.FILLED, filled_quantity=D(100))
EXIT = record(Leg.EXIT)
LATE = never_placed_after()


def repairs(one, *, now=LATE, **facts):
    return reconcile([Evidence(one, **{"position": None, **facts})], now=now)


def only(found, kind):
    assert [one.kind for one in found] == [kind]
    return found[0]


def reported(order, **changes):
    return {order.request.order_id: status(order, **changes)}


# --- entering ------------------------------------------------------------------------------


def test_an_entry_without_trace_waits_until_it_cannot_arrive_any_more():
    only(repairs(ENTERING, orders=[ENTRY], now=LATE - 1), RepairKind.WAITING)
    dropped = only(repairs(ENTERING, orders=[ENTRY], now=LATE), RepairKind.DROPPED)
    assert dropped.trade.state is TradeState.DROPPED
    assert dropped.order is not None
    assert dropped.order.outcome is Outcome.REJECTED


def test_an_entry_without_trace_beside_a_position_waits_for_a_person():
    only(repairs(ENTERING, orders=[ENTRY], position=position()), RepairKind.WAITING)


def test_an_entry_without_trace_beside_a_position_that_others_opened_is_dropped():
    others = fill(Side.SELL, 100, order_id="somebody")
    facts = {"orders": [ENTRY], "position": position(), "fills": [others]}
    only(repairs(ENTERING, now=LATE - 1, **facts), RepairKind.WAITING)
    dropped = only(repairs(ENTERING, now=LATE, **facts), RepairKind.DROPPED)
    assert foreign_positions([dropped.trade], [position()]) == [position()]


def test_an_entry_without_trace_is_given_up_in_the_end():
    facts = {"orders": [ENTRY], "position": position()}
    only(repairs(ENTERING, now=UNEXPLAINED_AFTER, **facts), RepairKind.DROPPED)


def test_a_position_on_the_other_side_is_no_trace_of_the_entry():
    other = position(side=Side.BUY)
    only(repairs(ENTERING, orders=[ENTRY], position=other), RepairKind.DROPPED)


@pytest.mark.parametrize(
    "state", [OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.UNTRIGGERED]
)
def test_an_entry_that_has_not_ended_waits(state):
    found = reported(ENTRY, state=state, filled_quantity=D(0))
    only(repairs(ENTERING, orders=[ENTRY], statuses=found), RepairKind.WAITING)


def test_an_entry_that_ended_without_a_fill_is_dropped_with_the_exchanges_reason():
    facts = {
        "state": OrderState.CANCELLED,
        "filled_quantity": D(0),
        "reject_reason": "EC_NoImmediateQtyToFill",
    }
    found = reported(ENTRY, **facts)
    dropped = only(repairs(ENTERING, orders=[ENTRY], statuses=found), RepairKind.DROPPED)
    assert dropped.trade.denial == "EC_NoImmediateQtyToFill"


def test_a_filled_entry_opens_the_trade_and_its_stop_is_seen():
    found = repairs(
        ENTERING,
        orders=[ENTRY],
        statuses=reported(ENTRY),
        fills=[entry_fill(60, "1.2"), entry_fill(40, "1.3")],
        position=position(),
    )
    opened, seen = found
    assert (opened.kind, seen.kind) == (RepairKind.OPENED, RepairKind.STOP_SEEN)
    assert opened.trade.entry_price == D("1.24")
    assert opened.trade.entry_time == 200
    assert seen.trade.state is TradeState.OPEN
    assert seen.trade.stop_verified == LATE


def test_a_partly_filled_entry_opens_at_what_was_filled():
    (opened, _) = repairs(
        ENTERING,
        orders=[ENTRY],
        statuses=reported(ENTRY, state=OrderState.CANCELLED, filled_quantity=D(30)),
        fills=[entry_fill(30)],
        position=position(quantity=D(30)),
    )
    assert opened.trade.quantity == 30
    assert opened.order is not None
    assert opened.order.outcome is Outcome.FILLED


def test_an_entry_whose_fills_are_half_there_is_not_taken_for_closed():
    found = repairs(
        ENTERING,
        orders=[ENTRY],
        statuses=reported(ENTRY),
        fills=[entry_fill(40), fill(Side.BUY, 40, trigger="stop_loss")],
    )
    only(found, RepairKind.WAITING)


# --- open ----------------------------------------------------------------------------------


def test_an_open_trade_that_agrees_needs_nothing():
    agreed = trade(stop_verified=1)
    assert not needs_evidence(agreed, position())
    assert repairs(agreed, position=position()) == []


def test_a_missing_stop_is_found_in_every_live_state():
    bare = position(stop_loss=None)
    for one in (trade(stop_verified=1), EXITING, ENTERING):
        done = repairs(one, position=bare, orders=[ENTRY], fills=[entry_fill()])
        assert done[-1].kind is RepairKind.STOP_MISSING


def test_an_exit_whose_fills_never_show_is_closed_unexplained_in_the_end():
    facts = {"orders": [DONE, EXIT], "statuses": reported(EXIT), "fills": [entry_fill()]}
    only(repairs(EXITING, now=UNEXPLAINED_AFTER - 1, **facts), RepairKind.WAITING)
    done = only(repairs(EXITING, now=UNEXPLAINED_AFTER, **facts), RepairKind.CLOSED)
    assert done.trade.exit_reason is ExitReason.UNEXPLAINED
    assert done.trade.halts


def test_a_position_that_no_fill_of_ours_explains_gets_no_stop_from_us():
    """Symbol, side and size may match a stranger's: only fills or the average price prove it."""
    bare = position(stop_loss=None, entry_price=D("1.3"))
    for one in (trade(stop_verified=1), EXITING, ENTERING):
        done = repairs(one, position=bare, orders=[ENTRY])
        assert RepairKind.STOP_MISSING not in [repair.kind for repair in done]


def test_a_position_that_is_gone_without_fills_is_looked_for():
    facts = {"orders": [DONE], "fills": [entry_fill()]}
    gone = only(repairs(trade(), now=LATE, **facts), RepairKind.VANISHED).trade
    assert (gone.state, gone.vanished) == (TradeState.OPEN, LATE)
    only(repairs(gone, now=LATE + UNEXPLAINED_AFTER - 1, **facts), RepairKind.WAITING)


def test_a_position_that_is_found_again_goes_on():
    gone = trade(vanished=0, stop_verified=1)
    facts = {"orders": [DONE], "fills": [entry_fill()]}
    found = only(repairs(gone, position=position(), **facts), RepairKind.FOUND)
    assert found.trade.vanished is None


def test_a_position_that_vanished_and_was_closed_meanwhile_is_closed_by_its_fills():
    gone = trade(vanished=0, stop_verified=1)
    fills = [entry_fill(), fill(Side.BUY, 100, "1.25", trigger="stop_loss")]
    closed = only(repairs(gone, orders=[DONE], fills=fills), RepairKind.CLOSED)
    assert closed.trade.exit_reason is ExitReason.STOP_LOSS


def test_a_position_that_was_turned_round_closes_the_trade_and_is_foreign():
    turned = position(side=Side.BUY, quantity=D(50))
    closed = only(
        repairs(
            trade(),
            orders=[DONE],
            position=turned,
            fills=[entry_fill(), fill(Side.BUY, 150, "1.1")],
        ),
        RepairKind.CLOSED,
    )
    assert closed.trade.exit_reason is ExitReason.MANUAL
    assert foreign_positions([closed.trade], [turned]) == [turned]


def test_another_quantity_is_taken_over_from_the_exchange():
    resized = only(
        repairs(
            trade(stop_verified=1),
            orders=[DONE],
            position=position(quantity=D(70)),
            fills=[entry_fill(), fill(Side.BUY, 30)],
        ),
        RepairKind.RESIZED,
    )
    assert resized.trade.quantity == 70


# --- exiting -------------------------------------------------------------------------------


def exiting(**facts):
    return repairs(EXITING, **{"orders": [DONE, EXIT], "fills": [entry_fill()], **facts})


def test_an_exit_without_trace_waits_and_then_may_go_again():
    only(exiting(position=position(), now=LATE - 1), RepairKind.WAITING)
    again = only(exiting(position=position(), now=LATE), RepairKind.EXIT_ENDED)
    assert (again.trade.state, again.trade.exit_attempt) == (TradeState.OPEN, 1)
    assert again.order is not None
    assert again.order.outcome is Outcome.REJECTED


def test_fills_that_close_the_trade_outweigh_a_stale_position():
    closed = only(
        exiting(
            position=position(),
            statuses=reported(EXIT),
            fills=[entry_fill(), fill(Side.BUY, price="1.1", order_id=EXIT.request.order_id)],
        ),
        RepairKind.CLOSED,
    )
    assert closed.trade.exit_reason is ExitReason.TIME_LIMIT
    assert closed.trade.realised_pnl == D("9.8")


def test_positions_of_no_live_trade_are_foreign():
    ours, other = position(), position(symbol="BUSDT")
    over = trade(symbol="BUSDT", state=TradeState.CLOSED)
    assert foreign_positions([trade(), over], [ours, other]) == [other]


# --- an exit whose own outcome is not known when the position is closed ------------------------


def test_an_exit_that_only_its_fills_show_is_settled_by_them():
    """It was looked for a moment before the list knew it, its fills a moment after."""
    part = fill(Side.BUY, 60, "1.1", order_id=EXIT.request.order_id)
    stopped = fill(Side.BUY, 40, "1.25", trigger="stop_loss")
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), part, stopped]}
    closed = only(repairs(EXITING, now=1_000, **facts), RepairKind.CLOSED)
    assert closed.order is not None
    assert (closed.order.outcome, closed.order.filled_quantity) == (Outcome.FILLED, 60)
    assert (closed.order.average_price, closed.order.fee) == (D("1.1"), D("0.1"))


def test_of_status_and_fills_the_one_that_knows_more_settles_the_exit():
    part = fill(Side.BUY, 100, "1.1", order_id=EXIT.request.order_id)
    behind = reported(EXIT, state=OrderState.PARTIALLY_FILLED, filled_quantity=D(30))
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), part]}
    closed = only(repairs(EXITING, now=1_000, statuses=behind, **facts), RepairKind.CLOSED)
    assert closed.order is not None
    assert closed.order.filled_quantity == 100


def test_a_position_closed_by_its_stop_waits_for_the_exit_that_may_still_show():
    stopped = fill(Side.BUY, 100, "1.25", trigger="stop_loss")
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), stopped]}
    only(repairs(EXITING, now=LATE - 1, **facts), RepairKind.WAITING)
    closed = only(repairs(EXITING, now=LATE, **facts), RepairKind.CLOSED)
    assert closed.order is not None
    assert closed.order.outcome is Outcome.REJECTED
    assert "never placed" in closed.order.detail


def test_a_partly_filled_exit_that_only_its_fills_show_goes_on_with_the_rest():
    part = fill(Side.BUY, 60, "1.1", order_id=EXIT.request.order_id)
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), part]}
    left = position(quantity=D(40))
    again = only(repairs(EXITING, now=LATE, position=left, **facts), RepairKind.EXIT_ENDED)
    assert again.order is not None
    assert (again.order.outcome, again.order.filled_quantity) == (Outcome.FILLED, 60)
    assert (again.trade.quantity, again.trade.exit_attempt) == (40, 1)
