from __future__ import annotations

from decimal import Decimal
from typing import Any

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.play.run.outcome import broken_invariants
from pumpwatch_workbench.play.run.result import INVARIANTS

NO_STOP, NO_DUPLICATE, AGREE = INVARIANTS


def state(**changes: Any) -> dict[str, Any]:
    return {
        "unprotected_ms_max": 0,
        "unprotected_ms": {},
        "duplicate_fills": [],
        "orders": [],
        "positions": [],
        **changes,
    }


def entry(
    symbol: str = "AAAUSDT", *, filled: str = "5", reduce_only: bool = False
) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "orderLinkId": "pw-en0-x",
        "reduceOnly": reduce_only,
        "cumExecQty": filled,
    }


def trade(trade_state: TradeState = TradeState.CLOSED, *, quantity: str = "5") -> Trade:
    return Trade(
        signal_id="s",
        event_id="e",
        symbol="AAAUSDT",
        strategy="fade",
        side=Side.SELL,
        state=trade_state,
        signal_time=1,
        signal_price=Decimal(1),
        created=1,
        quantity=Decimal(quantity),
        entry_time=2,
    )


def held(size: str) -> dict[str, str]:
    return {"symbol": "AAAUSDT", "size": size}


def test_a_run_where_everything_agrees_breaks_nothing() -> None:
    orders = [entry(), entry(reduce_only=True), entry("BBBUSDT", filled="0")]
    assert broken_invariants(state(orders=orders), [trade()]) == []


def test_an_open_trade_that_the_exchange_holds_breaks_nothing() -> None:
    world = state(orders=[entry()], positions=[held("5")])
    assert broken_invariants(world, [trade(TradeState.OPEN)]) == []


def test_a_moment_without_a_stop_is_named() -> None:
    world = state(unprotected_ms_max=1, unprotected_ms={"AAAUSDT": 1, "BBBUSDT": 0})
    (sentence,) = broken_invariants(world, [])
    assert sentence.startswith(NO_STOP)
    assert "AAAUSDT" in sentence
    assert "BBBUSDT" not in sentence


def test_an_order_id_that_filled_twice_is_named() -> None:
    (sentence,) = broken_invariants(state(duplicate_fills=["pw-en0-x"]), [])
    assert sentence.startswith(NO_DUPLICATE)


def test_two_entries_for_one_trade_are_a_duplicate() -> None:
    (sentence,) = broken_invariants(state(orders=[entry(), entry()]), [trade()])
    assert sentence.startswith(NO_DUPLICATE)


def test_a_trade_without_an_entry_on_the_exchange_is_a_difference() -> None:
    (sentence,) = broken_invariants(state(), [trade()])
    assert sentence.startswith(AGREE)


def test_a_position_that_the_journal_does_not_know_is_a_difference() -> None:
    (sentence,) = broken_invariants(state(positions=[held("5")]), [])
    assert sentence.startswith(AGREE)


def test_an_open_trade_that_is_not_held_is_a_difference() -> None:
    (sentence,) = broken_invariants(state(orders=[entry()]), [trade(TradeState.OPEN)])
    assert sentence.startswith(AGREE)


def test_a_different_quantity_is_a_difference() -> None:
    world = state(orders=[entry()], positions=[held("4")])
    (sentence,) = broken_invariants(world, [trade(TradeState.OPEN)])
    assert sentence.startswith(AGREE)
