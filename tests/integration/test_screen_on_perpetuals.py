"""The screen on a real market: about its busiest minute, and the day after."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.screen import DAY_OF_MINUTES, candidates, day_after, markets
from pumpwatch.domain.detection.boosted import Boosted

DATA = Path(__file__).parents[2] / "../shared/data"
FOLDER = Path(os.environ.get("PUMPWATCH_PERPETUALS", DATA / "perpetuals"))
HOURS = 60
"""Minutes of them."""


@pytest.mark.skipif(
    not (FOLDER / "candles.parquet").exists(),
    reason="no recorded perpetuals: set PUMPWATCH_PERPETUALS to their folder",
)
def test_little_is_asked_for_and_nothing_dropped_when_the_whole_market_moves():
    market = max(markets(FOLDER), key=lambda one: len(one.symbols))
    burst = market.turnover > 5 * np.nanmean(market.turnover, axis=1, keepdims=True)
    busiest = int(burst[:, DAY_OF_MINUTES:-DAY_OF_MINUTES].mean(axis=0).argmax()) + DAY_OF_MINUTES
    assert burst[:, busiest].mean() > 0.8
    begin, end = busiest - 2 * HOURS, busiest + 24 * HOURS + 20
    asked = candidates(Boosted(), market, begin, end)
    possible = Boosted().detect(market).possible[:, begin:end]
    load = asked.sum(axis=0)
    assert (len(market.symbols), possible.sum() > 20) == (173, True)
    assert not (possible & ~asked).any()
    assert load.mean() <= 1
    assert np.percentile(load, 99) <= 10
    assert load[busiest - begin] > 10
    assert day_after(load, busiest - begin).max() <= 10
