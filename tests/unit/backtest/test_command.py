"""`pumpwatch backtest` as a person types it."""

from __future__ import annotations

import json

import pytest
from support.backtests import DATA, flat_block, needs_data, pump_block, write_folder
from typer.testing import CliRunner

from benchmarks.reference import reference_trades
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.errors import BadInput, SettingsError
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.processes import keep_freed_memory
from pumpwatch_workbench.research.backtest.digest import trades_sha256
from pumpwatch_workbench.research.backtest.engine import run_backtest
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.backtest.settings import read_settings, settable

SETTINGS = ("warm_up_minutes=50", "fade_target_retrace=0.5")


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "pumps", [pump_block(start=480)])


def run(*arguments: object):
    return CliRunner().invoke(app, ["backtest", *map(str, arguments)])


def options(tmp_path):
    chosen = [part for one in SETTINGS for part in ("--set", one)]
    chosen += ["--detector", "ewma", "--quote-price", "1"]
    return [*chosen, "--report", tmp_path / "page.html"]


def test_json_is_one_object_with_every_figure(folder, tmp_path):
    result = run(folder, *options(tmp_path), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["trades"], found["won"], found["alarms"]) == (1, 1, 1)
    assert len(found["trades_sha256"]) == 64
    assert [one["symbol"] for one in found["closed"]] == ["AUSDT"]
    assert float(found["closed"][0]["realised_pnl"]) == pytest.approx(found["net_profit_usdt"])
    assert found["settings"]["fade_target_retrace"] == "0.5"
    assert found["false_signal_share"] is None
    assert any("too few" in text for text in found["warnings"])
    assert (found["profit_factor"], found["fill_rate"]) == (None, 1.0)
    for name in ("win_rate_low", "net_profit_usdt", "max_drawdown", "exposure"):
        assert isinstance(found[name], float), name


def test_summary_and_page_say_the_same(folder, tmp_path):
    result = run(folder, *options(tmp_path))
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for text in ("Win rate", "1970-01", "take profit", "Reasons to doubt", "AUSDT"):
        assert text in page
    assert "Doubtful: 1 trade is too few" in result.output
    for figure in ("equity", "drawdown", "trade-1"):
        assert f'data-figure="{figure}"' in page


def test_labels_tell_false_signals(folder, tmp_path):
    (folder / "events.csv").write_text(
        "segment,symbol,onset,counted\n0,AUSDT,1970-01-01T09:00:10Z,1\n"
    )
    assert json.loads(run(folder, *options(tmp_path), "--json").stdout)["false_signal_share"] == 0


def test_period_cuts_entries_and_candles(folder, tmp_path):
    late = json.loads(
        run(folder, *options(tmp_path), "--json", "--from", "1970-01-01T09:30:00Z").stdout
    )
    assert late["trades"] == 0
    early = run(folder, *options(tmp_path), "--json", "--to", "1970-01-01T09:04:00Z")
    assert json.loads(early.stdout)["trades"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "ewma_jmp=0.1"], "did you mean ewma_jump?"),
        (["--set", "ewma_jump"], "write it as NAME=VALUE"),
        (["--set", "ewma_jump=x"], "--set ewma_jump='x' is not allowed"),
        (["--set", "bybit_base_url=https://api.bybit.com"], "no setting"),
        (["--from", "yesterday"], "--from is 'yesterday'"),
        (["--from", "2021-01-02", "--to", "2021-01-01"], "is empty"),
        (["--from", "2021-01-02"], "no candle in this period"),
        (["--quote-price", "0"], "give a price above zero"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_no_page(folder, tmp_path, arguments, words):
    result = run(folder, "--report", tmp_path / "page.html", *arguments)
    assert isinstance(result.exception, BadInput | SettingsError)
    assert words in str(result.exception)
    assert not (tmp_path / "page.html").exists()


def test_every_setting_can_be_set_to_its_default():
    for name, kind in settable().items():
        default = kind.model_fields[name].default
        changed = read_settings({name: str(default)})
        assert not changed.changed, name


def test_alert_trades_nothing(tmp_path):
    folder = write_folder(tmp_path / "flat", [flat_block(200)])
    found = run(folder, *options(tmp_path), "--strategy", "alert", "--json")
    assert json.loads(found.stdout)["signals"] == 0


@needs_data
@pytest.mark.parametrize(
    ("detector", "strategy", "chosen"),
    [
        # Recordings of the same weeks: all 69 take the slow loop half a minute.
        ("ewma", "fade", {28, 30, 31, 58, 98, 105}),
        ("ewma", "ride", {28, 30, 31}),
        ("karbalaii", "fade", {77, 28}),
    ],
)
def test_labelled_data_gives_the_trades_of_the_slow_loop(detector, strategy, chosen, monkeypatch):
    # As published, the hourly rule makes no trade on these.
    loose = Karbalaii(price_rise=0.05, volume_rise=2.0, ewma_share=0.5, maximum_share=0.3)
    monkeypatch.setitem(DETECTORS, "karbalaii", lambda _: loose)
    settings = read_settings({}, strategy=strategy, detector=detector)
    blocks = [one for one in Recordings(DATA).blocks() if one.segments[0] in chosen]
    fast = run_backtest(blocks, settings)
    assert len(fast.trades) >= len(chosen)
    assert trades_sha256(fast.trades) == trades_sha256(reference_trades(blocks, settings))


def test_kept_memory_changes_no_result(folder):
    settings = read_settings({"warm_up_minutes": "50"}, detector="ewma")
    before = run_backtest(Recordings(folder).blocks(), settings)
    keep_freed_memory()
    after = run_backtest(Recordings(folder).blocks(), settings)
    assert trades_sha256(before.trades) == trades_sha256(after.trades)
