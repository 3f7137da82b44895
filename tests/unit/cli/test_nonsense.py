"""Nonsense for every command: one clear line, status 2 (1 where a problem was found), no loss."""

import shlex
import shutil
import socket
import sqlite3

import pytest
from support.command_line import type_in
from support.paper_trading import PumpedExchange

from pumpwatch_workbench.cli.commands import COMMANDS
from pumpwatch_workbench.local.store import Database

UNREACHABLE = "http://127.0.0.1:1"
AWS = ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION")

CASES = [
    # run
    ("run --symbols 0", "--symbols is 0: give a number from 1 to 2000"),
    ("run --symbols 1e99", "--symbols: give a whole number"),
    ("run --seed -1", "--seed is -1"),
    ("run --hours nan", "--hours is nan: give a number from 0.25 to 48"),
    ("run --replay {none}", "is not a folder"),
    ("run --report {folder}", "a folder has that name"),
    ("run --report {text}/page.html", "cannot be written"),
    ("run --report /dev/null", "it is no ordinary file"),
    # paper
    ("paper --store {folder}", "is a folder: name a file"),
    ("paper --store {text}", "is no Pumpwatch store"),
    ("paper --store {text}/x.db", "name another file"),
    ("paper --store {held}", "another pumpwatch uses"),
    ("paper --store {foreign}", "another program's database"),
    ("paper --store {newer}", "was written by a newer Pumpwatch"),
    ("paper --store {corrupt}", "name another file"),
    ("paper --store {new} --symbols ,", "--symbols=',' is not allowed: a comma cannot be a symbol"),
    ("paper --store {new} --base-url {url} --symbols NOPEUSDT", "does not trade"),
    ("paper --store {new} --duration -5m", "--duration is -5m"),
    ("paper --store {new} --duration nan", "--duration is nan"),
    ("paper --store {new} --duration ''", "--duration is"),
    ("paper --store {new} --metrics-port 65536", "--metrics-port='65536' is not allowed"),
    ("paper --store {new} --metrics-port {taken}", "cannot be opened: address already in use"),
    (
        "paper --store {new} --base-url https://example.com",
        "--base-url='https",
    ),
    ("paper --store {new} --notify-env ''", "--notify-env is empty"),
    # import
    ("import {none}", "nothing to import there"),
    ("import {text}", "nothing to import there"),
    ("import {folder}", "nothing to import there"),
    ("import {none}.csv", "nothing to import there"),
    # report
    ("report --since -7d", "--since is -7d"),
    ("report --store {none}.db", "there is no store"),
    ("report --store {empty}", "is empty"),
    ("report --store {older}", "written by an older Pumpwatch"),
    ("report --store {new} --out {folder}", "a folder has that name"),
    ("report --stage prod", "no region is set"),
    # dashboard
    ("dashboard --store {none}", "there is no store"),
    ("dashboard --store {text}", "is no Pumpwatch store"),
    ("dashboard --port 70000", "--port is 70000: give a number from 0 to 65535"),
    ("dashboard --store {held} --address 10.0.0.1", "others reach 10.0.0.1: put a token"),
    ("dashboard --store {held} --token-env NOWHERE", "the variable NOWHERE holds no token"),
    ("run --web 70000", "--web is 70000: give a number from 0 to 65535"),
    # status, halt, resume, doctor
    ("status --store {text}", "is no Pumpwatch store"),
    ("status --store {corrupt}", "the store"),
    ("status", "no region is set"),
    ("status --mode life", "life is none of 'paper'"),
    ("halt", "nothing was halted; AWS: there is no store in"),
    ("halt --store {none}.db", "there is no store"),
    ("resume --reason ' '", "--reason is ' ': say why"),
    ("close DOGEUSDT", "there is no store in"),
    ("close DOGEUSDT --store {new} --wait -1", "--wait is -1"),
    ("close DOGEUSDT --store {newer}", "written by a newer Pumpwatch"),
    ("status --store {none}.db", "there is no store"),
    ("status --store {new} --region eu-central-1", "name different installations: give one"),
    ("doctor", "no region is set"),
    ("doctor --region 'a b'", "--region a b cannot be used"),
    # backfill, costs
    ("backfill --bucket b --table t", "--table='t' is not allowed"),
    ("backfill --bucket bucket --table table", "no region is set"),
    ("backfill --bucket bucket --table table --base-url ftp://x", "--base-url='ftp://x' is not"),
    ("costs --symbols 7", "give one that was measured, 200, 600, 1000"),
    # scale
    ("scale --symbols 5", "at least two different sizes"),
    ("scale --check -1", "--check is -1"),
    ("scale --symbols many", "--symbols is 'many'"),
    # download
    ("download --symbols BTCUSDT --from yesterday", "--from is 'yesterday'"),
    ("download --symbols BTCUSDT --from 0001-01-01", "no candles of perpetuals before 2018"),
    ("download --symbols BTCUSDT --from 2026-02-01 --to 2026-01-01", "swap its ends"),
    ("download --symbols all --from 2026-11-01T23:00 --base-url {url} --out {text}", "cannot be"),
    ("download --symbols NOPE --from 2026-11-01 --base-url {url}", "trades no such contract"),
    ("download --symbols ' , ' --from 2026-11-01 --base-url {url}", "--symbols is empty"),
    ("download --symbols all --from 2031-01-01 --base-url {url}", "lies in the future"),
    ("download --symbols BTCUSD --from 2026-11-01 --base-url {url}", "did you mean BTCUSDT?"),
    ("download --symbols all --from 2026-11-01 --base-url http://x.org", "--base-url='http"),
    ("download --symbols x --from 2026-11-01 --requests-per-second 0", "greater than or equal"),
    # desk, config
    ("desk --mode magic", "--mode='magic' is not allowed: it must be one of paper, demo, live"),
    ("desk --mode live --strategy fade", "live trading needs the account's UID"),
    ("desk --mode live --confirm 1", "live trading needs a strategy's name"),
    ("config check {none}", "there is no configuration"),
    ("config check", "name the file to check"),
    ("config check {text}", "is not valid TOML"),
    ("config init {text}", "it exists already"),
    ("config push {text}", "push FILE --stack NAME"),
    ("config push {text} --stack s", "no region is set"),
    ("paper --store {new} --config {none}", "there is no configuration"),
    ("paper --store {new} --set max_open_position=1", "did you mean max_open_positions?"),
    ("run --set fade_target_retrace=2", "--set fade_target_retrace='2' is not allowed"),
    ("run --config {text}", "is not valid TOML"),
    ("backtest {folder} --config {text}", "is not valid TOML"),
    ("tune {folder} --write {text}", "is not valid TOML"),
    # backtest, tune, compare
    ("backtest {none}", "is not a folder"),
    ("backtest {broken}", "cannot be read"),
    ("backtest {folder} --from 2026-13-01", "--from is '2026-13-01'"),
    ("backtest {folder} --set foo=1", "no setting"),
    ("tune {folder} --study {folder}", "is a folder: name a file with --study"),
    ("tune {folder} --study {text}/x", "cannot be written"),
    ("tune {folder} --engine ray --workers 0", "--workers is 0"),
    ("tune {folder} --address x:1", "--address belongs to --engine ray"),
    ("tune {folder} --search foo", "--search 'foo': write it as NAME=VALUE"),
    ("tune {folder} --strategy alert", "tune fade or ride"),
    ("compare {folder} --from 2026-11-01", "candles.parquet is missing"),
    # evaluate, train
    ("evaluate {folder} --detector magic", "there is no 'magic' among the rules"),
    ("evaluate {folder} --alarms {folder}", "a folder has that name"),
    ("evaluate {folder} --set turnover_z=nan --detector ewma", "give a finite number"),
    ("train {folder} --out m.json", "candles.parquet is missing"),
    ("train {broken} --out {folder}", "name a file in a folder that you may write to"),
    # simulator, campaign
    ("simulator --port 65536", "port 65536"),
    ("simulator --port {taken}", "is busy: choose another"),
    ("simulator --symbols 0", "--symbols is 0"),
    ("simulator --speed 0", "--speed is 0"),
    ("simulator --balance 1e99", "--balance is 1e99"),
    ("simulator --start 9999-12-31", "--start is 9999-12-31: give a time from 2015 to 2100"),
    ("simulator --replay {folder}", "is missing"),
    ("simulator --symbols 1 --balance -5", "--balance is -5: give an amount of USDT above 0"),
    ("simulator --start soon", "--start is 'soon': give a time such as"),
    ("simulator --latency-ms -1", "--latency-ms is -1: give a number from 0 to 60000"),
    ("simulator --faults often", "--faults is often: give SEED or SEED:RATE"),
    ("simulator --faults 7:nan", "--faults is 7:nan: give SEED or SEED:RATE"),
    ("simulator --incidents 7:2", "--incidents is 7:2: give SEED or SEED:RATE"),
    ("campaign --seeds 0", "--seeds is 0"),
    ("campaign --replay -1", "--replay is -1"),
]

PROBLEMS = [
    ("paper --store {new} --base-url {unreachable}", "is there a network?"),
    (
        "download --symbols all --from 2026-11-01 --base-url {unreachable} --out {new}",
        "is there a network?",
    ),
    ("status --region eu-central-1", "look at network, region and credentials"),
    ("report --stage prod --region eu-central-1", "AWS"),
]


@pytest.fixture(scope="module")
def exchange():
    made = PumpedExchange()
    yield made
    made.close()


@pytest.fixture(scope="module")
def places(tmp_path_factory, exchange):
    """Files, folders, ports and addresses to be named, with spaces and letters beyond ASCII."""
    here = tmp_path_factory.mktemp("nonsense") / "größe 1"
    (here / "folder").mkdir(parents=True)
    (here / "broken").mkdir()
    for name in ("candles.parquet", "segments.csv", "events.csv"):
        (here / "broken" / name).touch()
    (here / "text").write_text("hello\n")
    (here / "empty").touch()
    held = Database(here / "held")
    _stores(here)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = ("folder", "broken", "text", "empty", "held", "foreign", "newer", "older")
        yield {
            **{name: here / name for name in (*names, "corrupt", "new", "none")},
            "url": exchange.url,
            "taken": taken.getsockname()[1],
            "unreachable": UNREACHABLE,
        }
    held.close()


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    """A folder of its own to stand in, and an AWS that nobody reaches."""
    for name in AWS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", UNREACHABLE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing-at-all")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.chdir(tmp_path)


def _stores(here):
    with sqlite3.connect(here / "foreign") as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    newer, older = Database(here / "newer"), Database(here / "older")
    newer.write("PRAGMA user_version = 99")
    older.write("DROP TABLE runs")
    older.write("DROP TABLE looked_at")
    older.write("DROP TABLE close_requests")
    older.write("ALTER TABLE leases DROP COLUMN mark")
    older.write("PRAGMA user_version = 1")
    newer.close()
    older.close()
    Database(here / "corrupt").close()
    with (here / "corrupt").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8_000)


def typed(line, places):
    """Return the words of a line; names are put in after it was split."""
    return [word.format(**places) if word != "''" else "" for word in _split(line)]


def _split(line):
    return [word or "''" for word in shlex.split(line)]


def state_of(folder):
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if not path.name.endswith((".lock", "-wal", "-shm", "new"))
    }


@pytest.mark.parametrize(("line", "words"), CASES, ids=[line for line, _ in CASES])
def test_nonsense_is_one_clear_line_with_status_2(places, line, words):
    here = places["folder"].parent
    before = state_of(here)
    answer = type_in(*typed(line, places))
    assert answer.status == 2, (answer.output, answer.errors)
    assert words in answer.line
    assert len(answer.line) < 400
    after = state_of(here)
    assert {path for path, body in before.items() if after.get(path, "gone") != body} == set()


@pytest.mark.parametrize(("line", "words"), PROBLEMS, ids=[line for line, _ in PROBLEMS])
def test_what_does_not_answer_is_a_problem_with_status_1(places, line, words):
    answer = type_in(*typed(line, places))
    assert answer.status == 1, (answer.output, answer.errors)
    assert words in answer.errors.splitlines()[-1]
    assert "Traceback" not in answer.errors


def test_every_command_is_tried():
    assert {line.split()[0] for line, _ in CASES} == set(COMMANDS)


def test_an_older_store_is_brought_up_to_date_by_paper(places):
    older, copy = places["older"], places["older"].with_name("copy")
    shutil.copy(older, copy)
    answer = type_in(
        "paper", "--store", copy, "--base-url", places["url"], "--duration", "1s", "--json"
    )
    assert answer.status == 0, answer.errors
    assert "succeeded" in type_in("status", "--store", copy).output
