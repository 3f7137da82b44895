"""Exits of quantities that the contract does not take, and fills that bear an earlier time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from support.scripted_market_data import instrument
from support.trading_rig import START, SYMBOL, Rig, RigTick, peaked

from pumpwatch.domain.trading.orders import OrderRequest
from pumpwatch.domain.trading.trades import TradeState

TIME_LIMIT = 31 * 60


def exit_of(rig: Rig, left: Decimal) -> OrderRequest:
    """Open a trade, let the exchange take all but a rest of it, and close that at its time."""
    use_case = rig.use_case()
    rig.signals.publish(peaked())
    use_case.run(RigTick(START, "first"), rig.deadline)
    trade = rig.trade()
    assert trade.state is TradeState.OPEN
    rig.broker.deleverage(SYMBOL, trade.quantity - left, Decimal("1.17"))
    rig.advance(TIME_LIMIT)
    use_case.run(RigTick(rig.clock.now(), "second"), rig.deadline)
    return next(one for one in rig.broker.placed if one.reduce_only)


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
def test_what_the_contract_does_not_take_is_closed_as_a_whole(
    step: str, least: str, left: str, whole: bool
) -> None:
    """Whether below the least quantity or off the step, above one coin or below it."""
    rig = Rig()
    filters = {"quantity_step": Decimal(step), "min_quantity": Decimal(least)}
    rig.market.list_instrument(instrument(SYMBOL, **filters))
    request = exit_of(rig, Decimal(left))
    assert (request.closes_all, request.quantity) == (whole, Decimal(left))


def test_a_fill_that_bears_an_earlier_time_than_its_intent_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Our clock and the exchange's differ by a little."""
    rig = Rig()
    rig.signals.publish(peaked())
    place = rig.broker.place

    def place_in_the_past(request: OrderRequest) -> str:
        answer = place(request)
        fills = rig.broker.ledger.executions
        fills[-1] = replace(fills[-1], time=fills[-1].time - 3_000)
        return answer

    monkeypatch.setattr(rig.broker, "place", place_in_the_past)
    rig.tick()
    trade = rig.trade()
    assert (trade.state, trade.entry_time) == (TradeState.OPEN, START - 3_000)
