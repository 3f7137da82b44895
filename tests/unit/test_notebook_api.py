"""The API for notebooks gives what the commands give, and its examples run."""

from __future__ import annotations

import doctest
import inspect
import json
import sys
from datetime import UTC, datetime

import polars as pl
import pytest
from support.backtests import pump_block, write_folder
from typer.testing import CliRunner

import pumpwatch_workbench.notebook as pw
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.plans import Denied
from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.local.store import Database

LIVELY = {"warm_up_minutes": 50, "fade_target_retrace": 0.5}
PUBLIC = (pw.candles, pw.events, pw.evaluate, pw.backtest, pw.report, pw.chart)
PUMP = "1970-01-02T01:00:10Z"


class Jump:
    """Alarms when a minute closes five per cent above the one before."""

    history, least_rise, least_turnover, least = 30, 0.0, 0.0, 0.05

    def alarms(self, candles, trades):
        return candles.close[-1] / candles.close[-2] > 1 + self.least


class Deny:
    """Denies every signal of a peak."""

    time_limit_minutes, reason = 5, ""

    def acts_on(self, signal):
        return signal.phase is Phase.PEAKED

    def plan(self, signal, quote):
        return Denied(self.reason)


@pytest.fixture
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_folder(tmp_path / "candles", [pump_block(warm_up=1500, after=300)])
    (folder / "events.csv").write_text(f"segment,symbol,onset,counted\n0,AUSDT,{PUMP},1\n")
    Database(tmp_path / "paper.db").close()


pytestmark = pytest.mark.usefixtures("_here")


def test_candles_are_those_of_the_folder_within_the_period():
    every = pw.candles("candles")
    assert every.schema == pw.CANDLES
    assert (every.height, every["symbol"].unique().to_list()) == (1800, ["AUSDT"])
    start, end = datetime(1970, 1, 2, tzinfo=UTC), "1970-01-02T00:05"
    some = pw.candles("candles", ["AUSDT"], start, end)
    assert some["time"].to_list() == every["time"].to_list()[1440:1445]
    assert pw.candles("candles", ["OTHER"]).height == 0


def test_a_backtest_is_the_command_s():
    result = pw.backtest("candles", "fade", "ewma", **LIVELY)
    pairs = [word for key, value in LIVELY.items() for word in ("--set", f"{key}={value}")]
    words = ["backtest", "candles", "--rule", "ewma", *pairs, "--json", "--report", "page.html"]
    said = json.loads(CliRunner().invoke(app, words).stdout)
    assert result.summary["trades_sha256"].item() == said["trades_sha256"]
    assert (result.trades.height, said["trades"]) == (1, 1)
    assert result.trades["realised_pnl_usdt"].sum() == pytest.approx(said["net_profit_usdt"])
    assert result.equity["equity_usdt"][-1] == pytest.approx(said["final_equity_usdt"])
    assert result.events["alarm_time"].item() <= result.trades["entry_time"].item()
    late = pw.backtest("candles", "fade", "ewma", start="1970-01-02T03:00", **LIVELY)
    assert (late.trades.height, late.events.height) == (0, 0)


def test_a_rule_s_class_is_judged_within_the_period_alone():
    assert pw.events("candles", Jump)["alarm_time"].to_list() == [
        datetime(1970, 1, 2, 1, 1, tzinfo=UTC)
    ]
    whole, after, before = (
        pw.evaluate("candles", Jump, start, end).row(0, named=True)
        for start, end in (("", ""), ("1970-01-02T02:00", ""), ("", "1970-01-02T00:30"))
    )
    assert (whole["hits"], whole["false_alarms"]) == (1, 0)
    assert (after["events"], after["false_alarms"], before["events"]) == (0, 0, 0)
    assert before["symbol_days"] == pytest.approx(30 / 1440)
    around = pw.evaluate("candles", Jump, "1970-01-02T00:59", "1970-01-02T01:30")
    assert around["hits"].item() == 1, "the day before warms the rule up"


def test_a_class_that_was_written_anew_is_used(monkeypatch):
    monkeypatch.setattr(Jump, "least", 10.0)
    assert pw.events("candles", Jump).height == 0
    for reason in ("no", "never"):
        never = type("Never", (Deny,), {"reason": reason, "__module__": __name__})
        monkeypatch.setattr(sys.modules[__name__], "Never", never, raising=False)
        trades = pw.backtest("candles", never, "ewma", **LIVELY).trades
        assert trades["denial"].to_list() == [reason]


def test_a_report_has_the_key_figures():
    report = pw.report("paper.db")
    assert report.trades.height == 0
    assert "Win rate" in report.summary["name"].to_list()
    with pytest.raises(BadInput, match="seven"):
        pw.report("paper.db", since="seven")
    for path in ("papper.db", "elsewhere/paper"):
        with pytest.raises(BadInput, match=f"there is no store {path}"):
            pw.report(path)


def test_a_chart_shows_a_trade_with_its_levels_and_loads_nothing():
    result = pw.backtest("candles", "fade", "ewma", **LIVELY)
    chart = pw.chart(pw.candles("candles"), result.trades.row(0, named=True))
    assert [level["colour"] for level in chart["levels"]] == ["stop", "target"]
    assert chart["candles"][0][0] < result.trades["signal_time"].dt.timestamp("ms").item()
    assert len(chart["candles"]) < 200
    page = chart._repr_html_()
    assert page.startswith("<iframe ")
    assert "<script" not in page
    assert "default-src &amp;#39;none&amp;#39;" in page
    assert page.count("src=") == 0
    event = pw.chart(pw.candles("candles"), result.events.row(0, named=True))
    assert {mark["text"] for mark in event["marks"]} >= {"alarm", "peaked"}
    whole = pw.chart(pw.candles("candles"))
    assert len(whole["candles"]) == 1800


def test_the_examples_run():
    trades = pw.backtest("candles", "fade", "ewma", **LIVELY).trades
    for function in PUBLIC:
        (example,) = doctest.DocTestParser().get_examples(inspect.getdoc(function))
        code = compile(example.source, function.__name__, "eval")
        answer = eval(code, {"pw": pw, "trades": trades})  # noqa: S307 - our own docstring
        assert isinstance(answer, pl.DataFrame | pw.Chart), function
