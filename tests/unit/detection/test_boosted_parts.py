"""The learned rule from the inside: its candidates, its margins, and the scores it comes with."""

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from support.random_candles import random_candles

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.model import MODEL, Model, stored_model
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS, trade_traits
from pumpwatch.domain.detection.traits import CANDLE_TRAITS, DAY_OF_MINUTES
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE

LENGTH = 1600
LOOSE = Boosted(burst=4.0, burst_z=2.0, margin=-4.0)


def market(seed=3, symbols=3, **options):
    return random_candles(seed, symbols, LENGTH, **options)


def some_trades(candles, seed=5):
    """Return a few trades in two of three minutes."""
    random = np.random.default_rng(seed)
    time = np.sort(random.integers(0, LENGTH * MINUTE, 20_000))
    time = time[time // MINUTE % 3 > 0] + int(candles.open_time[0])
    price, quantity = random.lognormal(0, 0.01, len(time)), random.lognormal(0, 2, len(time))
    return MarketTrades(time, random.random(len(time)) < 0.7, price, quantity)


def test_the_stored_scores_are_read_as_they_stand_in_the_package():
    text = (files("pumpwatch.domain.detection") / MODEL).read_text(encoding="utf-8")
    stored = json.loads(text)
    scores = Model.from_json(stored)
    assert scores.candles.traits == CANDLE_TRAITS
    assert scores.trades.traits == CANDLE_TRAITS + TRADE_TRAITS
    assert scores.trained_on == set(stored["trained_on"])
    for name, score in (("candles", scores.candles), ("trades", scores.trades)):
        assert score.threshold == stored[name]["threshold"]
        assert score.weight.tolist() == stored[name]["weight"]
        assert len(score.trees.root) == len(stored[name]["trees"]["sizes"])
    assert stored_model() is stored_model()
    assert stored_model().trades.middle.tolist() == stored["trades"]["middle"]


@pytest.mark.parametrize("gaps", [0.0, 0.02])
def test_a_candidate_stands_where_its_candle_does(gaps):
    candles = market(6, gaps=gaps)
    found = LOOSE.candidates(candles)
    assert len(found.rows) == len(found.columns) == len(found.traits) == len(found.usual) > 4
    assert (found.rows.dtype, found.columns.dtype) == (np.int64, np.int64)
    assert (np.lexsort((found.columns, found.rows)) == np.arange(len(found.rows))).all()
    for row, column, traits, usual in zip(
        found.rows, found.columns, found.traits, found.usual, strict=True
    ):
        known = ~np.isnan(candles.close[row, :column])
        day = candles.turnover[row, :column][known][-DAY_OF_MINUTES:]
        last = candles.close[row, :column][known][-1]
        assert len(day) == DAY_OF_MINUTES
        assert usual == pytest.approx(day.mean())
        assert traits[0] == pytest.approx(np.log(candles.turnover[row, column] / day.mean()))
        assert traits[1] == pytest.approx(candles.high[row, column] / last - 1)


def test_a_candidate_passes_each_of_its_three_limits():
    candles = market(6)
    every = LOOSE.candidates(candles).traits
    for name, column in (("burst", 0), ("burst_z", 2), ("rise", 3)):
        ordered = np.sort(every[:, column])
        limit = float(ordered[len(ordered) // 2 - 1 :][:2].mean())
        value = limit if name == "rise" else float(np.exp(limit))
        kept = replace(LOOSE, **{name: value}).candidates(candles).traits
        expected = every[every[:, column] > limit]
        assert 0 < len(expected) < len(every), name
        np.testing.assert_array_equal(kept, expected)


def test_a_market_without_candidates_gives_empty_arrays_of_the_same_kind():
    quiet = market()
    quiet.turnover[:] = 1.0
    found = LOOSE.candidates(quiet)
    assert (found.rows.shape, found.columns.shape, found.usual.shape) == ((0,), (0,), (0,))
    assert found.traits.shape == (0, len(CANDLE_TRAITS))
    assert (found.rows.dtype, found.columns.dtype) == (np.int64, np.int64)
    assert not LOOSE.detect(quiet).alarm.any()


def test_after_a_day_without_turnover_nothing_is_a_candidate():
    candles = market(symbols=1)
    candles.turnover[0, :1500] = 0.0
    columns = LOOSE.candidates(candles).columns
    assert 1500 not in columns
    trades = [some_trades(candles)]
    assert not LOOSE.detect(candles, trades=trades).alarm[0, :1501].any()


@pytest.mark.parametrize("with_trades", [False, True])
def test_the_margin_of_a_candidate_is_the_largest_with_which_it_alarms(with_trades):
    candles = market()
    trades = [some_trades(candles), None, some_trades(candles, 6)] if with_trades else None
    found, margins = LOOSE.margins(candles, trades)
    assert len(margins) > 4
    for step in (-1e-9, 1e-9):
        for row, column, margin in zip(found.rows, found.columns, margins, strict=True):
            rule = replace(LOOSE, margin=float(margin + step))
            part = candles.select([row])
            known = None if trades is None else [trades[row]]
            assert rule.detect(part, trades=known).alarm[0, column] == (step < 0)


def test_trades_decide_where_they_are_known_and_candles_where_not():
    candles = market(6, symbols=2)
    seen = some_trades(candles)
    found, alone = LOOSE.margins(candles)
    _, mixed = LOOSE.margins(candles, [seen, None])
    _, blind = replace(LOOSE, read_trades=0).margins(candles, [seen, None])
    np.testing.assert_array_equal(alone, blind)
    np.testing.assert_array_equal(alone[found.rows == 1], mixed[found.rows == 1])
    model = LOOSE.scores.trades
    judged = 0
    for place in np.flatnonzero(found.rows == 0):
        end = int(candles.open_time[found.columns[place]]) + MINUTE
        more = trade_traits(seen, end, float(found.usual[place]))
        if more is None:
            assert mixed[place] == alone[place]
        else:
            traits = np.concatenate([found.traits[place], more])[None, :]
            assert mixed[place] == pytest.approx(model.score(traits)[0] - model.threshold)
            judged += 1
    assert 0 < judged < (found.rows == 0).sum()


@pytest.mark.parametrize("name", ["burst", "burst_z", "rise"])
def test_limits_that_anything_would_pass_are_refused(name):
    sentence = "burst, burst_z and rise must be above zero"
    with pytest.raises(ValueError, match=sentence):
        Boosted(**{name: 0.0})
    assert Boosted(**{name: 1e-6}).memory == "boosted"
