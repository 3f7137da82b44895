"""Every `pumpwatch` command that a page shows to be typed is typed, against stand-ins.

Bybit is a simulated market of the coins that the pages name, AWS is moto with a deployed stack in
it, folders of candles are small ones. `ADDED` and `REPLACED` say what else differs from the page.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from functools import cache, partial
from itertools import pairwise

import pytest
from moto import mock_aws
from support.aws import client, make_table
from support.backtests import pump_block, write_folder
from support.deployed import Deployment
from support.documented import REPOSITORY, Shown, shown, simple_commands
from support.paper_trading import SteppedPace
from support.records import a_trade
from support.scripted_market import ScriptedMarket
from typer.testing import CliRunner

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.errors import BadInput
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.cli import desk as desk_command
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.cli.times import parse_duration, period_of
from pumpwatch_workbench.export import tables_of, write_tables
from pumpwatch_workbench.local.store import Database, SqliteJournal, SqliteLeaseStore
from pumpwatch_workbench.operations.stack import DeployedStack
from pumpwatch_workbench.play.desk import play as desk_play
from pumpwatch_workbench.play.run import driver
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

COINS = ("BTCUSDT", "DOGEUSDT", "ETHUSDT")
ADDED = {
    "backfill": "--base-url {bybit}",
    "close": "--wait 0",
    "campaign": "--seeds 2 --workers 1",
    "compare": "--from 2026-09-15 --to 2026-09-18",
    "desk": "--base-url {bybit} --duration 3m",
    "download": "--base-url {bybit} --from 2026-09-01 --to 2026-09-01T06:00",
    "paper": "--base-url {bybit} --duration 3m",
    "run": "--scan-interval 60",
    "tune": "--trials 2 --folds 1 --workers 1",
}
"""Added to a command, where the last value of an option counts: where Bybit is, and less work."""
PLANTED = ("--bug", "no-time-check-before-order")
"""A bug of the catalogue, which its own test notices; all of them take minutes."""
REPLACED = {
    "--bucket": "{bucket}",
    "--confirm": "{account}",
    "--journal": "{journal}",
    "--key-file": "{key}",
    "--labels": "{labels}",
    "--metrics-port": "0",
    "--replay": "my-candles",
    "--store": "{store}",
    "--table": "{table}",
    "--web": "0",
}
"""The reader's own values, replaced where the page gives them; a campaign replays a seed."""
FOLDER_OF_CANDLES = {"backtest", "compare", "evaluate", "train", "tune"}
"""Their first argument is the reader's own folder: it is this test's."""
READABLE = {
    "--duration": parse_duration,
    "--since": parse_duration,
    "--from": lambda _, text: period_of(text, "2100-01-01"),
    "--to": lambda _, text: period_of("1970-01-01", text),
}
"""Values that may be replaced, and what must be able to read those on the page."""
OPERATORS_OWN = {"backfill", "close", "doctor", "halt", "resume", "status"}
"""What is typed in an emergency, also from the middle of a sentence."""
GROUPS = {
    "a deployed stack": {"backfill", "close", "compare", "doctor", "halt", "resume", "status"},
    "the market": {"desk", "download", "paper", "report"},
    "candles and worlds": {"backtest", "campaign", "costs", "evaluate", "tune"},
    "a replay": {"import", "run"},
    "elsewhere": {"config", "dashboard", "scale", "simulator", "train"},
}
"""Elsewhere: config and dashboard have tests of their own, scale measures for minutes, train needs
more candles, the simulator is a process.

Of the run's commands a single one is typed here, tests/e2e types others.
"""
TRADED_AT = round(datetime(2026, 9, 16, 0, 2, tzinfo=UTC).timestamp() * 1000)
TRADED = a_trade(created=TRADED_AT, signal_time=TRADED_AT, strategy="fade")


def group_of(words: list[str]) -> str:
    if words[0] == "report" and "--stage" in words:
        return "a deployed stack"
    return next(name for name, commands in GROUPS.items() if words[0] in commands)


@cache
def typed() -> list[tuple[Shown, list[str]]]:
    """Return each `pumpwatch` command that stands in a block, once, and an operator's anywhere."""
    exported = dict(re.findall(r"^export (\w+)=(\S+)", "\n".join(s.text for s in shown()), re.M))
    commands: dict[tuple[str, ...], Shown] = {}
    for line in shown():
        for program, *words in simple_commands(line.text) if line.complete else ():
            if program.removeprefix(".venv/bin/") != "pumpwatch" or words[0].startswith("-"):
                continue
            if line.typed or words[0] in OPERATORS_OWN:
                filled = (exported.get(w[1:], w) if w.startswith("$") else w for w in words)
                commands.setdefault(tuple(filled), line)
    return [(line, list(words)) for words, line in commands.items()]


def of_group(name: str) -> list[tuple[Shown, list[str]]]:
    return [(line, words) for line, words in typed() if group_of(words) == name]


def adapted(words: list[str], places: dict[str, object]) -> list[str]:
    """Return the command as it is typed here. Raises `BadInput` for a value nobody can read."""
    changed = list(words)
    for number, (option, value) in enumerate(pairwise(words), start=1):
        if option in READABLE:
            READABLE[option](option, value)
        if option in REPLACED and (words[0], option) != ("campaign", "--replay"):
            changed[number] = REPLACED[option].format(**places)
    if changed[0] in FOLDER_OF_CANDLES and len(changed) > 1 and not changed[1].startswith("-"):
        changed[1] = str(places["candles"])
    if changed[:2] == ["close", "SYMBOL"]:
        changed[1] = "DOGEUSDT"
    if changed[0] == "compare" and not {"--table", "--journal"} & set(changed):
        changed += ["--store", str(places["store"])]
    if changed[:2] == ["doctor", "--mode"]:
        changed += ["--base-url", str(places["bybit"])]
    if "--planted" in changed:
        changed += PLANTED
    return changed + ADDED.get(changed[0], "").format(**places).split()


def problem_of(
    line: Shown, words: list[str], good: tuple[int, ...] = (0,), **places: object
) -> list[str]:
    """Type the command; return what went wrong, in at most one line."""
    try:
        result = CliRunner().invoke(app, adapted(words, places), input="y\n")
    except BadInput as error:
        return [f"{line}: {error}"]
    raised = result.exception is not None and not isinstance(result.exception, SystemExit)
    if result.exit_code in good and not raised:
        return []
    return [f"{line}: exit status {result.exit_code}: {result.exception!r} {result.output[-500:]}"]


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A folder to work in, which is also the home; with the rule and strategy of own-code.md."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    page = (REPOSITORY / "docs" / "own-code.md").read_text("utf-8")
    own = re.findall(r'```python\n("""(my_\w+)\.py: .*?)```', page, re.DOTALL)
    for text, name in own:
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PUMPWATCH_HOME")
    yield tmp_path
    for _, name in own:
        sys.modules.pop(name, None)


@pytest.fixture
def bybit(monkeypatch):
    """The address of an exchange on 2026-10-02, whose clock paper trading steps."""
    start = round(datetime(2026, 10, 2, tzinfo=UTC).timestamp() * 1000)
    market = ScriptedMarket({coin: [(0, 100.0)] for coin in COINS})
    clock = MarketClock(start=start, stepped=True)
    settings = ExchangeSettings(rate_limits=False)
    stepped = partial(desk_play.play, pace_of=lambda _: SteppedPace(clock))
    monkeypatch.setattr(desk_command, "play", stepped)
    with SimulatorServer(Exchange(market, clock, credentials_from_seed(1), settings)) as server:
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
        deployment = Deployment()
        deployment.succeed(DETECT, TRADE)
        deployment.subscribe()
        stack = deployment.stack()
        monkeypatch.setattr(DeployedStack, "find", lambda *_: stack)
        monkeypatch.setattr(DeployedStack, "of_stage", lambda *_: stack)
        table = Table(make_table(client("dynamodb"), "pumpwatch-dev"), client("dynamodb"))
        lease = DynamoLeaseStore(table).acquire("trade", owner="run", seconds=30)
        DynamoJournal(table).save(TRADED, lease)
        yield deployment


def test_every_command_is_in_a_group():
    assert {words[0] for _, words in typed()} <= set().union(*GROUPS.values())
    assert len(typed()) >= 10


def test_commands_for_a_deployed_stack(deployed, bybit, candles, tmp_path):
    """And those that compare a store. The stack has an open trade of the coin on the pages."""
    commands = of_group("a deployed stack")
    places = {"bybit": bybit, "candles": candles, "store": tmp_path / "a.db"}
    places |= {"key": tmp_path / "key.json", "account": 1}
    with_trade = Database(places["store"])
    lease = SqliteLeaseStore(with_trade).acquire("trade", owner="run", seconds=30)
    SqliteJournal(with_trade).save(TRADED, lease)
    with_trade.close()
    lease = DynamoLeaseStore(deployed.table()).acquire("trade", owner="run", seconds=30)
    opened = a_trade("open", symbol="DOGEUSDT", state=TradeState.OPEN)
    DynamoJournal(deployed.table()).save(opened, lease)
    places |= {"bucket": deployed.outputs["HistoryBucket"], "table": "pumpwatch-dev"}
    write_tables(tmp_path, tables_of([TRADED], [], []))
    places["journal"] = tmp_path / "trades.parquet"
    problems, halts = [], DynamoHaltStore(deployed.table())
    for line, words in commands:
        if words[0] == "resume":
            halts.halt(Halt("a look", 1, by="me"))
        elif halts.current() is not None:
            halts.resume(by="me", time=2)
        # A desk's own key and disk are not there.
        good = (0, 1) if words[:2] == ["doctor", "--mode"] else (0,)
        problems += problem_of(line, words, good, **places)
    assert not problems, "\n".join(problems)


def test_commands_for_the_market(bybit, scratch, monkeypatch):
    for name in re.findall(r"--notify-env ([A-Z_]+)", "\n".join(s.text for s in shown())):
        monkeypatch.setenv(name, "json://127.0.0.1:9/none")
    commands = sorted(of_group("the market"), key=lambda command: command[1][0] == "report")
    store, labels = scratch / ".pumpwatch" / "paper.db", scratch / "labels.csv"
    labels.write_text("symbol,onset,counted\nBTCUSDT,2026-10-02T00:00:00Z,1\n")
    account, key = credentials_from_seed(1), scratch / "key.json"
    (scratch / "pumpwatch.toml").write_text('strategy = "fade"\n')
    key.write_text(json.dumps({"api_key": account.api_key, "api_secret": account.api_secret}))
    places = {"bybit": bybit, "store": store, "labels": labels, "key": key}
    places["account"] = account.user_id
    assert problems_of(commands, "download", "--out", "folder-{}", **places) == []
    assert list(scratch.glob("folder-*/candles.parquet"))
    assert store.exists()


def problems_of(commands, command, option, value, **places):
    """Type the commands; each of the named kind gets a value of its own for an option."""
    problems = []
    for number, (line, words) in enumerate(commands):
        own = [option, value.format(number)] if words[0] == command else []
        problems += problem_of(line, words + own, **places)
    return problems


def test_commands_for_candles_and_worlds(candles):
    commands = of_group("candles and worlds")
    problems = problems_of(commands, "tune", "--study", "study-{}.journal", candles=candles)
    assert problems == []


def test_the_replay_of_the_reader_s_own_candles(scratch, monkeypatch):
    """Played for the first fourteen of its seventy minutes: the pump begins in the tenth."""
    schedule = driver._Driver._schedule
    monkeypatch.setattr(driver._Driver, "_schedule", lambda self: schedule(self)[:14])
    page = "docs/tutorial/3-own-candles.md"
    text = (REPOSITORY / page).read_text("utf-8")
    ((_, example), (_, events)) = re.findall(r"```(python|csv)\n(.*?)```", text, re.DOTALL)
    exec(compile(example, page, "exec"), {})  # noqa: S102 - our own page
    for line, words in of_group("a replay"):
        if line.page == page:
            assert problem_of(line, words) == []
            (scratch / "my-candles/events.csv").write_text(events, encoding="utf-8")
    assert (scratch / "build" / "run-report.html").exists()
