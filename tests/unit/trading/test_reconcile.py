"""Journal against exchange: what each combination of facts leads to, and what is stored of it."""

from decimal import Decimal

import pytest
from support.trading_facts import entry_fill, fill, position, record, status, trade

from pumpwatch.domain.trading.evidence import Evidence, foreign_positions, needs_evidence
from pumpwatch.domain.trading.orders import FillKind, Leg, OrderState, Outcome, Side
from pumpwatch.domain.trading.reconcile import UNEXPLAINED_AFTER, never_placed_after, reconcile
from pumpwatch.domain.trading.repairs import Repair, RepairKind
from pumpwatch.domain.trading.trades import ExitReason, TradeState

D = Decimal
NOW = 500_000
LATE = never_placed_after()
ENTERING = trade(state=TradeState.ENTERING, exit_reason=None)
EXITING = trade(state=TradeState.EXITING, exit_reason=ExitReason.TIME_LIMIT, stop_verified=1)
ENTRY = record()
DONE = record(outcome=Outcome.FILLED, filled_quantity=D(100))
EXIT = record(Leg.EXIT)
EXIT_ID = EXIT.request.order_id


def repair(one, *, now=NOW, **facts):
    """Return the first repair."""
    return reconcile([Evidence(one, **{"position": None, **facts})], now=now)[0]


def reported(order, **changes):
    return {order.request.order_id: status(order, **changes)}


def exit_fill(quantity=100, price="1.1", **changes):
    return fill(Side.BUY, quantity, price, **{"order_id": EXIT_ID, "time": 900, **changes})


ENTERED = {"orders": [DONE, EXIT], "fills": [entry_fill()]}
HALF_OPEN = {"state": OrderState.PARTIALLY_FILLED, "filled_quantity": D(50)}


@pytest.mark.parametrize(
    ("one", "now", "facts", "note"),
    [
        (ENTERING, NOW, {}, "the entry's intent is not in the journal"),
        (ENTERING, LATE - 1, {"orders": [ENTRY]}, "no trace of the entry yet"),
        (
            ENTERING,
            NOW,
            {"orders": [ENTRY], "statuses": reported(ENTRY, **HALF_OPEN)},
            "the entry is partially_filled",
        ),
        (
            ENTERING,
            UNEXPLAINED_AFTER - 1,
            {"orders": [ENTRY], "statuses": reported(ENTRY)},
            "the entry's fills are not there yet",
        ),
        (EXITING, LATE - 1, {**ENTERED, "position": position()}, "no trace of the exit yet"),
        (
            EXITING,
            NOW,
            {**ENTERED, "position": position(), "statuses": reported(EXIT, **HALF_OPEN)},
            "the exit is partially_filled",
        ),
        (
            EXITING,
            NOW,
            {**ENTERED, "position": position(), "statuses": reported(EXIT)},
            "the exit's fills are not there yet",
        ),
        (
            EXITING,
            LATE - 1,
            {**ENTERED, "fills": [entry_fill(), fill(Side.BUY, trigger="stop_loss")]},
            "the position is closed, the exit's outcome is not known yet",
        ),
        (
            trade(vanished=1),
            UNEXPLAINED_AFTER,
            ENTERED,
            "the position is still gone, and fills do not say why",
        ),
    ],
)
def test_who_waits_says_for_what(one, now, facts, note):
    waiting = repair(one, now=now, **facts)
    assert waiting == Repair(RepairKind.WAITING, one, None, note)


@pytest.mark.parametrize(
    ("one", "facts", "kind", "note"),
    [
        (
            EXITING,
            {"position": position()},
            RepairKind.EXIT_ENDED,
            "the exit's intent is not in the journal",
        ),
        (
            trade(vanished=1),
            {"position": position(), "orders": [DONE], "fills": [entry_fill()]},
            RepairKind.FOUND,
            "the position is there",
        ),
        (
            trade(),
            {"position": position(quantity=D(70)), "orders": [DONE], "fills": [entry_fill()]},
            RepairKind.RESIZED,
            "held 100, the exchange says 70",
        ),
        (trade(), {}, RepairKind.VANISHED, "the position is gone, and fills do not say why yet"),
    ],
)
def test_what_was_put_right_is_noted(one, facts, kind, note):
    done = repair(one, **facts)
    assert (done.kind, done.note, done.order) == (kind, note, None)
    assert done.trade.vanished == (NOW if kind is RepairKind.VANISHED else None)
    assert done.trade.quantity == (70 if kind is RepairKind.RESIZED else 100)


def test_a_dropped_entry_holds_nothing_and_keeps_the_reason():
    never = repair(ENTERING, orders=[ENTRY])
    why = "never placed: the exchange has no trace of it"
    assert (never.trade.quantity, never.trade.denial, never.note) == (0, why, why)
    assert (never.order.detail, never.order.settled) == (why, NOW)
    silent = {"state": OrderState.FILLED, "filled_quantity": D(0)}
    empty = repair(ENTERING, orders=[ENTRY], statuses=reported(ENTRY, **silent))
    assert (empty.trade.denial, empty.note) == ("nothing was filled",) * 2
    cancelled = {"state": OrderState.CANCELLED, "filled_quantity": D(0)}
    ended = repair(ENTERING, orders=[ENTRY], statuses=reported(ENTRY, **cancelled))
    assert ended.trade.denial == "cancelled by the exchange"
    refused = reported(ENTRY, **cancelled, reject_reason="EC_NoImmediateQtyToFill")
    ended = repair(ENTERING, orders=[ENTRY], statuses=refused)
    assert ended.trade.denial == "EC_NoImmediateQtyToFill"
    assert (ended.order.outcome, ended.order.settled) == (Outcome.REJECTED, NOW)


def test_an_opened_trade_is_what_fills_and_position_say():
    fills = [entry_fill(60, "1.2", time=150), entry_fill(40, "1.3", time=160)]
    found = reported(ENTRY, average_price=D("1.24"), fee=D("0.2"))
    opened = repair(ENTERING, orders=[ENTRY], statuses=found, fills=fills, position=position())
    held = opened.trade
    assert (held.state, held.quantity, held.entry_price) == (TradeState.OPEN, 100, D("1.24"))
    assert held.entry_time == 150
    order = opened.order
    assert (order.outcome, order.exchange_id, order.filled_quantity) == (Outcome.FILLED, "x", 100)
    assert (order.average_price, order.fee, order.detail) == (D("1.24"), D("0.2"), "")
    assert order.settled == NOW


def test_an_entry_whose_fills_lag_opens_at_what_the_position_says():
    late = repair(ENTERING, orders=[ENTRY], statuses=reported(ENTRY), position=position()).trade
    assert (late.quantity, late.entry_price, late.entry_time) == (100, D("1.2"), 200)


def test_the_position_outweighs_fills_that_are_half_there():
    half = repair(
        ENTERING,
        orders=[ENTRY],
        statuses=reported(ENTRY),
        fills=[entry_fill(60)],
        position=position(),
    ).trade
    assert (half.state, half.quantity) == (TradeState.OPEN, 100)


def test_an_entry_whose_position_lags_opens_at_what_the_fills_leave():
    fills = [entry_fill(), exit_fill(30, order_id="somebody")]
    early = repair(ENTERING, orders=[ENTRY], statuses=reported(ENTRY), fills=fills).trade
    assert (early.state, early.quantity) == (TradeState.OPEN, 70)


def test_an_entry_that_only_the_exchange_reports_opens_when_it_was_looked_for_long_enough():
    opened = repair(ENTERING, orders=[ENTRY], statuses=reported(ENTRY), now=UNEXPLAINED_AFTER)
    held = opened.trade
    assert (held.state, held.quantity) == (TradeState.OPEN, 100)
    assert (held.entry_price, held.entry_time) == (None, 200)


def test_an_order_that_only_its_fills_show_is_their_mean_and_their_sum():
    fills = [entry_fill(60, "1.2"), entry_fill(40, "1.3")]
    order = repair(ENTERING, orders=[ENTRY], fills=fills, position=position()).order
    assert (order.outcome, order.filled_quantity) == (Outcome.FILLED, 100)
    assert (order.average_price, order.fee) == (D("1.24"), D("0.2"))
    assert (order.detail, order.settled, order.exchange_id) == ("seen by its fills", NOW, "")


def test_a_closed_trade_has_its_result_in_full():
    fills = [
        entry_fill(time=150),
        fill(Side.SELL, 0, kind=FillKind.FUNDING, fee=D("0.05")),
        exit_fill(),
    ]
    done = repair(EXITING, orders=[DONE, EXIT], statuses=reported(EXIT), fills=fills)
    closed = done.trade
    assert (done.kind, done.note, closed.state) == (RepairKind.CLOSED, "", TradeState.CLOSED)
    assert (closed.quantity, closed.entry_price, closed.entry_time) == (100, D("1.2"), 150)
    assert (closed.exit_price, closed.exit_time) == (D("1.1"), 900)
    assert closed.exit_reason is ExitReason.TIME_LIMIT
    assert (closed.fees, closed.funding) == (D("0.2"), D("0.05"))
    assert closed.realised_pnl == D(10) - D("0.25")
    assert (done.order.request, done.order.outcome) == (EXIT.request, Outcome.FILLED)
    assert done.order.settled == NOW


def test_a_closed_trade_held_what_was_entered_not_what_was_left_at_the_end():
    fills = [entry_fill(), exit_fill(60), exit_fill(40)]
    left = EXITING.with_(quantity=D(40))
    closed = repair(left, orders=[DONE, EXIT], statuses=reported(EXIT), fills=fills).trade
    assert (closed.quantity, closed.realised_pnl) == (100, D(10) - D("0.3"))


def test_an_entry_that_was_closed_before_anyone_looked_is_settled_with_its_trade():
    stopped = fill(Side.BUY, price="1.25", trigger="stop_loss", time=300)
    facts = {"orders": [ENTRY], "fills": [entry_fill(), stopped]}
    for found in ({}, reported(ENTRY)):
        done = repair(ENTERING, statuses=found, **facts)
        assert (done.kind, done.trade.exit_time) == (RepairKind.CLOSED, 300)
        assert done.trade.exit_reason is ExitReason.STOP_LOSS
        assert (done.order.filled_quantity, done.order.settled) == (100, NOW)


def test_a_trade_that_ends_unexplained_keeps_what_was_known_of_it():
    gone = trade(vanished=0, entry_price=D("1.21"), entry_time=77)
    closed = repair(gone, now=UNEXPLAINED_AFTER, orders=[DONE]).trade
    assert (closed.quantity, closed.entry_price, closed.entry_time) == (100, D("1.21"), 77)
    assert (closed.exit_reason, closed.exit_time) == (ExitReason.UNEXPLAINED, UNEXPLAINED_AFTER)
    assert (closed.realised_pnl, closed.fees, closed.funding) == (0, 0, 0)
    assert closed.exit_price is None


def test_an_order_that_was_settled_before_is_left_alone_when_the_trade_closes():
    settled = record(Leg.EXIT, outcome=Outcome.FILLED, filled_quantity=D(100))
    fills = [entry_fill(), exit_fill()]
    assert repair(EXITING, orders=[DONE, settled], fills=fills).order is None


def test_the_next_exit_has_a_higher_attempt_than_any_before():
    cancelled = {"state": OrderState.CANCELLED, "filled_quantity": D(0)}
    for before, attempt, after in ((0, 0, 1), (2, 0, 3), (0, 3, 4), (3, 3, 4)):
        order = record(Leg.EXIT, attempt)
        again = repair(
            EXITING.with_(exit_attempt=before),
            orders=[DONE, order],
            statuses=reported(order, **cancelled),
            fills=[entry_fill()],
            position=position(quantity=D(80)),
        )
        assert (again.kind, again.trade.state) == (RepairKind.EXIT_ENDED, TradeState.OPEN)
        assert (again.trade.exit_attempt, again.trade.quantity) == (after, 80)
        assert again.note == "cancelled by the exchange"
        assert again.order.settled == NOW


def test_what_an_exit_left_is_noted_and_stays_planned_while_the_position_is_not_listed():
    part = {"state": OrderState.FILLED, "filled_quantity": D(40)}
    facts = {
        "orders": [DONE, EXIT],
        "statuses": reported(EXIT, **part),
        "fills": [entry_fill(), exit_fill(40)],
    }
    again = repair(EXITING, position=position(quantity=D(60)), **facts)
    assert (again.trade.quantity, again.note) == (60, "60 is left")
    fresh = repair(EXITING, now=LATE - 1, **facts)
    assert fresh.note == "the exit's fills are not there yet"
    unlisted = repair(EXITING, now=LATE, **facts)
    assert (unlisted.kind, unlisted.trade.quantity) == (RepairKind.EXIT_ENDED, 100)


def test_an_exit_without_trace_is_settled_at_the_time_it_was_given_up():
    again = repair(EXITING, position=position(), **ENTERED)
    assert (again.order.outcome, again.order.settled) == (Outcome.REJECTED, NOW)
    assert again.note == "never placed: the exchange has no trace of it"


def test_a_closed_position_waits_for_its_exit_only_while_that_may_still_show():
    stopped = fill(Side.BUY, price="1.25", trigger="stop_loss")
    entered = {"orders": [DONE, EXIT], "fills": [entry_fill(), stopped]}
    assert repair(EXITING, now=LATE - 1, **entered).kind is RepairKind.WAITING
    seen = repair(EXITING, now=LATE - 1, statuses=reported(EXIT, filled_quantity=D(0)), **entered)
    assert seen.kind is RepairKind.CLOSED
    refused = record(Leg.EXIT, outcome=Outcome.REJECTED)
    known = repair(EXITING, now=1, orders=[DONE, refused], fills=entered["fills"])
    assert known.kind is RepairKind.CLOSED
    opened = repair(trade(), now=1, orders=[DONE, EXIT], fills=entered["fills"])
    assert opened.kind is RepairKind.CLOSED
    assert repair(EXITING, now=1, orders=[DONE], fills=entered["fills"]).kind is RepairKind.CLOSED


def test_a_stop_is_verified_once_and_only_for_open_trades():
    seen = repair(trade(), position=position())
    assert (seen.kind, seen.trade.stop_verified) == (RepairKind.STOP_SEEN, NOW)
    assert reconcile([Evidence(trade(stop_verified=5), position())], now=NOW) == []
    held = {"statuses": reported(EXIT, **HALF_OPEN), "position": position(), **ENTERED}
    kinds = [one.kind for one in reconcile([Evidence(EXITING.with_(stop_verified=None), **held)],
                                           now=NOW)]  # fmt: skip
    assert kinds == [RepairKind.WAITING]
    missing = repair(trade(stop_verified=5), position=position(stop_loss=None))
    assert missing == Repair(RepairKind.STOP_MISSING, trade(stop_verified=5))


def test_repairs_of_several_trades_come_in_their_order():
    first, second = trade(signal_id="1"), trade(signal_id="2", stop_verified=1)
    found = reconcile([Evidence(first, position()), Evidence(second, None)], now=NOW)
    assert [(one.trade.signal_id, one.kind) for one in found] == [
        ("1", RepairKind.STOP_SEEN),
        ("2", RepairKind.VANISHED),
    ]


# --- which repairs, and when ---------------------------------------------------------------


def repairs(one, *, now=LATE, **facts):
    return reconcile([Evidence(one, **{"position": None, **facts})], now=now)


def only(found, kind):
    assert [one.kind for one in found] == [kind]
    return found[0]


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


def test_a_partly_filled_entry_opens_at_what_was_filled():
    (opened, _) = repairs(
        ENTERING,
        orders=[ENTRY],
        statuses=reported(ENTRY, state=OrderState.CANCELLED, filled_quantity=D(30)),
        fills=[entry_fill(30)],
        position=position(quantity=D(30)),
    )
    assert opened.trade.quantity == 30
    assert opened.order.outcome is Outcome.FILLED


def test_an_entry_whose_fills_are_half_there_is_not_taken_for_closed():
    found = repairs(
        ENTERING,
        orders=[ENTRY],
        statuses=reported(ENTRY),
        fills=[entry_fill(40), fill(Side.BUY, 40, trigger="stop_loss")],
    )
    only(found, RepairKind.WAITING)


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


def test_fills_that_close_the_trade_outweigh_a_stale_position():
    facts = {**ENTERED, "statuses": reported(EXIT), "fills": [entry_fill(), exit_fill()]}
    closed = only(repairs(EXITING, position=position(), **facts), RepairKind.CLOSED)
    assert closed.trade.exit_reason is ExitReason.TIME_LIMIT
    assert closed.trade.realised_pnl == D("9.8")


def test_positions_of_no_live_trade_are_foreign():
    ours, other = position(), position(symbol="BUSDT")
    over = trade(symbol="BUSDT", state=TradeState.CLOSED)
    assert foreign_positions([trade(), over], [ours, other]) == [other]


def test_an_exit_that_only_its_fills_show_is_settled_by_them():
    """It was looked for a moment before the list knew it, its fills a moment after."""
    part = exit_fill(60)
    stopped = fill(Side.BUY, 40, "1.25", trigger="stop_loss")
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), part, stopped]}
    closed = only(repairs(EXITING, now=1_000, **facts), RepairKind.CLOSED)
    assert (closed.order.outcome, closed.order.filled_quantity) == (Outcome.FILLED, 60)
    assert (closed.order.average_price, closed.order.fee) == (D("1.1"), D("0.1"))


def test_of_status_and_fills_the_one_that_knows_more_settles_the_exit():
    part = exit_fill()
    behind = reported(EXIT, state=OrderState.PARTIALLY_FILLED, filled_quantity=D(30))
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), part]}
    closed = only(repairs(EXITING, now=1_000, statuses=behind, **facts), RepairKind.CLOSED)
    assert closed.order.filled_quantity == 100


def test_a_position_closed_by_its_stop_waits_for_the_exit_that_may_still_show():
    stopped = fill(Side.BUY, 100, "1.25", trigger="stop_loss")
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), stopped]}
    only(repairs(EXITING, now=LATE - 1, **facts), RepairKind.WAITING)
    closed = only(repairs(EXITING, now=LATE, **facts), RepairKind.CLOSED)
    assert closed.order.outcome is Outcome.REJECTED
    assert "never placed" in closed.order.detail


def test_a_partly_filled_exit_that_only_its_fills_show_goes_on_with_the_rest():
    part = exit_fill(60)
    facts = {"orders": [DONE, EXIT], "fills": [entry_fill(), part]}
    left = position(quantity=D(40))
    again = only(repairs(EXITING, now=LATE, position=left, **facts), RepairKind.EXIT_ENDED)
    assert (again.order.outcome, again.order.filled_quantity) == (Outcome.FILLED, 60)
    assert (again.trade.quantity, again.trade.exit_attempt) == (40, 1)


def test_an_exit_is_waited_for_from_its_intent_on():
    late = record(Leg.EXIT, intended=900_000)
    facts = {**ENTERED, "orders": [DONE, late]}
    facts["fills"] = [entry_fill(), fill(Side.BUY, trigger="stop_loss")]
    assert "not known yet" in repair(EXITING, now=900_000 + LATE - 1, **facts).note


def test_a_buy_earns_what_it_is_sold_for_above_its_price():
    bought = fill(Side.BUY, 100, "1.2", order_id=ENTRY.request.order_id, time=100)
    sold = fill(Side.SELL, 100, "1.3", trigger="take_profit", time=900)
    closed = repair(trade(side=Side.BUY), orders=[DONE], fills=[bought, sold])
    assert closed.trade.realised_pnl == D(10) - closed.trade.fees


def test_without_readable_fills_the_position_says_what_was_entered():
    facts = {"orders": [ENTRY], "missing": ["executions"], "position": position(quantity=D(40))}
    opened = repair(ENTERING, **facts)
    assert (opened.kind, opened.trade.quantity) == (RepairKind.OPENED, 40)
