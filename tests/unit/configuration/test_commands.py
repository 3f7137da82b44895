"""Commands that take settings of a file or of `--set`: what they make of them."""

import pytest
from support.backtests import random_block, write_folder
from typer.testing import CliRunner

from pumpwatch_workbench.cli import backtest as backtest_command
from pumpwatch_workbench.cli import run as run_command
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.research.backtest.settings import settable

FILE = """
mode = "live"
strategy = "ride"
detector = "ewma"
symbols = ["A*", "B*"]
ewma_jump = 0.05
warm_up_minutes = 60
ride_exit = "time"
live_trading_confirmation = "1"
parallel_requests = 3
"""


class Reached(Exception):
    """The command has its settings."""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def played(monkeypatch, *arguments):
    """Return what `pumpwatch run` would play, or the text of its refusal."""
    seen = []

    def play(options, view, page):
        seen.append(options)
        raise Reached

    monkeypatch.setattr(run_command, "play", play)
    result = CliRunner().invoke(app, ["run", *arguments])
    return seen[0] if seen else str(result.exception)


def test_a_run_takes_settings_and_leaves_what_it_decides_itself(file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options = played(
        monkeypatch, "--config", str(file), "--set", "leverage=2", "--strategy", "fade"
    )
    assert (options.strategy, options.detector) == ("fade", "ewma")
    assert options.settings == {
        "strategy": "fade",
        "detector": "ewma",
        "symbols": "A*,B*",
        "ewma_jump": "0.05",
        "warm_up_minutes": "60",
        "ride_exit": "time",
        "leverage": "2",
    }
    (tmp_path / "pumpwatch.toml").write_text(FILE, encoding="utf-8")
    assert played(monkeypatch).settings == {}


@pytest.mark.parametrize(
    "pair", ["parallel_requests=2", "stage=x", "mode=live", "bybit_base_url=x", "store=x"]
)
def test_a_run_refuses_what_it_decides_itself(pair, monkeypatch):
    assert "a run decides this itself" in played(monkeypatch, "--set", pair)


def test_whatever_can_be_tuned_can_be_given_to_a_run_and_a_desk():
    from pumpwatch_workbench.configuration.load import KNOWN
    from pumpwatch_workbench.research.backtest.settings import Assumptions

    tuned = {name for name, kind in settable().items() if kind is not Assumptions}
    assert tuned <= KNOWN - run_command.OWN


def test_a_backtest_takes_a_file_that_is_named(file, monkeypatch, tmp_path):
    seen = []

    def outcome_of(recordings, blocks, settings, begin, end):
        seen.append(settings)
        raise Reached

    folder = write_folder(tmp_path / "data", [random_block(3, 1, 200, scale=1e6)])
    monkeypatch.setattr(backtest_command, "outcome_of", outcome_of)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pumpwatch.toml").write_text("leverage = 2", encoding="utf-8")
    typed = ["backtest", str(folder), "--set", "ewma_jump=0.06"]
    for more in (["--config", str(file)], []):
        assert isinstance(CliRunner().invoke(app, [*typed, *more]).exception, Reached)
    named, plain = seen
    assert (named.trade.strategy, named.detect.detector) == ("ride", "ewma")
    assert (named.trade.ride_exit, named.detect.ewma_jump) == ("time", 0.06)
    assert (named.detect.warm_up_minutes, named.trade.trading_mode) == (60, "paper")
    assert (plain.trade.strategy_name, plain.trade.leverage) == ("fade", 1)
