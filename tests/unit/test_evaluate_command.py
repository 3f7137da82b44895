"""`pumpwatch evaluate` on small folders of labelled pumps: figures, files, and bad input."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from pumpwatch_workbench.cli import main
from pumpwatch_workbench.research.evaluation.rules import RULES, rule_named, settings_from

MINUTE, DAY = 60_000, 86_400_000
FIGURES = {
    "events", "hits", "early", "false_alarms", "symbol_days", "false_alarms_per_symbol_day",
    "precision", "recall", "f1", "delay_p50_seconds", "delay_p90_seconds",
}  # fmt: skip


def write_folder(folder, *, change=None, **files):
    """Write two days of a coin whose only pump begins at 1970-01-02T12:00:20Z."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(3)
    count = 2 * DAY // MINUTE
    close = 100 + random.normal(0, 0.05, count)
    turnover = random.lognormal(0, 0.5, count)
    pumped = (DAY + 12 * 60 * MINUTE) // MINUTE
    high = close * 1.001
    high[pumped], turnover[pumped] = 115.0, 900.0
    table = pl.DataFrame(
        {
            "segment": np.full(count, 4),
            "open_time": MINUTE * np.arange(count),
            "open": close,
            "high": high,
            "low": close * 0.999,
            "close": close,
            "volume": turnover / 100,
            "turnover": turnover,
        }
    )
    texts = {
        "segments.csv": "segment,symbol,start,end\n"
        "4,ADX,1970-01-01T00:00:00Z,1970-01-03T00:00:00Z\n",
        "events.csv": "segment,symbol,onset,counted\n4,ADX,1970-01-02T12:00:20Z,1\n",
    }
    for name, text in (texts | files).items():
        (folder / name).write_text(text)
    (table if change is None else change(table)).write_parquet(folder / "candles.parquet")
    return folder


def run(capsys, monkeypatch, tmp_path, *arguments):
    monkeypatch.chdir(tmp_path)
    status = main.run_program(["evaluate", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_one_object_of_figures_by_detector_and_a_page(tmp_path, capsys, monkeypatch):
    folder = write_folder(tmp_path / "data")
    status, out, _ = run(
        capsys, monkeypatch, tmp_path, folder, "--detector", "ewma", "--json",
        "--alarms", "alarms.csv",
    )  # fmt: skip
    found = json.loads(out)
    assert status == 0
    assert found.keys() >= FIGURES
    assert (found["events"], found["hits"], found["false_alarms"]) == (1, 1, 0)
    assert found["delay_p50_seconds"] == 40
    assert found["symbol_days"] == pytest.approx(1 - 7 / 24)
    assert found["detectors"]["ewma"]["f1"] == 1
    assert (tmp_path / "alarms.csv").read_text() == (
        "segment,symbol,time\n4,ADX,1970-01-02T12:01:00.000Z\n"
    )
    page = (tmp_path / "build/evaluation-report.html").read_text()
    assert "Recall against false alarms" in page
    assert "src=" not in page.split("<script")[0]


def test_every_detector_in_one_table(tmp_path, capsys, monkeypatch):
    folder = write_folder(tmp_path / "data")
    status, _, out = run(capsys, monkeypatch, tmp_path, folder, "--detector", "all", "--json")
    assert status == 0
    assert "Report:" in out


def test_settings_have_the_rules_or_productions_names(tmp_path, capsys, monkeypatch):
    folder = write_folder(tmp_path / "data")
    for setting in ("jump=0.2", "ewma_jump=0.2"):
        status, out, _ = run(
            capsys, monkeypatch, tmp_path, folder, "--detector", "ewma", "--set", setting, "--json"
        )
        assert (status, json.loads(out)["hits"]) == (0, 0)


def twice(table):
    return pl.concat([table[:10], table[9:]])


@pytest.mark.parametrize(
    ("folder", "arguments", "complaint"),
    [
        (
            {"change": twice},
            (),
            "candles.parquet row 10 (segment 4, ADX, 1970-01-01T00:09:00Z): open_t",
        ),
        ({}, ("--detector", "lstm"), "no 'lstm' among the rules boosted, ewma"),
        ({}, ("--detector", "ewma", "--set", "jmp=1"), "did you mean jump"),
        ({}, ("--detector", "ewma", "--set", "jump"), "write it as NAME=VALUE"),
        ({}, ("--detector", "ewma", "--set", "span=1.5"), "give a whole number"),
        ({}, ("--detector", "ewma", "--set", "jump=-1"), "must be above zero"),
        ({}, ("--alarms", "nowhere/alarms.csv"), "/nowhere/alarms.csv: no such file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path, capsys, monkeypatch, folder, arguments, complaint
):
    data = write_folder(tmp_path / "data", **folder)
    status, out, err = run(capsys, monkeypatch, tmp_path, data, *arguments)
    assert status == 2
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("build/*"))


def test_every_rule_can_be_named_and_made_stricter():
    for name, rule in RULES.items():
        assert rule_named(name, {}) == rule.usual
        assert hasattr(rule.usual, rule.knob)
    assert settings_from(["EWMA-jump = 0.1"]) == {"jump": "0.1"}
