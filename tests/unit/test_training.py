"""Training: labels, reproducible and small models, thresholds from other symbols, bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from pumpwatch.domain.detection.boosted import Boosted, LearnedScores, stored_scores
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS
from pumpwatch.domain.detection.traits import CANDLE_TRAITS
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump, RecordedFolder
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.training.fit import fit, out_of_fold, score_of, symbol_folds
from pumpwatch_workbench.research.training.learning import judge_of, learned_scores, variants
from pumpwatch_workbench.research.training.table import training_table
from pumpwatch_workbench.research.training.validation import Judge, best_threshold, interval, nested

DAY = 1440 * MINUTE
LOOSE = Boosted(burst=10.0, burst_z=4.0)


def market(number, *, pumps=True):
    """Return three days of a coin: bursts of one large trade, and two pumps of many small ones."""
    random = np.random.default_rng(number)
    count = 3 * 1440
    candles = Candles.empty([f"C{number}"], interval=MINUTE, first=0, count=count)
    close = 10 + random.normal(0, 0.01, count)
    turnover = random.lognormal(0, 0.3, count)
    bursts = random.choice(np.arange(1500, count - 10, 45), 20, replace=False)
    pumped = np.sort(bursts[:2]) if pumps else bursts[:0]
    high = close * 1.001
    turnover[bursts] = random.uniform(60, 200, len(bursts))
    high[bursts] *= 1 + random.uniform(0.03, 0.06, len(bursts))
    candles.open[:], candles.close[:], candles.high[:], candles.low[:] = close, close, high, close
    candles.turnover[:], candles.volume[:] = turnover, turnover / close
    times, sizes = [], []
    for place in bursts:
        fills = 120 if place in pumped else 3
        times.append(np.sort(place * MINUTE + random.integers(0, MINUTE, fills)))
        sizes.append(np.full(fills, turnover[place] / fills / 10))
    order = np.argsort(np.concatenate(times), kind="stable")
    time = np.concatenate(times)[order]
    trades = MarketTrades(
        time, np.ones(len(time), bool), np.full(len(time), 10.0), np.concatenate(sizes)[order]
    )
    events = [LabelledPump(number, f"C{number}", int(place) * MINUTE + 20_000) for place in pumped]
    return Segment(
        number, 0, count * MINUTE, symbol=f"C{number}", candles=candles, trades=trades
    ), events


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr("pumpwatch_workbench.research.training.fit.ROUNDS", 25)


@pytest.fixture(scope="module")
def judge():
    markets = [market(number) for number in range(8)]
    segments = [segment for segment, _ in markets]
    events = [event for _, some in markets for event in some]
    return Judge(training_table(segments, events, LOOSE), segments, events)


def test_candidates_near_an_onset_teach_a_pump_and_later_ones_nothing():
    segment, (event, _) = market(3)
    moved = replace(event, onset=event.onset - 4 * MINUTE)
    table = training_table([segment], [event], LOOSE)
    late = training_table([segment], [moved, market(3)[1][1]], LOOSE)
    at = table.time == event.onset + 40_000
    assert table.pump[at].all()
    assert table.teaches[at].all()
    assert not late.pump[at].any()
    assert not late.teaches[at].any()
    assert table.traded.all()
    assert (table.time >= DAY).all()


def test_uncounted_pump_teaches_nothing():
    segment, (event, other) = market(3)
    table = training_table([segment], [replace(event, counted=False), other], LOOSE)
    at = table.time == event.onset + 40_000
    assert not table.pump[at].any()
    assert not table.teaches[at].any()


def test_same_candidates_give_the_same_small_model(judge):
    table = judge.table
    learn, traits = table.teaches, table.candle_traits
    first, again = (fit(traits[learn], table.pump[learn], CANDLE_TRAITS) for _ in range(2))
    assert first == again
    stored = learned_scores(judge)
    assert len(json.dumps(stored)) < 200_000
    assert LearnedScores.from_json(stored).trades.traits == CANDLE_TRAITS + TRADE_TRAITS


def test_stored_model_is_small_and_of_the_traits_that_are_computed():
    text = (files("pumpwatch.domain.detection") / "boosted.json").read_text(encoding="utf-8")
    assert len(text) < 200_000
    assert stored_scores().candles.traits == CANDLE_TRAITS
    with pytest.raises(ValueError, match="train it again"):
        LearnedScores.from_json({**json.loads(text), "candles": json.loads(text)["trades"]})


def test_trades_tell_a_crowd_from_a_whale_on_symbols_not_trained_on(judge):
    inputs = variants(judge.table)
    found = judge.score(nested(judge, inputs["candles and trades"], seed=0))
    blind = judge.score(nested(judge, inputs["candles"], seed=0))
    assert found.f1 > 0.8 > blind.f1


def test_scores_out_of_fold_come_from_other_symbols(judge):
    table = judge.table
    names = np.array(table.symbol)
    traits = variants(table)["candles and trades"]
    scores = out_of_fold(traits, table.pump, table.teaches, table.symbol, 5, 3)
    for held_out in symbol_folds(sorted(set(table.symbol)), 5, 3):
        inside = np.isin(names, held_out)
        learn = table.teaches & ~inside
        model = fit(traits[learn], table.pump[learn], [""] * traits.shape[1])
        np.testing.assert_array_equal(scores[inside], score_of(model, traits[inside]))


def test_threshold_keeps_false_alarms_few(judge):
    perfect = judge.table.pump.astype(float)
    threshold = best_threshold(judge, perfect)
    found = judge.score(perfect > threshold)
    assert (found.f1, found.false_alarms) == (1, 0)
    low, high = interval(judge, perfect > threshold, draws=50)
    assert low == high == 1


def test_markets_without_a_pump_or_without_trades_cannot_be_learned(tmp_path):
    segment, _ = market(1, pumps=False)
    with pytest.raises(BadInput, match="nothing to learn"):
        training_table([segment], [], LOOSE)
    with pytest.raises(BadInput, match="is not a folder"):
        judge_of(RecordedFolder(tmp_path / "nowhere"))
