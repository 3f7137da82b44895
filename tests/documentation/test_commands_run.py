"""Every `pumpwatch` command that a page shows to be typed is typed, against stand-ins.

Bybit is a simulated market of the coins that the pages name, AWS is moto with a deployed stack in
it, folders of candles are small ones. `CHANGED` says what else differs from what the page shows.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from support.aws import make_table
from support.backtests import pump_block, write_folder
from support.deployed import Deployment
from support.documented import REPOSITORY, Shown, shown, simple_commands
from support.paper_trading import SteppedPace
from support.records import a_trade
from support.scripted_market import ScriptedMarket
from typer.testing import CliRunner

from pumpwatch.adapters.dynamodb import DynamoHaltStore, DynamoJournal, DynamoLeaseStore, Table
from pumpwatch.errors import BadInput
from pumpwatch.metrics import DETECT, TRADE
from pumpwatch.ports import Halt
from workbench.cli.backtest import period_of
from workbench.cli.main import app
from workbench.durations import parse_duration
from workbench.journal import stack as journal_stack
from workbench.operations.stack import DeployedStack
from workbench.paper import play as paper_play
from workbench.run import driver
from workbench.simulator.auth import credentials_from_seed
from workbench.simulator.clock import MarketClock
from workbench.simulator.exchange import Exchange
from workbench.simulator.exchange_settings import ExchangeSettings
from workbench.simulator.server import start_simulator

COINS = ("BTCUSDT", "DOGEUSDT", "ETHUSDT")


def period_to(_: str, text: str) -> tuple[int, int]:
    return period_of("1970-01-01", text)


CHANGED = {
    "backfill": ("--base-url", "{bybit}", "--bucket", "{bucket}", "--table", "{table}"),
    "campaign": ("--seeds", "2", "--workers", "1"),
    "download": ("--base-url", "{bybit}", "--to", "2026-09-01T06:00:00Z", "--out", "downloaded"),
    "paper": ("--base-url", "{bybit}", "--duration", "3m"),
    "simulator": ("--port", "0", "--symbols", "5"),
    "tune": ("--trials", "2", "--folds", "1", "--workers", "1"),
}
"""Added to a command, where the last value of an option counts: where Bybit is, and less work."""
VALUES = {"--duration": parse_duration, "--since": parse_duration, "--to": period_to}
"""What reads the values that `CHANGED` may replace: what the page shows must be readable too."""
FOLDER_OF_CANDLES = {"backtest", "compare", "evaluate", "train", "tune"}
"""Their first argument is the reader's own folder: it is this test's."""
RUN_ELSEWHERE = {
    "run": "tests/e2e/test_run_command.py plays markets; here only --replay is played",
    "train": "tests/unit/test_training.py trains; two days of candles are too few to learn from",
}
GROUPS = {
    "a deployed stack": {"backfill", "compare", "doctor", "halt", "resume", "status"},
    "the market": {"download", "paper", "report"},
    "candles and worlds": {"backtest", "campaign", "costs", "evaluate", "tune"},
    "a simulator": {"simulator"},
    "a replay": {"run", "train"},
}


def typed() -> list[tuple[Shown, list[str]]]:
    """Return each `pumpwatch` command that stands in a block, once."""
    exported = dict(re.findall(r"^export (\w+)=(\S+)", "\n".join(s.text for s in shown()), re.M))
    found: dict[tuple[str, ...], Shown] = {}
    for one in shown():
        for program, *words in simple_commands(one.text) if one.typed else ():
            if program.removeprefix(".venv/bin/") == "pumpwatch":
                filled = (exported.get(word.removeprefix("$"), word) for word in words)
                found.setdefault(tuple(filled), one)
    return [(one, list(words)) for words, one in found.items()]


def of_group(name: str) -> list[tuple[Shown, list[str]]]:
    return [(one, words) for one, words in typed() if words[0] in GROUPS[name]]


def problem_of(one: Shown, words: list[str], **places: object) -> list[str]:
    """Type the command; return what went wrong, in at most one line."""
    name, *rest = words
    if name in FOLDER_OF_CANDLES and rest and not rest[0].startswith("-"):
        rest[0] = str(places["candles"])
    for option, value in pairwise(words):
        if option in VALUES:
            try:
                VALUES[option](option, value)
            except BadInput as error:
                return [f"{one}: {error}"]
    rest += [part.format(**places) for part in CHANGED.get(name, ())]
    result = CliRunner().invoke(app, [name, *rest], input="prod\n")
    if result.exit_code == 0:
        return []
    return [f"{one}: exit status {result.exit_code}: {result.exception!r} {result.output[-500:]}"]


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """An empty folder to work in, which is also the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def bybit(monkeypatch):
    """The address of an exchange on 2026-10-02, whose clock paper trading steps."""
    start = round(datetime(2026, 10, 2, tzinfo=UTC).timestamp() * 1000)
    market = ScriptedMarket({coin: [(0, 100.0)] for coin in COINS})
    clock = MarketClock(start=start, stepped=True)
    settings = ExchangeSettings(rate_limits=False)
    stepped = partial(paper_play.play, pace_of=lambda _: SteppedPace(clock))
    monkeypatch.setattr(paper_play, "play", stepped)
    with start_simulator(Exchange(market, clock, credentials_from_seed(1), settings)) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def candles(scratch):
    """Four days of one coin, with a labelled pump in the middle of September 2026."""
    pumped = datetime(2026, 9, 16, tzinfo=UTC)
    warm_up = 3 * 1440
    start = round(pumped.timestamp() / 60) - warm_up
    events = f"segment,symbol,onset,counted\n0,AUSDT,{pumped:%Y-%m-%dT%H:%M:%SZ},1\n"
    block = pump_block(warm_up=warm_up, after=1440, start=start)
    return write_folder(scratch / "candles", [block], events_csv=events)


@pytest.fixture
def deployed(monkeypatch):
    """A stack that works, and a table with a trade for `compare`."""
    with mock_aws():
        made = Deployment()
        made.succeed(DETECT, TRADE)
        made.subscribe()
        found = made.stack()
        monkeypatch.setattr(DeployedStack, "find", lambda *_: found)
        monkeypatch.setattr(journal_stack, "outputs_of_stage", lambda *_: made.outputs)
        client = boto3.client("dynamodb")
        table = Table(make_table(client, "pumpwatch-dev"), client)
        lease = DynamoLeaseStore(table).acquire("trade", owner="run", seconds=30)
        created = round(datetime(2026, 9, 16, 0, 2, tzinfo=UTC).timestamp() * 1000)
        DynamoJournal(table).save(a_trade(created=created, strategy="fade"), lease)
        yield made


def test_every_command_is_in_a_group():
    assert {words[0] for _, words in typed()} <= set().union(*GROUPS.values())
    assert len(typed()) >= 10


def test_commands_for_a_deployed_stack(deployed, bybit, candles):
    problems = []
    halts = DynamoHaltStore(deployed.table())
    for one, words in of_group("a deployed stack"):
        if words[0] == "resume":
            halts.halt(Halt("a look", 1, by="me"))
        elif halts.current() is not None:
            halts.resume(by="me", time=2)
        places = {
            "bucket": deployed.outputs["HistoryBucket"],
            "table": deployed.outputs["StateTable"],
        }
        problems += problem_of(one, words, bybit=bybit, candles=candles, **places)
    assert not problems, "\n".join(problems)


def test_commands_for_the_market(bybit, scratch):
    commands = sorted(of_group("the market"), key=lambda found: found[1][0] == "report")
    problems = [line for one, words in commands for line in problem_of(one, words, bybit=bybit)]
    assert not problems, "\n".join(problems)
    assert (scratch / "downloaded" / "candles.parquet").exists()
    assert (scratch / ".pumpwatch" / "paper.db").exists()


def test_commands_for_candles_and_worlds(candles):
    commands = of_group("candles and worlds")
    problems = [line for one, words in commands for line in problem_of(one, words, candles=candles)]
    assert not problems, "\n".join(problems)


def test_the_replay_of_the_reader_s_own_candles(scratch, monkeypatch):
    """Played for the first twenty of its seventy minutes, with the pump in the middle."""
    schedule = driver._Driver._schedule
    monkeypatch.setattr(driver._Driver, "_schedule", lambda self: schedule(self)[:20])
    (example,) = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "docs/data-format.md").read_text("utf-8"), re.DOTALL
    )
    exec(compile(example, "docs/data-format.md", "exec"), {})  # noqa: S102 - our own page
    played = [(one, words) for one, words in of_group("a replay") if "--replay" in words]
    assert played
    for one, words in played:
        assert problem_of(one, words) == []
    assert (scratch / "build" / "run-report.html").exists()


def test_the_simulator_as_the_pages_start_it(scratch):
    for one, words in of_group("a simulator"):
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", *words, *CHANGED["simulator"]],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert set(json.loads(process.stdout.readline())) >= {"url", "api_key"}, str(one)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) in (0, 130), str(one)
        finally:
            process.kill()
            process.communicate()


def test_what_is_not_run_here_is_run_elsewhere():
    for reason in RUN_ELSEWHERE.values():
        assert Path(REPOSITORY / reason.split()[0]).is_file()
