"""A journal that commit 2cdc39e wrote is cared for by the present code.

The fixture holds what its stores kept, field by field: an open trade, an entry and an exit without
an answer, and an entry that was given up; and the account's fills and positions.
"""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from support.scripted_market_data import instrument
from support.trading_rig import Rig, peaked, settings

from pumpwatch.adapters.records import read_record, record_fields
from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.orders import Fill, Leg, Outcome, Position, Side
from pumpwatch.domain.trading.trades import OrderRecord, Trade, TradeState

FIXTURE = Path(__file__).parents[1] / "fixtures" / "journal-2cdc39e.json"
OPEN, EXITING, LOST, ENTERING = "OPENUSDT", "EXITUSDT", "LOSTUSDT", "ENTERUSDT"


def plain(pairs):
    fields = dict(pairs)
    return Decimal(fields["decimal"]) if fields.keys() == {"decimal"} else fields


def records(kind, stored):
    return [read_record(kind, fields, where="the fixture") for fields in stored]


@pytest.fixture
def rig():
    stored = json.loads(FIXTURE.read_text(), object_pairs_hook=plain)
    rig = Rig(settings(symbol_cooldown_minutes=0))
    rig.advance((stored["now"] - rig.clock.now()) / 1000)
    trades, orders = records(Trade, stored["trades"]), records(OrderRecord, stored["orders"])
    for trade in trades:
        rig.journal._put_trade(trade)
    for order in orders:
        rig.journal._put_order(order)
    for trade in trades:
        rig.market.list_instrument(instrument(trade.symbol))
        rig.set_price(1.17, trade.symbol)
    for fill in records(Fill, stored["fills"]):
        rig.broker.fill(fill.symbol, fill.side, fill.quantity, fill.price, order_id=fill.order_id)
        executions = rig.broker.ledger.executions
        executions[-1] = replace(executions[-1], time=fill.time)
    for position in records(Position, stored["positions"]):
        rig.broker.position(position.symbol).stop_loss = position.stop_loss
    return rig


def test_open_trades_and_unknown_orders_are_cared_for(rig):
    assert rig.trade(ENTERING).state is TradeState.ENTERING
    assert rig.trade(EXITING).state is TradeState.EXITING
    rig.broker.remove_protection(OPEN)
    rig.advance(60)
    report = rig.tick()
    assert report.problems_by_cause.keys() <= {"rows"}
    assert rig.trade(ENTERING).state is TradeState.OPEN
    assert rig.trade(EXITING).state is TradeState.CLOSED
    assert {position.symbol for position in rig.broker.positions()} == {OPEN, ENTERING}
    assert all(position.stop_loss is not None for position in rig.broker.positions())
    rig.advance(30 * 60)
    rig.tick()
    assert list(rig.broker.positions()) == []
    for trade in rig.journal.trades_since(0):
        outcomes = {order.outcome for order in rig.journal.orders(trade.signal_id)}
        assert Outcome.UNKNOWN not in outcomes
    assert list(rig.journal.live_trades()) == []


def test_an_entry_that_was_given_up_before_the_upgrade_is_adopted_when_it_fills(rig):
    lost = rig.trade(LOST)
    (order,) = rig.journal.orders(lost.signal_id)
    name, quantity = order.request.order_id, order.request.quantity
    rig.broker.fill(LOST, Side.SELL, quantity, Decimal("1.17"), order_id=name)
    rig.tick()
    trade = rig.trade(LOST)
    assert (trade.state, trade.quantity) == (TradeState.OPEN, order.request.quantity)
    (position,) = [held for held in rig.broker.positions() if held.symbol == LOST]
    assert position.stop_loss == lost.stop_loss
    assert order.leg is Leg.ENTRY


def test_records_from_before_the_chain_was_kept_are_read_without_it():
    stored = json.loads(FIXTURE.read_text(), object_pairs_hook=plain)
    for trade in records(Trade, stored["trades"]):
        assert (trade.alarm_time, trade.woken, trade.acknowledged) == (0, 0, None)
    fields = record_fields(peaked(alarm_time=7))
    assert fields.pop("alarm_time") == 7
    (signal,) = records(Signal, [fields])
    assert signal == peaked()
