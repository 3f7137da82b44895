"""An order that must never be sent cannot be made."""

import re
from decimal import Decimal

import pytest

from pumpwatch.adapters.records import read_record, record_fields
from pumpwatch.domain.trading.orders import ORDER_ID_PATTERN, Leg, OrderRequest, Side, order_id_for
from pumpwatch.domain.trading.rows import UnreadableRow

ENTRY = {
    "order_id": "pw-en0-abc",
    "symbol": "AUSDT",
    "side": Side.SELL,
    "quantity": Decimal(1),
    "reduce_only": False,
    "stop_loss": Decimal("1.2"),
}
EXIT = {**ENTRY, "order_id": "pw-ex0-abc", "reduce_only": True, "stop_loss": None}


def test_a_plain_entry_and_a_plain_exit_can_be_made():
    assert OrderRequest(**ENTRY).stop_loss == Decimal("1.2")
    assert OrderRequest(**EXIT).stop_loss is None
    assert OrderRequest(**EXIT, closes_all=True).closes_all


@pytest.mark.parametrize(
    ("facts", "changes", "sentence"),
    [
        (ENTRY, {"stop_loss": None}, "entry pw-en0-abc has no stop loss"),
        (ENTRY, {"quantity": Decimal(0)}, "quantity 0 of order pw-en0-abc is not positive"),
        (EXIT, {"quantity": Decimal(-1)}, "quantity -1 of order pw-ex0-abc is not positive"),
        (ENTRY, {"closes_all": True}, "order pw-en0-abc closes all but is not reduce-only"),
        (EXIT, {"order_id": ""}, "order id '' is not 1 to 36 of A-Z a-z 0-9 _ -"),
        (EXIT, {"order_id": "a b"}, "order id 'a b' is not 1 to 36 of A-Z a-z 0-9 _ -"),
        (EXIT, {"order_id": "x" * 37}, "is not 1 to 36 of A-Z a-z 0-9 _ -"),
        (EXIT, {"order_id": "ok\n"}, "is not 1 to 36 of A-Z a-z 0-9 _ -"),
    ],
)
def test_an_order_that_must_not_be_sent_is_refused(facts, changes, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        OrderRequest(**{**facts, **changes})


def test_an_order_id_names_leg_and_attempt_and_hides_the_signal():
    first = order_id_for("signal", Leg.ENTRY, 0)
    assert re.fullmatch(r"pw-en0-[0-9a-f]{20}", first)
    assert re.fullmatch(r"pw-ex12-[0-9a-f]{20}", order_id_for("signal", Leg.EXIT, 12))
    others = {
        order_id_for("signal", Leg.ENTRY, 1),
        order_id_for("signal", Leg.EXIT, 0),
        order_id_for("other", Leg.ENTRY, 0),
    }
    digests = {one.rpartition("-")[2] for one in (first, *others)}
    assert len(digests) == 4
    assert order_id_for("signal", Leg.ENTRY, 0) == first
    assert all(ORDER_ID_PATTERN.fullmatch(one) for one in others)


@pytest.mark.parametrize(
    ("side", "limit", "fills"),
    [
        (Side.SELL, None, [True, True, True]),
        (Side.SELL, "1.1", [False, True, True]),
        (Side.BUY, "1.1", [True, True, False]),
    ],
)
def test_an_order_fills_up_to_its_limit_price(side, limit, fills):
    bound = None if limit is None else Decimal(limit)
    order = OrderRequest(**{**ENTRY, "side": side, "limit_price": bound})
    assert [order.may_fill_at(Decimal(price)) for price in ("1.09", "1.1", "1.11")] == fills


def test_an_order_stored_before_entries_had_a_limit_price_can_be_read():
    stored = {**record_fields(OrderRequest(**ENTRY)), "slippage_tolerance": "0.01"}
    assert read_record(OrderRequest, stored, where="the journal") == OrderRequest(**ENTRY)


@pytest.mark.parametrize(("symbol", "whose"), [("AUSDT", "AUSDT"), ("", "no symbol")])
def test_an_unreadable_row_says_whose_it_is(symbol, whose):
    row = UnreadableRow("executions", symbol, "", "execQty is ''")
    assert str(row) == f"a row of executions ({whose}) cannot be read: execQty is ''"
