"""What is known about a trade: which fills, orders and positions are its own."""

from decimal import Decimal

import pytest
from support.trading_facts import entry_fill, fill, position, record, status, trade

from pumpwatch.domain.trading.evidence import (
    Evidence,
    foreign_orders,
    foreign_quantity,
    needs_evidence,
    same_average,
)
from pumpwatch.domain.trading.orders import FillKind, Leg, Side
from pumpwatch.domain.trading.trades import TradeState

D = Decimal
ENTRY, EXIT = record(), record(Leg.EXIT)
EXIT_ID = EXIT.request.order_id
EXITING = trade(state=TradeState.EXITING)


def test_what_others_did_to_the_position_is_counted_net_and_without_costs():
    fills = [
        entry_fill(),
        fill(Side.SELL, 30, order_id="somebody"),
        fill(Side.BUY, 10, order_id="somebody"),
        fill(Side.SELL, 5, kind=FillKind.LIQUIDATION),
        fill(Side.SELL, 7, kind=FillKind.FUNDING),
    ]
    assert foreign_quantity(Evidence(trade(), None, [ENTRY], {}, fills)) == 25


def test_only_the_executions_of_an_order_that_moved_the_position_are_its_fills():
    moved = fill(Side.BUY, 10, order_id=EXIT_ID)
    nothing = fill(Side.BUY, 0, order_id=EXIT_ID)
    cost = fill(Side.BUY, 5, order_id=EXIT_ID, kind=FillKind.FUNDING)
    fills = [entry_fill(), nothing, cost, moved]
    evidence = Evidence(EXITING, None, [ENTRY, EXIT], {}, fills)
    assert evidence.filled_by(EXIT_ID) == [moved]
    assert evidence.quantity_of(EXIT_ID) == 10
    assert evidence.quantity_of("nobody") == 0


def test_foreign_orders_are_neither_ours_nor_the_protection_of_a_position_of_ours():
    ours = status(ENTRY)
    stop = status(ENTRY, order_id="", is_protection=True)
    other = status(ENTRY, order_id="theirs")
    strange = status(ENTRY, order_id="", is_protection=True, symbol="BUSDT")
    found = foreign_orders([trade()], [ours, stop, other, strange], "pw-")
    assert found == [other, strange]
    assert foreign_orders([trade(state=TradeState.CLOSED)], [stop], "pw-") == [stop]


@pytest.mark.parametrize(
    ("changes", "held", "needed"),
    [
        ({}, position(), False),
        ({}, None, True),
        ({}, position(side=Side.BUY), True),
        ({}, position(symbol="BUSDT"), True),
        ({}, position(quantity=D(99)), True),
        ({"vanished": 0}, position(), True),
        ({"state": TradeState.ENTERING}, position(), True),
        ({"state": TradeState.EXITING}, position(), True),
    ],
)
def test_the_exchange_is_asked_unless_the_position_settles_it(changes, held, needed):
    assert needs_evidence(trade(**changes), held) is needed


def test_a_trade_whose_price_is_not_known_proves_no_position():
    assert not same_average(trade(entry_price=None), position())
