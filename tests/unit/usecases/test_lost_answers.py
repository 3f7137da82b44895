"""What a use case does when an answer it could do without does not come."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.detect_rig import Rig as DetectRig
from support.trading_rig import Rig, settings

from pumpwatch.domain.market.candles import HOUR, MINUTE
from pumpwatch.errors import ExchangeUnavailable, Rejected

LOST = ExchangeUnavailable("no answer")


def test_the_known_symbols_are_kept_while_instruments_cannot_be_renewed(caplog):
    rig = DetectRig().ready()
    later = HOUR // MINUTE + 1
    rig.market.failures["watchlist"] = LOST
    report = rig.tick(later)
    assert report.symbols == 5
    assert "instruments were not renewed" in caplog.text


def test_without_any_known_symbol_lost_instruments_end_the_scan():
    rig = DetectRig()
    rig.market.failures["watchlist"] = LOST
    with pytest.raises(ExchangeUnavailable):
        rig.tick(0)


def test_a_trailing_stop_that_is_refused_leaves_the_fixed_one_and_is_tried_again():
    rig = Rig(settings(trailing_stop_fraction=Decimal("0.02")))
    whole = rig.broker.set_protection
    refused = []

    def refuse(symbol, *, trailing_stop=None, **protection):
        if trailing_stop is not None:
            refused.append(trailing_stop)
            raise Rejected("no trailing stop now", code=1)
        whole(symbol, **protection)

    rig.broker.set_protection = refuse
    rig.opened()
    assert refused
    (position,) = rig.broker.positions()
    assert position.stop_loss is not None
    assert (position.trailing_stop, rig.trade().trailing_stop) == (None, None)
    rig.broker.set_protection = whole
    rig.advance(60)
    rig.tick()
    (position,) = rig.broker.positions()
    assert position.trailing_stop == rig.trade().trailing_stop is not None


def test_a_history_that_cannot_be_refreshed_waits_for_the_next_scan(caplog):
    rig = DetectRig().ready()
    rig.pump("A3USDT", 1)
    whole = rig.market.candles

    def only_candidates(requests):
        if all(one.symbol == "A3USDT" for one in requests):
            return whole(requests)
        raise LOST

    rig.tick(0)
    rig.market.candles = only_candidates
    report = rig.tick(1)
    assert [signal.symbol for signal in report.signals] == ["A3USDT"]
    assert "history was not refreshed" in caplog.text
