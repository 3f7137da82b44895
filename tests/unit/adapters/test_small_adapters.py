"""Clocks, deadlines, the ledger's arithmetic, and records in the table's format."""

import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.doubles import ManualDeadline
from support.records import a_signal, a_trade, an_event, an_order, settled

from pumpwatch.adapters.deadlines import LambdaDeadline, NoDeadline, TimerDeadline
from pumpwatch.adapters.dynamodb.codec import from_item, marshal, to_item, unmarshal
from pumpwatch.adapters.paper.ledger import NetPosition, apply_fill, liquidation_price, pnl
from pumpwatch.domain.trading.orders import Side
from pumpwatch.errors import InvariantBroken


class Context:
    def get_remaining_time_in_millis(self):
        return 12_345


def test_deadlines_count_seconds():
    assert LambdaDeadline(Context()).seconds_left() == 12.345
    assert NoDeadline().seconds_left() == float("inf")
    assert ManualDeadline(3.0).seconds_left() == 3.0
    moments = iter([100.0, 104.0, 111.0])
    timer = TimerDeadline(10, monotonic=lambda: next(moments))
    assert timer.seconds_left() == 6.0
    assert timer.seconds_left() == -1.0


@pytest.mark.parametrize(
    "record", [a_signal(), an_event(), a_trade(), an_order(), settled(an_order())]
)
def test_records_come_back_from_the_tables_format(record):
    assert from_item(type(record), unmarshal(marshal(to_item(record)))) == record


@settings(deadline=None)
@given(number=st.decimals(-(10**12), 10**12, places=18), real=st.floats(-1e50, 1e50))
def test_numbers_come_back_exactly(number, real):
    real = real if abs(real) > 1e-100 else 0.0
    trade = a_trade(realised_pnl=number)
    signal = a_signal(price=real)
    assert from_item(type(trade), unmarshal(marshal(to_item(trade)))) == trade
    assert from_item(type(signal), unmarshal(marshal(to_item(signal)))) == signal


@dataclass(frozen=True)
class Newer:
    name: str
    added: int = 7
    optional: str | None = None


def test_a_field_added_since_gets_its_default():
    assert from_item(Newer, {"name": "old", "gone": 1}) == Newer("old")


@pytest.mark.parametrize("item", [{}, {"name": "x", "added": "seven"}, {"name": "x", "added": []}])
def test_an_item_that_cannot_be_read_is_named(item):
    with pytest.raises(InvariantBroken, match="TRADE#1 TRADE is no Newer"):
        from_item(Newer, {"pk": "TRADE#1", "sk": "TRADE", **item})


AMOUNT = st.decimals("0.001", 1000, places=3)
FILLS = st.lists(st.tuples(st.sampled_from(list(Side)), AMOUNT, AMOUNT), max_size=20)


@settings(deadline=None)
@given(fills=FILLS, last=AMOUNT)
def test_realised_and_open_profit_together_equal_the_cash_flow(fills, last):
    holding, realised, cash, net = None, Decimal(0), Decimal(0), Decimal(0)
    for side, quantity, price in fills:
        change = apply_fill(holding, side, quantity, price)
        assert 0 <= change.closed_quantity <= quantity
        holding, realised = change.holding, realised + change.realised
        sign = 1 if side is Side.BUY else -1
        net, cash = net + sign * quantity, cash - sign * quantity * price
    unrealised = Decimal(0)
    if holding is not None:
        assert holding.quantity == abs(net) > 0
        assert (holding.side is Side.BUY) == (net > 0)
        unrealised = pnl(holding.side, holding.quantity, holding.entry_price, last)
    else:
        assert net == 0
    assert abs(realised + unrealised - (cash + net * last)) < Decimal("1e-15")


def test_liquidation_lies_on_the_losing_side():
    short = NetPosition(Side.SELL, Decimal(1), Decimal(100))
    long = NetPosition(Side.BUY, Decimal(1), Decimal(100))
    assert liquidation_price(short, Decimal(1)) == Decimal(199)
    assert liquidation_price(long, Decimal(5)) == Decimal(81)
    assert liquidation_price(long, Decimal(1)) == Decimal(1)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("pumpwatch_workbench.local.memory", {"boto3", "pybit", "moto"}),
        ("pumpwatch.adapters.bybit.broker", {"boto3", "prometheus_client", "moto"}),
        ("pumpwatch.adapters.dynamodb.journal", {"pybit", "numpy", "prometheus_client"}),
        ("pumpwatch.adapters.pushgateway", {"boto3", "pybit", "numpy"}),
    ],
)
def test_an_adapter_loads_only_its_own_technology(module, unwanted):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert not unwanted & set(loaded.stdout.split())
