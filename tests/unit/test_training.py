"""Training: labels, weights, spill-over, thresholds from other symbols, small models, bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from support.labelled_markets import load_pump_events, market, write_folder

from pumpwatch.domain.detection.burst_traits import BURST_TRAITS, CLOCK_TRAITS
from pumpwatch.domain.detection.model import MODEL, Model, stored_model
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS
from pumpwatch.domain.detection.traits import CANDLE_TRAITS
from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.recordings.tables import Announcement, read_announcements
from pumpwatch_workbench.research.training import figures, learning, validation
from pumpwatch_workbench.research.training import fit as fitting
from pumpwatch_workbench.research.training.figures import figures_of
from pumpwatch_workbench.research.training.fit import fit, score_of, symbol_folds
from pumpwatch_workbench.research.training.learning import learned_model, lessons_of
from pumpwatch_workbench.research.training.table import Examples, burst_examples
from pumpwatch_workbench.research.training.validation import (
    MOST_FALSE,
    OUTER,
    Judge,
    at_phases,
    best_threshold,
    burst_thresholds,
    chosen_thresholds,
    interval_of,
    nested,
    out_of_fold,
    random_clocks,
    taught,
    with_clock,
)

SCAN = 5 * SECOND
COINS = 6
ANNOUNCED = ["exchange,symbol,announced", "binance,OTHER,2019-01-01T00:00:00Z"]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    make_quick(monkeypatch)


def make_quick(patch):
    patch.setattr(fitting, "ROUNDS", 10)
    for module in (learning, figures):
        patch.setattr(module, "RINGS", {SCAN: (SCAN, (SCAN,))})
    for module, name in (
        (validation, "DIVISIONS"),
        (learning, "DIVISIONS"),
        (validation, "PHASES"),
    ):
        patch.setattr(module, name, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    order = [3, 0, 5, 1, 4, 2]
    return write_folder(tmp_path_factory.mktemp("pumps"), COINS, order=order, announced=ANNOUNCED)


@pytest.fixture(scope="module")
def lessons(folder):
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        return lessons_of(RecordedFolder(folder))


@pytest.fixture(scope="module")
def markets(folder):
    """Return the folder's segments in order, and their pumps."""
    segments, events = load_pump_events(folder)
    return sorted(segments, key=lambda segment: segment.number), events


@pytest.fixture
def examples(lessons):
    return lessons.bursts[SCAN]


@pytest.fixture(scope="module")
def model(lessons):
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        return learned_model(lessons)


def made_up(segment, time, pump=None, spill=None):
    """Return examples with a trait that tells nothing."""
    count = len(time)
    nothing = np.zeros(count, dtype=np.bool_)
    return Examples(
        np.array(segment), tuple(f"C{number}" for number in segment), np.array(time),
        np.array(time), np.zeros((count, 1)),
        nothing if pump is None else np.array(pump), ~nothing,
        nothing if spill is None else np.array(spill),
    )  # fmt: skip


def test_examples_stand_in_order_of_segment_and_time_however_the_folder_is_sorted(examples):
    assert sorted(set(examples.segment.tolist())) == list(range(COINS))
    order = np.lexsort((examples.time, examples.segment))
    np.testing.assert_array_equal(order, np.arange(len(examples.time)))
    assert set(examples.symbol) == {f"C{number}" for number in range(COINS)}


def test_looks_near_an_onset_teach_a_pump_and_later_ones_nothing(examples):
    for number in range(COINS):
        onsets = np.array(market(number)[-1])
        mine = examples.segment == number
        since = examples.time[mine, None] - onsets
        beginning = ((since > -MINUTE) & (since <= MINUTE)).any(axis=1)
        near = ((since >= -60 * MINUTE) & (since <= 360 * MINUTE)).any(axis=1)
        np.testing.assert_array_equal(examples.pump[mine], beginning)
        np.testing.assert_array_equal(examples.teach[mine], beginning | ~near)
        assert 0 < beginning.sum() <= near.sum() < mine.sum()
        assert (examples.begin[mine] <= examples.time[mine]).all()
    assert (~examples.teach).any()


def test_pump_that_is_not_counted_teaches_nothing(lessons, markets):
    segments, events = markets
    some = [replace(event, counted=event.segment > 0) for event in events]
    again = burst_examples(segments, some, [], SCAN, SCAN)
    before = lessons.bursts[SCAN]
    first = before.segment == 0
    assert before.pump[first].any()
    assert not again.pump[first].any()
    assert not again.teach[first & before.pump].any()
    np.testing.assert_array_equal(again.pump[~first], before.pump[~first])


def test_looks_between_those_that_say_the_same_do_not_teach(markets):
    segments, events = markets[0][:1], markets[1]
    dense = burst_examples(segments, events, [], SCAN, SECOND)
    assert len(set((dense.time % SCAN).tolist())) == 5
    assert set((dense.time[dense.teach] % SCAN).tolist()) == {0}


def test_announced_pumps_of_other_coins_mark_what_spills_over(lessons, markets):
    segments, events = markets
    at = int(lessons.bursts[SCAN].time[0])
    for symbol, marked in (("OTHER", True), ("C0", False)):
        found = burst_examples(segments, events, [Announcement(symbol, at)], SCAN, SCAN)
        since = found.time - at
        around = (since >= -5 * MINUTE) & (since <= 15 * MINUTE)
        own = found.segment == 0
        assert (around & own).any()
        np.testing.assert_array_equal(found.spill, around & (marked | ~own))


def test_the_looks_of_a_burst_weigh_as_much_as_a_single_one_together():
    minute = MINUTE
    time = [0, 5_000, 2 * minute + 5_000, 4 * minute + 5_001, 10_000, 15_000]
    examples = made_up([0, 0, 0, 0, 1, 1], time)
    everyone = np.ones(6, dtype=bool)
    assert examples.weight_of(everyone).tolist() == [1 / 3, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 2]
    some = np.array([True, False, True, True, False, True])
    assert examples.weight_of(some).tolist() == [1 / 2, 1 / 2, 1, 1]


def test_weights_of_recorded_bursts_add_up_to_the_number_of_bursts(examples):
    chosen = examples.teach & ~examples.spill
    gaps = np.diff(examples.time, prepend=0) > 2 * MINUTE
    burst = np.cumsum(gaps | (np.diff(examples.segment, prepend=-1) != 0))[chosen]
    weight = examples.weight_of(chosen)
    for number in np.unique(burst):
        assert weight[burst == number].sum() == pytest.approx(1.0)


def test_spill_over_neither_teaches_nor_chooses_a_threshold(lessons, examples):
    random = np.random.default_rng(1)
    spilled = replace(examples, spill=random.random(len(examples.time)) < 0.3)
    other = replace(
        spilled,
        traits=np.where(spilled.spill[:, None], -100.0, examples.traits),
        pump=spilled.pump ^ (spilled.spill & (random.random(len(examples.time)) < 0.5)),
    )
    everyone = np.ones(len(examples.time), dtype=bool)
    models = [taught(some, some.traits, everyone) for some in (spilled, other)]
    assert models[0] == models[1] != taught(examples, examples.traits, everyone)
    scores = score_of(models[0], examples.traits)
    wild = np.where(spilled.spill, 100.0 + scores, scores)
    seen = at_phases(examples, SCAN, 0)
    found = [
        burst_thresholds(lessons.judge, spilled, some, some, seen, 0.004) for some in (scores, wild)
    ]
    assert found[0] == found[1]


def test_thresholds_keep_false_alarms_few(lessons, examples):
    seen = np.ones(len(examples.time), dtype=bool)
    perfect = examples.pump.astype(float)
    noise = np.random.default_rng(1).random(len(examples.time))
    judge = lessons.judge
    for blind, clock in ((perfect, perfect), (noise, perfect), (perfect + noise, perfect)):
        blind_least, clock_least = burst_thresholds(judge, examples, blind, clock, seen, 0.004)
        alone = judge.score(examples, blind > blind_least)
        tried = np.unique(blind[np.isfinite(blind)]) - 1e-9
        fewest = min(judge.score(examples, blind > at).false_alarms for at in tried)
        assert alone.false_alarms <= max(fewest, 0.003 * alone.clean_symbol_days)
        both = judge.score(examples, (blind > blind_least) | (clock > clock_least))
        assert both.false_alarms <= max(fewest, MOST_FALSE * both.clean_symbol_days)
    alarm = perfect > best_threshold(judge, examples, lambda at: perfect > at, np.array([0.5]))
    assert judge.score(examples, alarm).f1 == 1
    assert interval_of(judge, examples, alarm, draws=50) == (1, 1)


def test_scans_see_each_market_at_a_phase_of_its_own():
    time = np.concatenate([np.arange(0, 60_000, 1_000)] * 20)
    segment = np.repeat(np.arange(20), 60)
    examples = made_up(segment, time)
    seen = at_phases(examples, SCAN, 3)
    phases = set()
    for number in range(20):
        at = time[seen & (segment == number)]
        assert len(at) == 12
        assert (np.diff(at) == SCAN).all()
        phases.add(int(at[0]))
    assert phases == {0, 1000, 2000, 3000, 4000}
    assert at_phases(examples, SECOND, 3).all()
    np.testing.assert_array_equal(seen, at_phases(examples, SCAN, 3))


def test_scores_out_of_fold_come_from_other_symbols(examples):
    everyone = np.ones(len(examples.time), dtype=bool)
    scores = out_of_fold(examples, examples.traits, everyone, 3, 3)
    names = np.array(examples.symbol)
    for held_out in symbol_folds(sorted(set(examples.symbol)), 3, 3):
        inside = np.isin(names, held_out)
        stored = taught(examples, examples.traits, ~inside)
        expected = score_of(stored, examples.traits[inside])
        np.testing.assert_array_equal(scores[inside], expected)


def test_neither_model_nor_threshold_of_a_fold_has_seen_its_symbols(lessons, markets, examples):
    judge = lessons.judge
    before = nested(judge, examples, (SCAN,), seed=0)
    held_out = symbol_folds(judge.symbols, OUTER, 0)[0]
    inside = np.isin(np.array(examples.symbol), held_out)
    blank = replace(examples, pump=examples.pump & ~inside, teach=examples.teach | inside)
    segments, events = markets
    unlabelled = [event for event in events if event.symbol not in held_out]
    after = nested(Judge(segments, unlabelled), blank, (SCAN,), seed=0)
    assert before[""][SCAN][inside].any()
    for clock, alarms in before.items():
        np.testing.assert_array_equal(alarms[SCAN][inside], after[clock][SCAN][inside])


def test_every_model_of_a_fold_is_taught_without_its_symbols(lessons, examples, monkeypatch):
    learned = []

    def watched(of, traits, learn, **options):
        learned.append(learn)
        return taught(of, traits, learn, **options)

    monkeypatch.setattr(validation, "taught", watched)
    nested(lessons.judge, examples, (SCAN,), seed=0)
    folds = symbol_folds(lessons.judge.symbols, OUTER, 0)
    models = len(learned) // len(folds)
    assert models * len(folds) == len(learned)
    for place, held_out in enumerate(folds):
        inside = np.isin(np.array(examples.symbol), held_out)
        for learn in learned[place * models :][:models]:
            assert learn.any()
            assert not (learn & inside).any()


def test_trades_tell_a_crowd_from_few_on_symbols_not_trained_on(lessons):
    found = [
        figure
        for part in [*lessons.bursts, *lessons.minute_traits]
        for figure in figures_of(lessons, part, 0)
    ]
    f1 = {figure.name.split(", division")[0]: figure.score.f1 for figure in found}
    assert set(f1) == {
        "scans each 5 s", "scans each 5 s, random clock", "scans each 5 s, clock off",
        "minutes, candles", "minutes, trades",
    }  # fmt: skip
    assert min(f1["scans each 5 s"], f1["scans each 5 s, clock off"]) > 0.8
    assert f1["minutes, trades"] > f1["minutes, candles"]


def test_the_random_clock_moves_each_symbol_alone(examples):
    shift = random_clocks(examples, 1)
    assert set(shift) == set(examples.symbol)
    assert len(set(shift.values())) > 1
    plain, moved = with_clock(examples), with_clock(examples, shift)
    width = len(BURST_TRAITS)
    np.testing.assert_array_equal(plain[:, :width], moved[:, :width])
    assert (plain[:, width:] != moved[:, width:]).any()
    whole = with_clock(examples, dict.fromkeys(shift, 60 * MINUTE))
    np.testing.assert_array_equal(plain, whole)


def test_the_same_folder_gives_the_same_small_model(lessons, model, folder):
    text = json.dumps(model)
    assert text == json.dumps(learned_model(lessons_of(RecordedFolder(folder))))
    assert len(text) < 200_000
    stored = Model.from_json(json.loads(text))
    assert stored.trades.traits == CANDLE_TRAITS + TRADE_TRAITS
    assert stored.bursts[SCAN].clock.traits == BURST_TRAITS + CLOCK_TRAITS
    assert set(stored.bursts[SCAN].thresholds) == {SCAN}
    assert len(stored.trained_on) == COINS


def test_a_folder_without_announced_pumps_trains(lessons, model, folder, tmp_path):
    for name in ("candles.parquet", "trades.parquet", "segments.csv", "events.csv"):
        (tmp_path / name).symlink_to(folder / name)
    assert read_announcements(tmp_path) == []
    again = lessons_of(RecordedFolder(tmp_path)).bursts[SCAN]
    np.testing.assert_array_equal(again.traits, lessons.bursts[SCAN].traits)
    assert not again.spill.any()


def test_the_trained_model_finds_its_own_pumps(lessons, model, examples):
    rule = Model.from_json(model).burst_rule(SCAN)
    clock = with_clock(examples)[:, len(BURST_TRAITS) :]
    alarm = rule.margins(examples.traits, clock) > 0
    assert lessons.judge.score(examples, alarm).f1 > 0.9


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["symbol,announced", "A!,2019-01-01T00:00:00Z"], "line 2: symbol 'A!' is no coin"),
        (["symbol,announced", ",2019-01-01T00:00:00Z"], "line 2: symbol '' is no coin"),
        (["symbol,announced", "A,2019-01-01T00:00:00Z", "A,noon"], "line 3: announced 'noon' is"),
        (["symbol,announced", "A,"], "line 2: announced '' is no time: write it like"),
        (
            ["symbol,announcement", "A,2019-01-01T00:00:00Z"],
            "no column announced; it has 'announcement'",
        ),
        (["coin,announced", "A,2019-01-01T00:00:00Z"], "has no column symbol"),
    ],
)
def test_announced_pumps_that_cannot_be_read_are_refused(tmp_path, lines, sentence):
    (tmp_path / "announced.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(BadInput) as refusal:
        read_announcements(tmp_path)
    assert sentence in str(refusal.value)
    assert "announced.csv" in str(refusal.value)


def test_markets_without_a_pump_cannot_be_learned(markets):
    segments, events = markets
    with pytest.raises(BadInput, match="nothing to learn"):
        burst_examples(segments, [], [], SCAN, SCAN)
    everywhere = [Announcement("OTHER", event.onset) for event in events]
    with pytest.raises(BadInput, match=r"in announced\.csv: there is nothing to learn"):
        burst_examples(segments, events, everywhere, SCAN, SCAN)


def test_pumps_of_a_single_coin_are_too_few_to_choose_thresholds(lessons, examples):
    first = examples.segment == 0
    with pytest.raises(BadInput, match="too few coins with a pump"):
        chosen_thresholds(lessons.judge.of(["C0"]), examples, first, (SCAN,), 5, 0)


def test_a_trait_that_never_changes_weighs_nothing():
    random = np.random.default_rng(1)
    pump = random.random(300) < 0.3
    traits = np.column_stack([pump + random.normal(0, 0.3, 300), np.full(300, 0.1)])
    stored = fit(traits, pump, np.ones(300))
    assert abs(stored["weight"][1]) < 1e-3
    assert abs(score_of(stored, traits)).max() < 20


def test_a_trait_that_is_not_known_counts_as_the_middle_of_the_others():
    random = np.random.default_rng(1)
    pump = random.random(300) < 0.3
    traits = pump[:, None] + random.normal(0, 0.3, (300, 2))
    stored = fit(traits, pump, np.ones(300))
    holes = traits.copy()
    holes[::3, 1] = np.nan
    filled = np.where(np.isnan(holes), stored["middle"], holes)
    np.testing.assert_array_equal(score_of(stored, holes), score_of(stored, filled))


def test_stored_model_is_small_and_of_the_traits_that_are_computed():
    text = (files("pumpwatch.domain.detection") / MODEL).read_text(encoding="utf-8")
    assert len(text) < 200_000
    stored = json.loads(text)
    assert stored_model().candles.traits == CANDLE_TRAITS
    assert set(stored_model().bursts) == {5 * SECOND, 15 * SECOND}
    assert set(stored_model().bursts[5 * SECOND].thresholds) == {SECOND, 5 * SECOND}
    bursts = {**stored["bursts"], "5": {**stored["bursts"]["5"], "blind": stored["trades"]}}
    for wrong in ({"candles": stored["trades"]}, {"bursts": bursts}):
        with pytest.raises(ValueError, match="train it again"):
            Model.from_json({**stored, **wrong})
