"""How a trade ends: by its time, by a person's halt, on the exchange, in parts or refused."""

from decimal import Decimal

import pytest
from support.scripted_market_data import instrument
from support.trading_rig import SYMBOL, Rig, failing

from pumpwatch.domain.trading.halt import CloseRequest, Halt
from pumpwatch.domain.trading.orders import FillKind, Leg, Outcome, Side
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import ExchangeUnavailable, OutcomeUnknown, Rejected, StoreUnavailable

TIME_LIMIT = 30 * 60
OTHER = "OTHERUSDT"


@pytest.fixture
def rig():
    return Rig().opened()


@pytest.fixture
def due(rig):
    """A trade whose time is up."""
    rig.advance(TIME_LIMIT)
    return rig


def exits(rig):
    return [request for request in rig.broker.placed if request.reduce_only]


def halt_to_close(rig, by="operator"):
    rig.halts.halt(Halt("enough", rig.clock.now(), by=by, close_positions=True))


def test_the_time_limit_closes_at_market_reduce_only(rig):
    rig.set_price(1.15)
    rig.advance(TIME_LIMIT)
    report = rig.tick()
    trade, (request,) = rig.trade(), exits(rig)
    assert request.quantity == trade.quantity
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.TIME_LIMIT)
    assert trade.exit_price == Decimal("1.15")
    assert report.closed == [trade]
    assert report.orders == {(Leg.EXIT, Outcome.FILLED): 1}
    rig.check_agreement()


@pytest.mark.parametrize(
    ("price", "reason"), [(1.3, ExitReason.STOP_LOSS), (1.05, ExitReason.TAKE_PROFIT)]
)
def test_a_close_on_the_exchange_is_recognised_from_its_fills(rig, price, reason):
    rig.advance(20)
    rig.broker.charge_funding(SYMBOL, Decimal("0.25"))
    rig.set_price(price)
    report = rig.tick()
    trade = rig.trade()
    gross = trade.quantity * (Decimal("1.17") - trade.exit_price)
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, reason)
    assert trade.funding == Decimal("0.25")
    assert trade.realised_pnl == gross - trade.fees - trade.funding
    assert (report.closed, report.repairs) == ([trade], {})
    assert report.realised_pnl == trade.realised_pnl
    assert rig.broker.account().equity == Decimal(10_000) + trade.realised_pnl


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FillKind.LIQUIDATION, ExitReason.LIQUIDATION),
        (FillKind.AUTO_DELEVERAGING, ExitReason.AUTO_DELEVERAGING),
        (FillKind.SETTLEMENT, ExitReason.SETTLEMENT),
        (FillKind.TRADE, ExitReason.MANUAL),
    ],
)
def test_a_close_by_others_gets_its_reason(rig, kind, reason):
    rig.broker.close(SYMBOL, Decimal("1.2"), kind=kind)
    rig.tick()
    assert (rig.trade().state, rig.trade().exit_reason) == (TradeState.CLOSED, reason)


def test_a_partly_closed_position_is_resized(rig):
    before = rig.trade().quantity
    rig.broker.open_foreign(SYMBOL, Side.BUY, Decimal(100), Decimal("1.16"))
    report = rig.tick()
    assert rig.trade().quantity == before - 100
    assert report.repairs == {"resized": 1}
    (note,) = rig.journal.repairs(rig.trade().signal_id)
    assert (note.kind, note.time) == ("resized", rig.clock.now())
    rig.check_agreement()


def test_an_exit_that_fills_in_parts_is_repeated_under_new_ids(due):
    due.broker.fill_fraction = Decimal("0.5")
    due.tick()
    due.broker.fill_fraction = Decimal(1)
    due.advance(60)
    due.tick()
    assert len(exits(due)) == len({request.order_id for request in exits(due)}) == 4
    assert due.trade().exit_reason is ExitReason.TIME_LIMIT
    due.check_agreement()


def test_an_exit_without_trace_goes_again_under_the_next_attempt(due):
    due.broker.fail("place", OutcomeUnknown("read timed out"))
    report = due.tick()
    assert due.trade().state is TradeState.EXITING
    assert report.unknown_orders == 1
    assert report.orders == {(Leg.EXIT, Outcome.UNKNOWN): 1}
    due.advance(5)
    due.tick()
    assert exits(due) == []
    due.advance(30)
    due.tick()
    assert (due.trade().state, due.trade().exit_attempt) == (TradeState.CLOSED, 1)
    due.check_agreement()


def test_an_exit_whose_answer_was_lost_is_not_sent_twice(due):
    due.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    due.tick()
    assert len(exits(due)) == 1
    assert due.trade().state is TradeState.CLOSED
    due.check_agreement()


def test_too_little_time_leaves_the_exit_to_the_next_tick(due):
    due.deadline.seconds = 2
    due.tick()
    assert due.trade().state is TradeState.OPEN
    due.deadline.seconds = 25
    due.tick()
    assert due.trade().state is TradeState.CLOSED


def test_a_refused_exit_touches_no_other_trade_and_goes_again_later():
    rig = Rig()
    rig.signal("AUSDT")
    rig.opened()
    rig.advance(TIME_LIMIT)
    rig.broker.fail("place", Rejected("reduce only", code=110023))
    report = rig.tick()
    assert rig.trade("AUSDT").state is TradeState.OPEN
    assert rig.trade().state is TradeState.CLOSED
    assert report.orders[Leg.EXIT, Outcome.REJECTED] == 1
    rig.advance(60)
    rig.tick()
    assert rig.trade("AUSDT").state is TradeState.CLOSED


def test_an_exit_that_is_refused_again_and_again_is_tried_every_few_minutes(due):
    due.broker.fail("place", Rejected("halted", code=110023), times=2)
    refused = 0
    for _ in range(2):
        refused += due.tick().orders[Leg.EXIT, Outcome.REJECTED]
        due.advance(60)
    assert refused == 2
    assert due.tick().orders == {}
    due.advance(4 * 60)
    due.tick()
    assert due.trade().state is TradeState.CLOSED


def test_exits_run_when_the_account_cannot_be_read(due):
    due.broker.fail("account", ExchangeUnavailable("no answer"), times=2)
    report = due.tick()
    assert due.trade().state is TradeState.CLOSED
    assert report.equity is None


@pytest.mark.parametrize(
    ("step", "least", "left", "whole"),
    [
        ("1", "5", "3", True),
        ("0.1", "0.5", "0.3", True),
        ("1", "5", "7.5", True),
        ("0.1", "0.1", "0.25", True),
        ("1", "5", "5", False),
        ("0.1", "0.1", "0.3", False),
    ],
)
def test_what_the_contract_does_not_take_is_closed_as_a_whole(step, least, left, whole):
    """Whether below the least quantity or off the step, above one coin or below it."""
    rig = Rig()
    filters = {"quantity_step": Decimal(step), "min_quantity": Decimal(least)}
    rig.market.list_instrument(instrument(SYMBOL, **filters))
    warm = rig.use_case()
    rig.opened(use_case=warm)
    rig.broker.deleverage(SYMBOL, rig.trade().quantity - Decimal(left), Decimal("1.17"))
    rig.advance(TIME_LIMIT)
    rig.tick(use_case=warm)
    request = exits(rig)[0]
    assert (request.closes_all, request.quantity) == (whole, Decimal(left))


def test_halt_alone_leaves_the_position_to_its_stop(rig):
    rig.halts.halt(Halt("a look", rig.clock.now(), by="operator"))
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()


@pytest.mark.parametrize("halted_before", [False, True])
def test_halt_that_closes_ends_our_position_reduce_only(rig, halted_before):
    if halted_before:
        rig.halts.halt(Halt("a look", rig.clock.now(), by="protection drawdown"))
    halt_to_close(rig)
    halt = rig.halts.current()
    assert (halt.reason, halt.close_positions) == ("a look" if halted_before else "enough", True)
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.HALT
    assert [trade.signal_id for trade in report.closed] == [rig.trade().signal_id]
    assert len(exits(rig)) == 1
    assert list(rig.broker.positions()) == []
    rig.tick()
    assert len(rig.broker.placed) == 2
    rig.check_agreement()


def ask_to_close(rig, signal_id):
    rig.halts.ask_to_close(CloseRequest(signal_id, rig.clock.now(), "ann", "news"))


@pytest.mark.parametrize("halted", [False, True])
def test_a_request_closes_its_trade_reduce_only_and_no_other(rig, halted):
    rig.advance(60)
    rig.signal(OTHER)
    rig.tick()
    if halted:
        rig.halts.halt(Halt("a look", rig.clock.now(), by="operator"))
    ask_to_close(rig, rig.trade().signal_id)
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.BY_HAND
    assert [request.symbol for request in exits(rig)] == [SYMBOL]
    assert [trade.signal_id for trade in report.closed] == [rig.trade().signal_id]
    assert rig.trade(OTHER).state is TradeState.OPEN
    assert "closed for ann: news" in [happening.text for happening in report.happenings]
    assert not rig.halts.instructions().to_close
    rig.check_agreement()


def test_a_refused_exit_by_hand_goes_again_until_it_is_closed(rig):
    ask_to_close(rig, rig.trade().signal_id)
    rig.broker.fail("place", Rejected("not now", code=1))
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    assert rig.halts.instructions().to_close
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.BY_HAND
    rig.check_agreement()


def test_a_request_for_a_trade_that_is_past_closes_nothing_and_goes(rig):
    ask_to_close(rig, "an-earlier-trade")
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    assert not rig.halts.instructions().to_close


def test_a_request_that_cannot_be_removed_is_a_problem_and_closes_no_later_trade(rig):
    ask_to_close(rig, rig.trade().signal_id)
    rig.halts.drop_requests = failing(StoreUnavailable("no answer"))
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.BY_HAND
    assert report.problems_by_cause == {"store": 1}
    del rig.halts.drop_requests
    assert rig.tick().problems == []
    assert not rig.halts.instructions().to_close


def test_halt_that_closes_leaves_the_position_of_others_alone():
    rig = Rig()
    rig.broker.open_foreign("OTHERUSDT", Side.BUY, Decimal(3), Decimal(1))
    halt_to_close(rig)
    report = rig.tick()
    assert rig.broker.placed == []
    assert report.foreign_positions == 1


def test_refused_exit_of_a_halt_is_tried_again_later_and_the_stop_stays(rig):
    halt_to_close(rig)
    rig.broker.fail("place", Rejected("not now", code=1))
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()
    rig.advance(301)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.HALT
    rig.check_agreement()
