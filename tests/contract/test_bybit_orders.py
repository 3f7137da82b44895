"""Orders, fills and positions on Bybit: look-ups in three lists, odd rows, what is sent."""

from decimal import Decimal

import pytest
from support.bybit_rows import contract, execution, listing, order, position
from support.records import an_entry, an_exit
from support.stub_bybit import STAMP, Reply, ok, refused

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.domain.trading.orders import FillKind, OrderState, Side, StopTrigger
from pumpwatch.errors import (
    ExchangeUnavailable,
    InvariantBroken,
    OutcomeUnknown,
    Rejected,
    UnreadableAnswer,
)

DAY = 86_400_000


def test_an_order_is_looked_for_in_open_orders_then_history_then_executions(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing())
    stub.answer(e.EXECUTIONS.path, listing())
    assert broker.find_order("PUMPUSDT", "order-1") is None
    asked = [request.path for request in stub.requests]
    assert asked == [e.OPEN_ORDERS.path, e.ORDER_HISTORY.path, e.EXECUTIONS.path]
    assert all(request.query["orderLinkId"] == "order-1" for request in stub.requests)

    stub.answer(e.EXECUTIONS.path, listing(execution(2, execQty="25.5"), execution(1)))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, Decimal("45.5"))
    assert (found.average_price, found.fee) == (Decimal("1.1"), Decimal("0.0242"))

    stub.answer(e.EXECUTIONS.path, listing(execution(1)))
    assert broker.find_order("PUMPUSDT", "order-1").state is OrderState.PARTIALLY_FILLED

    stub.answer(e.ORDER_HISTORY.path, listing(order(orderStatus="Cancelled", cumExecQty="1")))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.CANCELLED, 1)

    stub.answer(e.OPEN_ORDERS.path, listing(order(orderLinkId="other"), order()))
    assert broker.find_order("PUMPUSDT", "order-1").state is OrderState.FILLED


def test_one_failing_list_never_says_the_order_does_not_exist(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, Reply(status=500))
    stub.answer(e.EXECUTIONS.path, listing())
    with pytest.raises(ExchangeUnavailable):
        broker.find_order("PUMPUSDT", "order-1")


def test_fills_follow_pages_and_windows_of_a_week(stub, broker):
    full = [execution(n) for n in range(100)]
    stub.answer(
        e.EXECUTIONS.path,
        listing(*full, cursor="next%3A1"),
        listing(execution(100)),
        listing(execution(100), execution(101)),
    )
    fills = broker.fills("PUMPUSDT", since=STAMP - 10 * DAY)
    assert [fill.execution_id for fill in fills] == [f"e{n}" for n in range(102)]
    first, second, third = (request.query for request in stub.requests)
    assert int(first["startTime"]) == STAMP - 10 * DAY
    assert int(first["endTime"]) == STAMP - 3 * DAY - 1
    assert second["cursor"] == "next:1"
    assert int(third["startTime"]) == STAMP - 3 * DAY
    assert "endTime" not in third


KINDS = [
    ({}, FillKind.TRADE, ""),
    ({"execType": "Funding", "orderLinkId": ""}, FillKind.FUNDING, ""),
    ({"execType": "AdlTrade"}, FillKind.AUTO_DELEVERAGING, ""),
    ({"execType": "BustTrade"}, FillKind.LIQUIDATION, ""),
    ({"createType": "CreateByLiq"}, FillKind.LIQUIDATION, ""),
    ({"createType": "CreateByAdl_PassThrough"}, FillKind.AUTO_DELEVERAGING, ""),
    ({"createType": "CreateByTakeOver_PassThrough"}, FillKind.LIQUIDATION, ""),
    ({"createType": "CreateBySettle"}, FillKind.SETTLEMENT, ""),
    ({"createType": "CreateByClosing"}, FillKind.TRADE, ""),
    ({"createType": "CreateByStopLoss"}, FillKind.TRADE, "stop_loss"),
    ({"createType": "CreateByPartialTakeProfit"}, FillKind.TRADE, "take_profit"),
    ({"createType": "CreateByTrailingStop"}, FillKind.TRADE, "trailing_stop"),
    ({"execType": "BlockTrade"}, FillKind.TRADE, ""),
    ({"execType": "MovePosition"}, FillKind.TRADE, ""),
    ({"execType": "FutureSpread"}, FillKind.TRADE, ""),
    ({"execType": "CorporateAction"}, FillKind.OTHER, ""),
    ({"execType": "UNKNOWN"}, FillKind.OTHER, ""),
    ({"execType": "Delivery"}, FillKind.SETTLEMENT, ""),
    ({"execType": "Settle"}, FillKind.SETTLEMENT, ""),
    ({"execType": "SomethingNew"}, FillKind.OTHER, ""),
    ({"stopOrderType": "StopLoss"}, FillKind.TRADE, "stop_loss"),
    ({"stopOrderType": "PartialTakeProfit"}, FillKind.TRADE, "take_profit"),
    ({"stopOrderType": "TrailingStop"}, FillKind.TRADE, "trailing_stop"),
]


@pytest.mark.parametrize(("changes", "kind", "trigger"), KINDS)
def test_every_kind_of_fill_is_told_apart(stub, broker, changes, kind, trigger):
    stub.answer(e.EXECUTIONS.path, listing(execution(**changes)))
    (fill,) = broker.fills("PUMPUSDT", since=STAMP)
    assert (fill.kind, fill.trigger) == (kind, trigger)


def test_a_position_without_a_stop_has_none(stub, broker):
    rows = [position(), position(symbol="FLATUSDT", size="", side=""), position(size="0")]
    stub.answer(e.POSITIONS.path, listing(*rows))
    (found,) = broker.positions()
    assert (found.side, found.quantity, found.leverage) == (Side.SELL, Decimal("45.5"), 1)
    assert found.stop_loss is found.take_profit is found.liquidation_price is None
    stub.answer(e.POSITIONS.path, listing(position(stopLoss="0", takeProfit="0.9")))
    (found,) = broker.positions()
    assert (found.stop_loss, found.take_profit) == (None, Decimal("0.9"))


@pytest.mark.parametrize("field", ["side", "size", "positionIdx", "symbol"])
@pytest.mark.parametrize("value", ["", None, "odd", {}, "a\u0000"])
def test_a_position_that_cannot_be_read_is_a_value_beside_the_others(stub, broker, field, value):
    if (field, value) == ("symbol", "odd"):
        return
    bad = position(symbol="ODDUSDT") | {field: value}
    stub.answer(e.POSITIONS.path, listing(position(), bad, 7, position(symbol="BUSDT")))
    found = broker.positions()
    assert [one.symbol for one in found] == ["PUMPUSDT", "BUSDT"]
    odd, seven = found.unreadable
    assert (odd.source, odd.order_id) == ("positions", "")
    assert odd.symbol == ("" if field == "symbol" else "ODDUSDT")
    assert field in odd.reason
    if isinstance(value, str):
        assert repr(value) in odd.reason
    assert (seven.symbol, "7 is no object" in seven.reason) == ("", True)
    assert found.unreadable_of("PUMPUSDT") == tuple(r for r in (odd, seven) if not r.symbol)


@pytest.mark.parametrize(
    "field",
    ["leverage", "unrealisedPnl", "createdTime", "updatedTime", "takeProfit", "riskId", "openTime"],
)
@pytest.mark.parametrize("value", ["", None, "odd", {}, "-1", 7])
def test_what_nothing_depends_on_never_makes_a_position_unreadable(stub, broker, field, value):
    stub.answer(e.POSITIONS.path, listing(position(**{field: value})))
    found = broker.positions()
    assert [one.quantity for one in found] == [Decimal("45.5")]
    assert not found.unreadable


@pytest.mark.parametrize("value", ["", "0", None, "NaN", "-2", {}])
def test_one_price_stands_for_the_other_and_the_row_says_so(stub, broker, value):
    rows = [position(avgPrice=value), position(markPrice=value, symbol="BUSDT")]
    stub.answer(e.POSITIONS.path, listing(*rows, position(avgPrice=value, markPrice=value)))
    found = broker.positions()
    first, second = found
    assert first.entry_price == first.mark_price == Decimal("1.2")
    assert second.entry_price == second.mark_price == Decimal("1.1")
    assert "avgPrice" in first.doubts[-1]
    assert "markPrice" in second.doubts[-1]
    (bad,) = found.unreadable
    assert "avgPrice" in bad.reason
    assert "markPrice" in bad.reason


@pytest.mark.parametrize(("side", "readable"), [("Sell", True), ("Buy", False)])
def test_a_signed_size_must_agree_with_its_side(stub, broker, side, readable):
    stub.answer(e.POSITIONS.path, listing(position(size="-45.5", side=side)))
    found = broker.positions()
    assert [one.quantity for one in found] == [Decimal("45.5")] * readable
    assert len(found.unreadable) == (not readable)


def test_profit_that_is_not_stated_follows_from_the_prices(stub, broker):
    stub.answer(
        e.POSITIONS.path,
        listing(position(unrealisedPnl=""), position(symbol="B", side="Buy", unrealisedPnl="")),
    )
    assert [one.unrealised_pnl for one in broker.positions()] == [Decimal("-4.55"), Decimal("4.55")]


def test_hedge_mode_belongs_to_a_symbol_and_holds_nobody_else_back(stub, broker):
    both = [position(positionIdx=1, side="Buy", size="3"), position(positionIdx=2)]
    flat = position(positionIdx=1, symbol="FLATUSDT", size="0", side="")
    stub.answer(e.POSITIONS.path, listing(*both, flat, position(symbol="BUSDT")))
    found = broker.positions()
    assert [(one.symbol, one.side, one.hedge) for one in found] == [
        ("PUMPUSDT", Side.BUY, True),
        ("PUMPUSDT", Side.SELL, True),
        ("BUSDT", Side.SELL, False),
    ]
    stub.answer(e.CREATE_ORDER.path, refused(10001, "position idx not match position mode"))
    with pytest.raises(Rejected):
        broker.place(an_entry())


def test_a_position_that_comes_on_two_pages_is_one_and_two_of_a_symbol_are_none(stub, broker):
    moved = position(markPrice="1.3")
    stub.answer(e.POSITIONS.path, listing(position(), cursor="a"), listing(moved))
    (found,) = broker.positions()
    assert found.mark_price == Decimal("1.3")
    stub.answer(e.POSITIONS.path, listing(position(), position(size="3"), position(symbol="B")))
    found = broker.positions()
    assert [one.symbol for one in found] == ["B"]
    (bad,) = found.unreadable
    assert (bad.symbol, "45.5" in bad.reason, "3" in bad.reason) == ("PUMPUSDT", True, True)


def test_one_symbols_positions_are_asked_for_by_symbol(stub, broker):
    stub.answer(e.POSITIONS.path, listing(position(), position(symbol="BUSDT")))
    found = broker.positions("PUMPUSDT")
    assert stub.requests[-1].query == {"category": "linear", "symbol": "PUMPUSDT", "limit": "200"}
    assert [one.symbol for one in found] == ["PUMPUSDT"]
    assert [row.symbol for row in found.unreadable] == ["BUSDT"]


ODD_ORDERS = [
    {"orderStatus": "PendingNew"},
    {"orderStatus": ""},
    {"orderStatus": None},
    {"side": ""},
    {"side": "Long"},
    {"qty": ""},
    {"qty": "-1"},
    {"updatedTime": ""},
    {"createdTime": "-5"},
    {"avgPrice": "odd"},
    {"cumExecQty": "odd"},
    {"cumExecFee": {}},
    {"rejectReason": {"a": 1}},
    {"orderId": ""},
]


@pytest.mark.parametrize("changes", ODD_ORDERS)
def test_an_open_order_is_read_by_what_is_used_of_it(stub, broker, changes):
    row = order(orderStatus="New", orderLinkId="", symbol="ODDUSDT") | changes
    stub.answer(e.OPEN_ORDERS.path, listing(row, order(orderStatus="New")))
    found = broker.open_orders()
    assert [(one.symbol, one.state) for one in found] == [
        ("ODDUSDT", OrderState.OPEN),
        ("PUMPUSDT", OrderState.OPEN),
    ]
    assert not found.unreadable


@pytest.mark.parametrize(
    "changes", [{"symbol": ""}, {"orderLinkId": [1]}, {"stopOrderType": ["StopLoss"]}]
)
def test_an_open_order_that_may_be_anybodys_is_a_value_too(stub, broker, changes):
    bad = order(orderStatus="New", orderLinkId="theirs") | changes
    stub.answer(e.OPEN_ORDERS.path, listing(order(orderStatus="New"), bad, None))
    found = broker.open_orders()
    assert [one.order_id for one in found] == ["order-1"]
    bad, none = found.unreadable
    assert (bad.source, next(iter(changes)) in bad.reason) == ("open_orders", True)
    assert "no object" in none.reason


BAD_HISTORY = [{"cumExecQty": ""}, {"cumExecQty": "-1"}, {"avgPrice": "odd"}, {"orderStatus": None}]


@pytest.mark.parametrize("changes", BAD_HISTORY)
def test_a_row_of_ours_that_cannot_be_read_hides_no_other_list(stub, broker, changes):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing(order(**changes)))
    stub.answer(e.EXECUTIONS.path, listing(execution(1, execQty="45.5")))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, Decimal("45.5"))
    stub.answer(e.EXECUTIONS.path, listing())
    with pytest.raises(UnreadableAnswer, match=next(iter(changes))):
        broker.find_order("PUMPUSDT", "order-1")


def test_an_unreadable_execution_of_ours_is_not_left_out_of_the_sum(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing())
    stub.answer(e.EXECUTIONS.path, listing(execution(1), execution(2, execQty="odd")))
    with pytest.raises(UnreadableAnswer, match="execQty 'odd'"):
        broker.find_order("PUMPUSDT", "order-1")


def test_a_list_that_fails_matters_only_where_no_other_knows_the_order(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, refused(10006))
    stub.answer(e.ORDER_HISTORY.path, listing(order()))
    stub.answer(e.EXECUTIONS.path, listing())
    assert broker.find_order("PUMPUSDT", "order-1").state is OrderState.FILLED
    stub.answer(e.ORDER_HISTORY.path, listing())
    with pytest.raises(ExchangeUnavailable, match="10006"):
        broker.find_order("PUMPUSDT", "order-1")


NO_TRADES = ["Funding", "CorporateAction", "UNKNOWN", "SomethingNew"]


@pytest.mark.parametrize("kind", NO_TRADES)
def test_executions_that_move_no_position_need_no_numbers(stub, broker, kind):
    bare = {"side": "", "execPrice": "", "execQty": None, "closedSize": "odd", "execFee": "0.5"}
    stub.answer(e.EXECUTIONS.path, listing(execution(1, execType=kind, **bare), execution(2)))
    found = broker.fills("PUMPUSDT", since=STAMP)
    assert [one.execution_id for one in found] == ["e1", "e2"]
    assert (found[0].fee, found.unreadable) == (Decimal("0.5"), ())


@pytest.mark.parametrize(
    "field", ["execType", "execId", "side", "execPrice", "execQty", "execTime", "symbol"]
)
@pytest.mark.parametrize("value", ["", None, {}])
def test_an_execution_that_cannot_be_read_is_a_value_beside_the_others(stub, broker, field, value):
    stub.answer(e.EXECUTIONS.path, listing(execution(1, **{field: value}), execution(2)))
    found = broker.fills("PUMPUSDT", since=STAMP)
    assert [one.execution_id for one in found] == ["e2"]
    (bad,) = found.unreadable
    assert (bad.source, bad.order_id, field in bad.reason) == ("executions", "order-1", True)


@pytest.mark.parametrize("changes", [{"execFee": ""}, {"createType": ""}, {"orderId": ""}])
def test_an_execution_can_lack_what_is_no_part_of_it(stub, broker, changes):
    stub.answer(e.EXECUTIONS.path, listing(execution(1, **changes)))
    (found,) = broker.fills("PUMPUSDT", since=STAMP)
    assert found.quantity == 20


def test_an_exit_is_reduce_only_and_carries_no_stop(stub, broker):
    stub.answer(e.CREATE_ORDER.path, ok({"orderId": "x"}))
    broker.place(an_exit(quantity=Decimal("1E+2")))
    assert stub.requests[-1].json == {
        "category": "linear",
        "symbol": "PUMPUSDT",
        "side": "Buy",
        "orderType": "Market",
        "qty": "100",
        "orderLinkId": "order-2",
        "reduceOnly": True,
        "positionIdx": 0,
    }
    broker.place(an_exit("order-3", closes_all=True))
    whole = stub.requests[-1].json
    assert (whole["qty"], whole["reduceOnly"], whole["closeOnTrigger"]) == ("0", True, True)


@pytest.mark.parametrize(
    ("quantity", "stop", "limit", "sent"),
    [
        ("0.00001", "0.0000123400", "0.0123900", ("0.00001", "0.00001234", "0.01239")),
        ("1000000", "1E-7", "1E+2", ("1000000", "0.0000001", "100")),
        ("7.0", "120.50", "1", ("7", "120.5", "1")),
    ],
)
def test_numbers_are_sent_as_plain_text(stub, broker, quantity, stop, limit, sent):
    stub.answer(e.CREATE_ORDER.path, ok({"orderId": "x"}))
    broker.place(
        an_entry(quantity=Decimal(quantity), stop_loss=Decimal(stop), limit_price=Decimal(limit))
    )
    body = stub.requests[-1].json
    assert (body["qty"], body["stopLoss"], body["price"]) == sent


def test_an_entry_without_a_limit_price_is_never_sent(stub, broker):
    with pytest.raises(InvariantBroken, match="limit price"):
        broker.place(an_entry(limit_price=None))
    assert stub.sent(e.CREATE_ORDER.path) == []


def test_leverage_in_doubt_is_unavailable_and_a_stop_in_doubt_unknown(stub, broker):
    stub.answer(e.SET_LEVERAGE.path, Reply(status=502))
    with pytest.raises(ExchangeUnavailable):
        broker.set_leverage("PUMPUSDT", Decimal(2))
    stub.answer(e.TRADING_STOP.path, Reply(status=502))
    with pytest.raises(OutcomeUnknown):
        broker.set_protection(
            "PUMPUSDT", stop_loss=Decimal(2), take_profit=None, trigger=StopTrigger.MARK_PRICE
        )
    assert stub.requests[-1].json["slTriggerBy"] == "MarkPrice"
    assert "takeProfit" not in stub.requests[-1].json


def set_protection(broker, **changes):
    terms = {"stop_loss": Decimal("1.30"), "take_profit": None, "trigger": StopTrigger.LAST_PRICE}
    broker.set_protection("PUMPUSDT", **(terms | changes))


def test_a_stop_is_set_for_the_whole_position(stub, broker):
    stub.answer(e.TRADING_STOP.path, ok({}))
    set_protection(broker, take_profit=Decimal("0.9"))
    assert stub.requests[-1].json == {
        "category": "linear",
        "symbol": "PUMPUSDT",
        "positionIdx": 0,
        "tpslMode": "Full",
        "stopLoss": "1.3",
        "slTriggerBy": "LastPrice",
        "takeProfit": "0.9",
        "tpTriggerBy": "LastPrice",
    }


def test_a_trailing_stop_is_a_distance_beside_the_fixed_one(stub, broker):
    stub.answer(e.TRADING_STOP.path, ok({}))
    set_protection(broker, trailing_stop=Decimal("1E-2"))
    assert stub.requests[-1].json["trailingStop"] == "0.01"
    assert stub.requests[-1].json["stopLoss"] == "1.3"
    set_protection(broker)
    assert "trailingStop" not in stub.requests[-1].json


@pytest.mark.parametrize(
    ("sent", "read"),
    [("0.05", Decimal("0.05")), ("0", None), ("", None), (None, None), ("0.00", None)],
)
def test_a_trailing_stop_is_read_from_the_position(stub, broker, sent, read):
    stub.answer(e.POSITIONS.path, listing(position(trailingStop=sent)))
    (found,) = broker.positions()
    assert found.trailing_stop == read


ENDED = [
    ("EC_NoImmediateQtyToFill", OrderState.CANCELLED),
    ("EC_PostOnlyWillTakeLiquidity", OrderState.CANCELLED),
    ("EC_PerCancelRequest", OrderState.CANCELLED),
    ("EC_InvalidPriceScale", OrderState.REJECTED),
]


@pytest.mark.parametrize(("reason", "state"), ENDED)
def test_an_order_that_the_exchange_ended_says_why(stub, broker, reason, state):
    word = state.value.capitalize()
    row = order(orderStatus=word, cumExecQty="0", avgPrice="", rejectReason=reason)
    stub.answer(e.OPEN_ORDERS.path, listing(row))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.reject_reason) == (state, reason)
    assert (found.filled_quantity, found.average_price) == (0, None)


@pytest.mark.parametrize(
    "changes",
    [{"stopLoss": "-1"}, {"stopLoss": "odd"}, {"trailingStop": "NaN"}, {"symbol": ["AUSDT"]}],
)
def test_a_position_that_cannot_be_true_is_unreadable(stub, broker, changes):
    stub.answer(e.POSITIONS.path, listing(position(**changes)))
    found = broker.positions()
    assert list(found) == []
    assert next(iter(changes)) in found.unreadable[0].reason


FLAT = {"symbol": "PUMPUSDT", "side": "", "size": "0", "leverage": "7"}


@pytest.mark.parametrize(
    ("rows", "leverage"),
    [
        pytest.param([position(**FLAT)], 7, id="flat"),
        pytest.param([position(**FLAT | {"leverage": ""})], 0, id="not told"),
        pytest.param([position(**FLAT | {"leverage": "much"})], 0, id="not readable"),
        pytest.param([], 0, id="no row"),
        pytest.param([position(symbol="PUMPUSDT")], None, id="held"),
        pytest.param(
            [position(**FLAT | {"positionIdx": side}) for side in (1, 2)], None, id="hedge mode"
        ),
    ],
)
def test_the_leverage_of_a_symbol_is_that_of_its_flat_row(stub, broker, rows, leverage):
    stub.answer(e.POSITIONS.path, listing(*rows, cursor="last-page-too"))
    assert broker.leverage("PUMPUSDT") == leverage
    assert len(stub.requests) == 1
    assert stub.requests[0].query["symbol"] == "PUMPUSDT"


@pytest.mark.parametrize("changes", [{"symbol": "OTHERUSDT"}, {"positionIdx": "x"}, {"size": "x"}])
def test_a_row_that_cannot_be_read_tells_no_leverage(stub, broker, changes):
    stub.answer(e.POSITIONS.path, listing(position(**FLAT | changes)))
    with pytest.raises(UnreadableAnswer):
        broker.leverage("PUMPUSDT")


@pytest.mark.parametrize("cursor", [["next"], {"a": 1}, "x" * 500, "next\u0000", True])
def test_a_cursor_that_is_no_text_is_an_error(stub, broker, market, cursor):
    stub.answer(e.OPEN_ORDERS.path, listing(*[order()] * 50, cursor=cursor))
    with pytest.raises(ExchangeUnavailable, match="nextPageCursor"):
        broker.open_orders()
    stub.answer(e.INSTRUMENTS.path, listing(contract("AUSDT"), cursor=cursor))
    with pytest.raises(ExchangeUnavailable, match="nextPageCursor"):
        market.instruments()
