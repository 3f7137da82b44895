"""`pumpwatch paper` and `report` as a person types them: nonsense in, one line out."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from support.paper_trading import PumpedExchange

from pumpwatch.errors import BadInput, PumpwatchError, SettingsError
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.cli.times import parse_duration
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.play.desk.options import desk_options
from pumpwatch_workbench.play.messages.messenger import messengers_from
from pumpwatch_workbench.play.views.live import LiveView
from pumpwatch_workbench.play.views.view import RunFacts


def typed(*arguments):
    """Run a command in this process; return its exit status and what it raised."""
    try:
        app(list(arguments), standalone_mode=False)
    except PumpwatchError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paper", "--duration", "-5m"), "--duration is -5m"),
        (("paper", "--duration", "soon"), "--duration is soon"),
        (("paper", "--duration", "0s"), "--duration is 0s"),
        (("paper", "--symbols", "bit/coin"), "--symbols='bit/coin' is not"),
        (("paper", "--metrics-port", "70000"), "--metrics-port='70000' is not"),
        (("paper", "--base-url", "https://example.com"), "--base-url='http"),
        (("paper", "--base-url", "http://api.bybit.com"), "--base-url='http"),
        (("paper", "--notify-env", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE, which is not"),
        (("run", "--notify-env", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE, which is not"),
        (("paper", "--store", "{folder}"), "is a folder"),
        (("report", "--since", "yesterday"), "--since is yesterday"),
        (("report", "--since", "-7d"), "--since is -7d"),
        (("report", "--store", "{folder}/none.db"), "there is no store"),
        (("report", "--store", "{folder}"), "is a folder"),
        (("report", "--store", "{folder}/none.db", "--stage", "prod"), "not both"),
        (("report", "--out", "{folder}"), "folder has that name"),
    ],
)
def test_nonsense_is_answered_with_a_sentence(tmp_path, arguments, words):
    error = typed(*(one.format(folder=tmp_path) for one in arguments))
    assert isinstance(error, PumpwatchError)
    assert words in str(error)
    assert "\n" not in str(error)


def test_a_busy_metrics_port_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        error = typed("paper", "--store", str(tmp_path / "s.db"), "--metrics-port", port)
    assert isinstance(error, BadInput)
    assert f"--metrics-port {port} cannot be opened" in str(error)


def test_a_timeout_that_leaves_no_time_for_an_entry_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "5")
    error = typed("paper", "--store", str(tmp_path / "s.db"))
    assert isinstance(error, BadInput)
    assert "REQUEST_TIMEOUT_SECONDS=5" in str(error)


def test_a_second_paper_on_the_same_store_is_refused(tmp_path):
    held = Database(tmp_path / "s.db")
    error = typed("paper", "--store", str(tmp_path / "s.db"))
    held.close()
    assert isinstance(error, BadInput)
    assert "another pumpwatch uses" in str(error)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("90s", 90_000), ("1.5h", 5_400_000), (" 7D ", 604_800_000), ("15m", 900_000)],
)
def test_lengths_of_time_are_read(text, milliseconds):
    assert parse_duration("--since", text) == milliseconds


def test_a_webhook_is_taken_from_the_environment_and_never_shown(monkeypatch):
    address = "https://hooks.slack.com/services/T0/B0/secret"
    monkeypatch.setenv("HOOK", address)
    options = desk_options({"notify_env": "HOOK"}, {})
    (messenger,) = messengers_from(options.desk.notify_env, os.environ)
    assert messenger.label == "address 1 of HOOK (Slack)"
    assert "T0" not in repr(options) + repr(messenger)
    with pytest.raises(SettingsError) as caught:
        desk_options({"notify_env": address}, {})
    assert "T0" not in str(caught.value)


def test_settings_of_a_deployed_stack_cannot_make_it_live():
    environment = {
        "TRADING_MODE": "live",
        "LIVE_TRADING_CONFIRMATION": "1",
        "BYBIT_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:key",
        "PUSHGATEWAY_URL": "https://example.com",
        "TABLE_NAME": "pumpwatch-prod",
        "MAX_OPEN_POSITIONS": "2",
    }
    options = desk_options({"strategy": "alert"}, environment)
    assert options.trade.trading_mode == "paper"
    assert options.trade.bybit_secret_arn == options.trade.pushgateway_url == ""
    assert options.trade.table_name == "none"
    assert (options.trade.strategy_name, options.trade.max_open_positions) == ("alert", 2)


def test_a_view_without_an_end_shows_no_progress_bar():
    view = LiveView(Console(width=80))
    view.started(RunFacts("Paper trading", start=1_760_000_040_000))
    console = Console(width=80, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(view.render())
    text = console.export_text()
    console.file.close()
    assert "tick 0" in text
    assert "%" not in text


@pytest.fixture(scope="module")
def exchange():
    made = PumpedExchange()
    yield made
    made.close()


def test_ctrl_c_ends_it_cleanly_and_the_journal_can_be_reported(exchange, tmp_path):
    """The program itself, in a process of its own, with the wall clock."""
    store = str(tmp_path / "paper.db")
    command = [sys.executable, "-m", "pumpwatch_workbench", "paper", "--json", "--store", store]
    process = subprocess.Popen(
        [*command, "--base-url", exchange.url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "SCAN_INTERVAL_SECONDS": "5"},
        # A runner that ignores SIGINT would hand that down.
        preexec_fn=lambda: signal.signal(  # noqa: PLW1509 - no threads here
            signal.SIGINT, signal.default_int_handler
        ),
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    while not lines or lines[-1]["kind"] != "tick":
        lines.append(json.loads(process.stdout.readline()))
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    rest, problem = process.communicate(timeout=120)
    assert process.returncode == 0, problem
    assert problem == ""
    summary = json.loads(rest.splitlines()[-1])
    assert (summary["kind"], summary["failed_ticks"]) == ("summary", 0)
    assert summary["ticks"] >= 1

    page = tmp_path / "page.html"
    assert typed("report", "--store", store, "--since", "3000d", "--out", str(page)) is None
    assert "Pumpwatch report: paper" in page.read_text()
