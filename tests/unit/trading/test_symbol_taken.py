"""A symbol belongs to at most one trade, in whatever state that is."""

from __future__ import annotations

import pytest
from support.records import a_trade

from pumpwatch.domain.trading.limits import check_symbol
from pumpwatch.domain.trading.plans import Denied
from pumpwatch.domain.trading.trades import TradeState


@pytest.mark.parametrize("state", list(TradeState))
def test_a_live_trade_keeps_its_symbol_although_no_list_shows_it(state: TradeState) -> None:
    trade = a_trade(state=state)
    answer = check_symbol(trade.symbol, trades=[trade], positions=[], open_orders=[])
    assert isinstance(answer, Denied) == state.live
    assert check_symbol("OTHERUSDT", trades=[trade], positions=[], open_orders=[]) is None
