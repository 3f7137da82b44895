"""Searching settings: what is searched, in which periods, and that the hold-out stays unseen."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.backtests import random_block, with_values, write_folder
from typer.testing import CliRunner

from pumpwatch.errors import BadInput, SettingsError
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.recordings.tables import SegmentRow
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.backtest.settings import read_settings, settings_of_file
from pumpwatch_workbench.research.tune.doubts import doubts
from pumpwatch_workbench.research.tune.engines import opened
from pumpwatch_workbench.research.tune.objective import BacktestSummary, Task
from pumpwatch_workbench.research.tune.pool import SignalPool
from pumpwatch_workbench.research.tune.search import BestSettings, storage_at
from pumpwatch_workbench.research.tune.space import Choices, Range, space_for
from pumpwatch_workbench.research.tune.splits import DAY, DateRange, Fold, split
from pumpwatch_workbench.research.tune.walk_forward import Step, Tuned, walk_forward

DAYS = 6
FIXED = ("warm_up_minutes=20", "symbol_cooldown_minutes=2")
FREE = ("max_spread=0.05", "slippage_tolerance=0.05", "losing_streak_trades=0")
SEARCH = ("ewma_turnover_z=3:8", "ewma_jump=0.02:0.05", "ride_target_fraction=0.01:0.1")
ALL = (
    *FIXED,
    *FREE,
    "ewma_span_minutes=30",
    "low_profit_trades=0",
    "drawdown_halt_fraction=0",
    "drawdown_pause_fraction=0",
)
SPACE = space_for("ride", "ewma", search=SEARCH, fixed=ALL)
SEGMENTS = [SegmentRow(n, f"S{n}USDT", 0, DAYS * DAY) for n in range(1)]


@pytest.fixture(scope="module")
def market() -> Block:
    return random_block(3, 1, DAYS * 1440, scale=1e6)


def tuned_on(block: Block, path, *, trials=20, folds=1, engine="local", workers=1) -> Tuned:
    pool = SignalPool([block], SPACE.loosest())
    plan = split(SEGMENTS, folds=folds, holdout=0.34)
    with opened(engine, pool, SPACE, workers=workers) as running:
        return walk_forward(
            plan,
            SPACE,
            running,
            storage_at(path, {"test": 1}),
            objective="t",
            trials=trials,
            seed=5,
            alarms=pool.alarms,
            progress=lambda *_: None,
        )


def test_search_finds_better_settings_than_the_first_ones_it_tried(market, tmp_path):
    few = tuned_on(market, tmp_path / "few", trials=1, folds=0)
    many = tuned_on(market, tmp_path / "many", trials=40, folds=0)
    assert few.final.best.verdict.trades > 0
    assert many.final.best.verdict.shrunk_t > few.final.best.verdict.shrunk_t
    assert many.trials == 40


def test_hold_out_never_changes_what_is_found(market, tmp_path):
    cut = 4 * 1440
    other = with_values(market, cut, 1.0)
    first, second = (
        tuned_on(block, tmp_path / name) for name, block in (("a", market), ("b", other))
    )
    assert first.final.fold.test.begin == cut * 60_000
    assert first.settings == second.settings
    assert [step.best for step in first.steps] == [step.best for step in second.steps]
    assert first.final.test != second.final.test
    # The fold's own test period lies before the hold-out.
    assert first.steps[0].test == second.steps[0].test


def test_resumed_search_equals_an_uninterrupted_one(market, tmp_path):
    tuned_on(market, tmp_path / "parts", trials=20, folds=0)
    resumed = tuned_on(market, tmp_path / "parts", trials=30, folds=0)
    assert resumed.final == tuned_on(market, tmp_path / "whole", trials=30, folds=0).final


def test_finished_search_tries_nothing_again(market, tmp_path, monkeypatch):
    done = tuned_on(market, tmp_path / "study", trials=10, folds=0)
    asked = []
    monkeypatch.setattr(
        "pumpwatch_workbench.research.tune.engines.run_task",
        lambda *a: asked.append(a) or done.final.test,
    )
    tuned_on(market, tmp_path / "study", trials=10, folds=0)
    assert len(asked) == 3


def test_two_processes_find_the_same(market, tmp_path):
    alone = tuned_on(market, tmp_path / "one", trials=10, folds=0)
    assert tuned_on(market, tmp_path / "two", trials=10, folds=0, workers=2).final == alone.final


def test_study_of_another_search_is_refused(tmp_path):
    storage_at(tmp_path / "study", {"seed": 1})
    storage_at(tmp_path / "study", {"seed": 1})
    with pytest.raises(BadInput, match="belongs to a search with other"):
        storage_at(tmp_path / "study", {"seed": 2})
    (tmp_path / "broken").write_text("hello\n")
    with pytest.raises(BadInput, match="is no study of ours"):
        storage_at(tmp_path / "broken", {"seed": 1})


def test_time_is_cut_into_windows_and_a_hold_out():
    rows = [SegmentRow(0, "A", 0, 100 * DAY), SegmentRow(1, "B", 50 * DAY, 100 * DAY)]
    plan = split(rows, folds=2, holdout=0.4)
    first, second, final = plan.folds
    assert final is plan.final
    # 150 symbol-days: the last 60 are held out, the first 90 are three windows of 30.
    assert final.test == DateRange(70 * DAY, 100 * DAY)
    assert final.train == DateRange(0, 70 * DAY)
    assert (first.train, first.test) == (DateRange(0, 30 * DAY), DateRange(30 * DAY, 55 * DAY))
    assert (second.train, second.test) == (DateRange(0, 55 * DAY), DateRange(55 * DAY, 70 * DAY))


@pytest.mark.parametrize(
    ("folds", "holdout", "words"),
    [(3, 0.0, "--holdout"), (3, 1.0, "--holdout"), (-1, 0.2, "--folds"), (9, 0.2, "too few for 9")],
)
def test_impossible_splits_are_refused(folds, holdout, words):
    with pytest.raises(BadInput, match=words):
        split(SEGMENTS, folds=folds, holdout=holdout)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("fade_stop=0.1:0.2", "no setting"),
        ("ewma_jump=0.2:0.1", "lower one first"),
        ("ewma_jump=a:b", "lower one first"),
        ("ewma_jump=0.5", "give low:high"),
        ("ewma_jump=-1:0.2", "--set ewma_jump="),
        ("ewma_span_minutes=100:2000", "detection is done anew"),
        ("trading_hours=a:b", "list its values"),
        ("ewma_jump", "NAME=VALUE"),
    ],
)
def test_impossible_spaces_are_refused(search, words):
    with pytest.raises((BadInput, SettingsError), match=words):
        space_for("fade", "ewma", search=[search])


def test_usual_spaces_are_within_bounds_and_fixed_settings_stay_out():
    space = space_for("ride", "ewma", fixed=["ewma_jump=0.05"])
    names = {one.name for one in space.dimensions}
    assert "ewma_jump" not in names
    assert {"ride_stop_fraction", "ewma_span_minutes"} <= names
    assert space.settings({}).detect.ewma_jump == 0.05
    assert len(space.loosest()) == 3
    with pytest.raises(BadInput, match="nothing to search"):
        space_for("none", "none")


def verdict(trades=40, mean=0.02, profit=100.0, shrunk=4.0) -> BacktestSummary:
    return BacktestSummary(trades, trades // 2, profit, mean, shrunk, shrunk, 0.01)


def step(inside, outside, default=None, values=None) -> Step:
    fold = Fold("final", DateRange(0, DAY), DateRange(DAY, 2 * DAY))
    found = BestSettings(values or {"ewma_jump": "0.03", "x": "a"}, inside, 100)
    return Step(
        fold, found, outside, default or verdict(profit=0.0), default or verdict(profit=0.0)
    )


def doubts_of(*steps) -> str:
    space = replace(
        SPACE,
        dimensions=(Range("ewma_jump", 0.01, 0.05, whole=False), Choices("x", ("a", "b"))),
    )
    return " ".join(doubts(Tuned(space, "t", steps, 10)))


def test_sound_result_raises_no_doubt_and_each_trouble_its_own():
    good = verdict()
    assert doubts_of(step(good, good)) == ""
    assert "too few to choose by" in doubts_of(step(verdict(trades=12), good))
    assert "too few to confirm" in doubts_of(step(good, verdict(trades=3)))
    assert "Overfitting" in doubts_of(step(good, verdict(mean=0.001)))
    assert "as many worthless ones" in doubts_of(step(verdict(shrunk=2.0), good))
    assert "default settings made more" in doubts_of(step(good, good, verdict(profit=500.0)))
    assert "nothing was earned" in doubts_of(step(good, verdict(profit=-5.0)))
    assert "At the edge" in doubts_of(step(good, good, values={"ewma_jump": "0.05", "x": "a"}))
    far = step(good, good, values={"ewma_jump": "0.012", "x": "a"})
    assert "Far from one another" in doubts_of(far, step(good, good, values={"ewma_jump": "0.045"}))


def test_a_few_lucky_trades_score_less_than_many_good_ones():
    from pumpwatch_workbench.research.tune.objective import _shrunk_t

    lucky, steady = np.array([0.05, 0.052, 0.048]), np.full(60, 0.02) + 0.05 * np.sin(np.arange(60))
    assert 0 < _shrunk_t(lucky) < _shrunk_t(steady)
    assert _shrunk_t(np.array([])) == 0


def test_command_reports_both_sides_and_goes_on_from_its_study(market, tmp_path):
    folder = write_folder(tmp_path / "data", [market])
    fixed = [part for one in ALL for part in ("--set", one)]
    searched = [part for one in SEARCH for part in ("--search", one)]
    arguments = [
        "tune",
        str(folder),
        "--strategy",
        "ride",
        "--detector",
        "ewma",
        *fixed,
        *searched,
        "--quote-price",
        "1",
        "--folds",
        "1",
    ]
    page = tmp_path / "page.html"
    arguments += ["--trials", "10", "--study", str(tmp_path / "study"), "--report", str(page)]
    arguments.append("--json")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["final"]["trials"] == 10
    assert found["final"]["in_sample"]["trades"] > 0
    assert found["final"]["out_of_sample"]["trades"] > 0
    assert set(found["settings"]) == {one.partition("=")[0] for one in SEARCH}
    assert found["warnings"]
    file = tmp_path / "mine.toml"
    file.write_text("# mine\nleverage = 2\nstrategy = 'fade'\n", encoding="utf-8")
    again = CliRunner().invoke(app, [*arguments, "--write", str(file)])
    assert json.loads(again.stdout) == found
    written = file.read_text(encoding="utf-8")
    assert written.startswith("# mine\nleverage = 2\n")
    stored = settings_of_file(file)
    expected = {"leverage": "2", "strategy": "ride", "detector": "ewma", **found["settings"]}
    assert expected.items() <= stored.items()
    # What was found is taken as it was judged.
    settings = read_settings(stored)
    assert settings.trade.strategy == "ride"
    assert str(settings.trade.ride_target_fraction) == found["settings"]["ride_target_fraction"]
    table = CliRunner().invoke(app, arguments[:-1])
    assert "hold-out" in table.output
    assert "--set ewma_jump=" in table.output
    text = page.read_text(encoding="utf-8")
    assert "Pumpwatch search: ride on data" in text
    assert text.count("after 4 of 4</th>") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "0"], "--workers is 0"),
        (["--address", "x:1"], "--address belongs to --engine ray"),
        (["--strategy", "alert"], "tune fade or ride"),
    ],
)
def test_bad_options_are_refused(market, tmp_path, options, words):
    folder = write_folder(tmp_path / "data", [market])
    places = ["--study", str(tmp_path / "study"), "--report", str(tmp_path / "page.html")]
    result = CliRunner().invoke(app, ["tune", str(folder), "--folds", "1", *places, *options])
    assert words in str(result.exception)


def test_task_without_values_uses_the_defaults(market):
    pool = SignalPool([market], SPACE.loosest())
    with opened("local", pool, SPACE, workers=1) as engine:
        (one,) = engine.run([Task({}, DateRange(0, DAYS * DAY))])
    assert one.trades == len(pool.backtest(SPACE.settings({})).trades)
