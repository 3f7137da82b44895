"""`pumpwatch run` as a person types it, on a small market."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

KEYS = {
    "symbols",
    "ticks",
    "events_planted",
    "events_detected",
    "false_events",
    "orders",
    "fills",
    "positions_without_stop_seconds_max",
    "realised_pnl_usdt",
    "detect_delay_p50_seconds",
    "tick_seconds_p50",
    "tick_requests_p50",
    "metrics_pushed",
    "scans",
    "announced_planted",
    "announced_detected",
    "order_delay_p50_seconds",
}
REPOSITORY = Path(__file__).resolve().parents[2]
RECORDED = Path(
    os.environ.get("PUMPWATCH_PUMP_EVENTS", REPOSITORY.parent / "shared/data/pump-events")
)


def pumpwatch(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pumpwatch_workbench", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=540, check=False
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The same small run, twice."""
    folder = tmp_path_factory.mktemp("run")
    answers = []
    for _ in range(2):
        done = pumpwatch(
            "run", "--json", "--symbols", "40", "--hours", "0.25", "--seed", "7", folder=folder
        )
        assert done.returncode == 0, done.stderr
        assert (folder / "build/run-report.html").stat().st_size > 100_000
        answers.append(json.loads(done.stdout))
    return answers


def test_json_is_one_object_with_exactly_the_documented_keys(runs):
    assert set(runs[0]) == KEYS


def test_a_planted_pump_is_detected_and_every_position_has_its_stop(runs):
    run = runs[0]
    assert run["symbols"] == 40
    assert run["ticks"] == 15
    assert run["events_detected"] == run["events_planted"] >= 1
    assert run["fills"] > run["orders"] >= 1
    assert run["positions_without_stop_seconds_max"] == 0
    assert run["tick_requests_p50"] <= 3 + 5 + 1
    # A push for each detect tick, each scheduled trade tick and the last one.
    assert run["metrics_pushed"] >= 2 * 15 + 1


def test_the_same_seed_gives_the_same_run(runs):
    first, second = ({**run, "tick_seconds_p50": None} for run in runs)
    assert first == second


def test_ctrl_c_ends_everything_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "pumpwatch_workbench", "run", "--symbols", "40"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A runner that ignores SIGINT would hand that down.
        preexec_fn=lambda: signal.signal(  # noqa: PLW1509 - no threads here
            signal.SIGINT, signal.default_int_handler
        ),
    )
    assert process.stdout is not None
    while "market time from" not in process.stdout.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    # Python lets the signal itself end the process when it struck within an `exec`.
    assert process.returncode in {130, -signal.SIGINT}
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded pumps in {RECORDED}")
def test_recorded_pumps_are_played_to_the_same_handlers(tmp_path):
    # Two events of the recording are enough here; the whole of it takes minutes.
    import polars as pl

    events = pl.read_csv(RECORDED / "events.csv").filter(pl.col("segment").is_in([85, 86]))
    events.write_csv(tmp_path / "events.csv")
    segments = pl.read_csv(RECORDED / "segments.csv").filter(pl.col("segment").is_in([85, 86]))
    segments.write_csv(tmp_path / "segments.csv")
    for name in ("candles", "trades"):
        table = pl.scan_parquet(RECORDED / f"{name}.parquet")
        table.filter(pl.col("segment").is_in([85, 86])).collect().write_parquet(
            tmp_path / f"{name}.parquet"
        )
    done = pumpwatch("run", "--json", "--replay", str(tmp_path), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["symbols"], answer["events_planted"]) == (2, 2)
    assert answer["events_detected"] == 2
    assert answer["false_events"] == 0
    assert answer["positions_without_stop_seconds_max"] == 0
