"""A trade that halts entries does so until a resume that names it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.trading_rig import START, Rig, peaked

from pumpwatch.domain.trading.trades import TradeState


@pytest.mark.parametrize(("named", "opens"), [((), False), (("another",), False), (None, True)])
def test_only_a_resume_that_names_the_trade_lets_entries_go_on(
    named: tuple[str, ...] | None, opens: bool
) -> None:
    rig = Rig().opened()
    trade = rig.trade()
    lease = rig.leases.acquire("trade", owner="a test", seconds=1)
    rig.journal.save(replace(trade, state=TradeState.CLOSED, halts="no fill says why"), lease)
    rig.leases.release(lease)
    rig.halts.resume(
        by="a person", time=START, trades=(trade.signal_id,) if named is None else named
    )
    rig.set_price(1.17, "OTHERUSDT")
    rig.signals.publish(peaked("OTHERUSDT"))
    rig.tick()
    assert (len(rig.entries_sent()) == 2) == opens
