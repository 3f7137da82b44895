"""docs/own-code.md: its rule, strategy and test are taken from the page, and they work."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest
from support.backtests import pump_block, write_folder
from support.command_line import type_in
from support.labelled_markets import write_folder as write_labelled
from support.trading_rig import Rig, settings

from pumpwatch.domain.trading.orders import Side

PAGE = (Path(__file__).parents[3] / "docs" / "own-code.md").read_text("utf-8")
FILES = dict(re.findall(r'```python\n("""(?:\w+\.py).*?)```()', PAGE, re.DOTALL))
RULE, STRATEGY = "my_rules:Sprint", "my_strategies:Bounce"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder one stands in, with the page's three files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for text in FILES:
        (tmp_path / text[3:].partition(":")[0]).write_text(text, "utf-8")
    yield tmp_path
    for name in ("my_rules", "my_strategies", "test_my_code"):
        sys.modules.pop(name, None)


def test_each_is_as_short_as_it_says():
    assert [text[3:].partition(":")[0] for text in FILES] == [
        "my_rules.py",
        "my_strategies.py",
        "test_my_code.py",
    ]
    assert max(text.count("\n") for text in FILES) <= 30


def test_the_test_to_copy_passes(folder):
    sys.path.append(str(folder))
    module = importlib.import_module("test_my_code")
    (name,) = [name for name in vars(module) if name.startswith("test_")]
    getattr(module, name)()


def test_evaluate_scores_the_rule(folder):
    write_labelled(folder / "pumps", 1)
    answer = type_in("evaluate", "pumps", "--rule", RULE, "--rule", "ewma", "--json")
    assert answer.status == 0, answer.errors
    figures = json.loads(answer.output)["detectors"]
    assert list(figures) == [RULE, "ewma"]
    assert figures[RULE]["hits"] + figures[RULE]["false_alarms"] > 0
    refused = type_in("evaluate", "pumps", "--rule", RULE, "--set", "history=3")
    assert "is your own: change its settings in your code" in refused.line


def test_backtest_and_tune_trade_with_both(folder):
    write_folder(folder / "candles", [pump_block(start=480)])
    own = ("--rule", RULE, "--strategy", STRATEGY, "--quote-price", "1", "--json")
    own += ("--set", "warm_up_minutes=50")
    answer = type_in("backtest", "candles", *own)
    assert answer.status == 0, answer.errors
    found = json.loads(answer.output)
    assert (found["alarms"], found["trades"], found["won"]) == (1, 1, 1)
    assert (found["detector"], found["strategy"]) == (RULE, STRATEGY)
    assert "your own: nothing is known" in (folder / "build/backtest-report.html").read_text()
    missing = type_in("tune", "candles", *own)
    assert "name settings with --search" in missing.line


def test_a_paper_run_enters_as_the_strategy_says(folder):
    world = Rig(settings(strategy=STRATEGY)).opened()
    assert (world.trade().side, world.trade().strategy) == (Side.SELL, STRATEGY)
    assert float(world.trade().stop_loss) == pytest.approx(1.224)
    world.check_agreement()


def test_a_typing_error_is_one_line(folder):
    answer = type_in("evaluate", "pumps", "--rule", "my_rules:Sprnt")
    assert answer.status == 2
    assert "loading my_rules:Sprnt failed: AttributeError" in answer.line
