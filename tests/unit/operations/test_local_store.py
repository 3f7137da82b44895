"""`status`, `halt` and `resume` for paper trading on this machine, also while it runs."""

import json
import time
from decimal import Decimal

import pytest
from support.command_line import type_in
from support.paper_trading import MINUTE, PumpedExchange, options_for, trade_for
from support.records import a_signal, a_trade

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteRunRecords,
    SqliteSignalStore,
    holder_of,
)


def now():
    return time.time_ns() // 1_000_000


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "my paper é.db"
    Database(path).close()
    return path


def record_run(store, *, ago=10_000, **changes):
    database = Database(store, alone=False)
    values = {"detect_seconds": 0.1, "trade_seconds": 0.1, **changes}
    SqliteRunRecords(database).add(RunRecord(now() - ago, **values))
    database.close()


def test_halt_and_resume_are_recorded_with_who_and_why(store):
    answer = type_in("halt", "--reason", "odd [fills]", "--store", store)
    assert answer.status == 0
    assert f"paper on this machine ({store}): opens nothing from the next run on" in answer.output
    assert "It does not run now" in answer.output
    record_run(store)
    shown = type_in("status", "--store", store)
    assert shown.status == 0
    assert "odd [fills]" in shown.output
    again = type_in("halt", "--reason", "second", "--store", store)
    assert "It was halted already" in again.output
    assert type_in("resume", "--reason", "it was the feed", "--store", store).status == 0
    assert json.loads(type_in("status", "--store", store, "--json").output)["halt"] is None
    database = Database(store, writable=False)
    ((halt, ended),) = SqliteHaltStore(database).since(0)
    database.close()
    assert (halt.reason, halt.by != "", ended is not None) == ("odd [fills]", True, True)


def test_they_work_beside_the_process_that_has_the_store(store):
    held = Database(store)
    try:
        answer = json.loads(type_in("halt", "--reason", "stop", "--store", store, "--json").output)
        (halted,) = answer["installations"]
        assert (halted["stage"], halted["running"], answer["not_reached"]) == ("paper", True, [])
        assert SqliteHaltStore(held).current().reason == "stop"
        shown = json.loads(type_in("status", "--store", store, "--json").output)
        assert shown["process"] == holder_of(store) != ""
        assert "runs as process" in type_in("status", "--store", store).output
        assert type_in("resume", "--reason", "fine", "--store", store).status == 0
        assert SqliteHaltStore(held).current() is None
    finally:
        held.close()
    assert holder_of(store) is None


def test_status_of_what_has_not_run_lately_is_a_problem(store):
    assert type_in("status", "--store", store).status == 0, "it is at rest, and nothing is open"
    held = Database(store)
    never = type_in("status", "--store", store)
    held.close()
    assert (never.status, "detect: never succeeded" in never.output) == (1, True)
    record_run(store, ago=600_000)
    record_run(store, ago=5_000, detect_seconds=None)
    shown = json.loads(type_in("status", "--store", store, "--json").output)
    assert shown["late"] == ["detect"]
    assert 595 < shown["seconds_since_success"]["detect"] < 660


def test_a_trade_that_halts_paper_trading_is_shown_and_resumed_by_name(store):
    database = Database(store, alone=False)
    lease = SqliteLeaseStore(database).acquire("trade", owner="run", seconds=30)
    trade = a_trade("lost-1", state=TradeState.CLOSED, halts="no fill says why")
    SqliteJournal(database).save(trade, lease)
    database.close()
    record_run(store)
    assert "lost-1" in type_in("status", "--store", store).output
    answer = type_in("resume", "--reason", "seen", "--trade", "lost-1", "--store", store)
    assert (answer.status, "may open positions again" in answer.output) == (0, True)
    assert json.loads(type_in("status", "--store", store, "--json").output)["halting"] == []


def test_halt_from_beside_stops_paper_trading_and_closes_its_positions(tmp_path):
    """The whole way: a position is open, another process says halt, the next tick gets out."""
    world, store = PumpedExchange(), tmp_path / "paper.db"
    try:
        _, first = trade_for(world, options_for(world.url, store, duration=7.5 * MINUTE))
        assert (first.opened, first.open_positions) == (1, 1)
        asked = type_in(
            "halt", "--reason", "get out", "--store", store, "--close-positions", "--yes"
        )
        assert asked.status == 0, asked.errors
        seen, second = trade_for(world, options_for(world.url, store, duration=1 * MINUTE))
        assert (second.closed, second.open_positions) == (1, 0)
        assert any("Entries stopped" in note and "get out" in note for note in seen.notes)
        assert any("pumpwatch resume --store" in note for note in seen.notes)
        assert type_in("resume", "--reason", "calm again", "--store", store).status == 0
        seen, _ = trade_for(world, options_for(world.url, store, duration=1 * MINUTE))
        assert not any("alted" in note or "Entries" in note for note in seen.notes)
    finally:
        world.close()


# --- without a name --------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder of a person without AWS."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PUMPWATCH_HOME", str(folder))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    return folder


def make_store(path, mode, *, running=False, trade=None):
    """Make a store of a mode with a trade in it, and keep it open if it runs."""
    database = Database(path)
    database.write("INSERT OR REPLACE INTO notes VALUES ('mode', ?)", (mode,))
    if trade is not None:
        lease = SqliteLeaseStore(database).acquire("trade", owner="run", seconds=30)
        SqliteJournal(database).save(trade, lease)
    if not running:
        database.close()
    return database


def instructions(path):
    database = Database(path, writable=False)
    try:
        return SqliteHaltStore(database).instructions()
    finally:
        database.close()


def test_a_bare_halt_halts_every_store_and_says_what_it_did_not_reach(home):
    make_store(home / "paper.db", "paper")
    held = make_store(home / "live.db", "live", running=True)
    (home / "demo.db").write_bytes(b"SQLite format 3\x00 but damaged")
    answer = type_in("halt", "--close-positions", "--yes")
    held.close()
    assert answer.status == 1
    lines = answer.output.splitlines()
    closing = "opens nothing and closes its positions from the next run on."
    assert lines[0] == f"live on this machine ({home / 'live.db'}): {closing}", "what runs is first"
    assert any(line.startswith(f"paper on this machine ({home / 'paper.db'})") for line in lines)
    assert any(line.startswith(f"NOT HALTED: demo on this machine ({home}") for line in lines)
    assert lines[-1] == "AWS: no AWS credentials are set here"
    for name in ("paper", "live"):
        assert instructions(home / f"{name}.db").halt.close_positions


def test_a_halt_that_reaches_nothing_says_so_in_a_line(home):
    answer = type_in("halt")
    assert (
        answer.status,
        answer.line.startswith("nothing was halted; AWS: there is no store"),
    ) == (2, True)


def test_no_credentials_are_no_problem_where_a_store_was_halted(home):
    make_store(home / "paper.db", "paper")
    answer = json.loads(type_in("halt", "--json").output)
    assert [one["mode"] for one in answer["installations"]] == ["paper"]
    assert answer["not_reached"] == [
        {"name": "AWS", "reason": "no AWS credentials are set here", "absent": True}
    ]
    assert type_in("halt").status == 0


def test_resume_and_close_need_a_name_where_there_are_several(home):
    make_store(home / "paper.db", "paper")
    make_store(home / "live.db", "live", trade=a_trade("one", state=TradeState.OPEN, mode="live"))
    type_in("halt")
    for command in (("resume", "--reason", "it is fine"), ("close", "PUMPUSDT")):
        refused = type_in(*command)
        assert refused.status == 2
        assert "name one with --store, --mode or --stack" in refused.line
    assert type_in("resume", "--reason", "it is fine", "--mode", "live").status == 0
    assert instructions(home / "live.db").halt is None
    assert instructions(home / "paper.db").halt is not None
    both = type_in("status", "--mode", "live", "--store", home / "paper.db")
    assert both.status == 2


def test_close_of_what_does_not_run_is_stored_and_is_a_problem(home):
    trade = a_trade("one", state=TradeState.OPEN, entry_price=Decimal(1))
    make_store(home / "paper.db", "paper", trade=trade)
    answer = type_in("close", trade.symbol)
    assert answer.status == 1
    assert "It does not run now: this holds when it is started" in answer.output
    assert instructions(home / "paper.db").to_close["one"].reason == "by hand"


def test_status_shows_every_store_and_warns_of_positions_without_a_process(home):
    trade = a_trade("one", state=TradeState.OPEN, entry_price=Decimal("0.2113"), mode="live")
    make_store(home / "live.db", "live", trade=trade)
    held = make_store(home / "paper.db", "paper", running=True)
    SqliteRunRecords(held).add(RunRecord(now(), 0.1, 0.1, equity=Decimal("10012.345")))
    answer = type_in("status")
    assert answer.status == 1
    paper, live = answer.output.split("\n\n")
    assert paper.startswith(f"paper on this machine ({home / 'paper.db'}) runs as process")
    assert "equity 10,012.34 USDT; today 0.00, in all 0.00, open 0.00" in paper
    assert "WARNING" not in paper
    assert "WARNING: something is open and nothing runs that cares for it" in live
    assert f"{trade.symbol} short {trade.quantity} at 0.21130, price unknown" in live
    seen = json.loads(type_in("status", "--json").output)
    assert [one["nothing_cares"] for one in seen] == [False, True]
    (home / "live.db").write_bytes(b"nothing")
    answer = type_in("status")
    held.close()
    assert (answer.status, "NOT READ: live on this machine" in answer.output) == (1, True)


def test_status_adds_up_the_day_and_all(home):
    database = Database(home / "paper.db")
    lease = SqliteLeaseStore(database).acquire("trade", owner="run", seconds=30)
    for number, (mode, days) in enumerate([("paper", 0), ("", 2), ("live", 0)]):
        exit_time = now() - days * 86_400_000
        closed = {"state": TradeState.CLOSED, "realised_pnl": Decimal(number + 1), "mode": mode}
        SqliteJournal(database).save(a_trade(f"t{number}", exit_time=exit_time, **closed), lease)
    SqliteSignalStore(database).publish(a_signal("DOGEUSDT", time=now() - 240_000))
    database.close()
    shown = type_in("status").output
    assert "today +1.00, in all +3.00" in shown
    assert "last signal: DOGEUSDT peaked, 4 min ago" in shown


def test_a_desk_closes_what_it_is_asked_to_before_the_next_minute(tmp_path, monkeypatch):
    """The whole way: a position is open, another process says close, a scan gets out."""
    world, store = PumpedExchange(), tmp_path / "paper.db"
    try:
        _, first = trade_for(world, options_for(world.url, store, duration=7.5 * MINUTE))
        assert first.open_positions == 1
        asked, advance = [], world.clock.advance_to

        def ask_between_ticks(time):
            advance(time)
            if not asked and time % MINUTE > 10_000:
                answer = type_in("close", world.pumped, "--store", store, "--wait", 0)
                assert f"{world.pumped} is closed with the next run" in answer.output
                asked.append(time)

        monkeypatch.setattr(world.clock, "advance_to", ask_between_ticks)
        seen, second = trade_for(world, options_for(world.url, store, duration=2 * MINUTE))
        (closed,) = [trade for trade in seen.trades if trade.state is TradeState.CLOSED]
        assert (closed.exit_reason, second.open_positions) == (ExitReason.BY_HAND, 0)
        assert closed.exit_time - asked[0] <= 10_000
        refused = type_in("close", world.pumped, "--store", store)
        assert (refused.status, "nothing is open" in refused.line) == (2, True)
    finally:
        world.close()


def test_status_of_an_account_asks_the_exchange_for_prices(home):
    world = PumpedExchange()
    try:
        symbol, opened = world.symbols[0], {"state": TradeState.OPEN, "mode": "live"}
        trade = a_trade("one", symbol=symbol, entry_price=Decimal(1), **opened)
        held = make_store(home / "live.db", "live", running=True, trade=trade)
        held.write("INSERT INTO notes VALUES ('base_url', ?)", (world.url,))
        (seen,) = json.loads(type_in("status", "--json").output)["trades"]
        rise = (Decimal(seen["price"]) - 1) * trade.quantity
        assert rise != 0
        assert Decimal(seen["open_result_usdt"]) == (rise if trade.side is Side.BUY else -rise)
    finally:
        world.close()
    assert "price unknown" in type_in("status").output
    held.close()


def test_a_halt_reaches_a_desk_of_the_version_before(home):
    held = make_store(home / "paper.db", "paper", running=True)
    held.write("DROP TABLE close_requests")
    held.write("PRAGMA user_version = 4")
    assert type_in("halt").status == 0
    assert SqliteHaltStore(held).current().reason == "by hand"
    refused = type_in("close", "DOGEUSDT")
    assert (refused.status, "written by an older Pumpwatch" in refused.line) == (2, True)
    held.close()


def test_an_aws_that_does_not_answer_is_said_after_the_stores_were_halted(home, monkeypatch):
    make_store(home / "paper.db", "paper")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    answer = type_in("halt")
    assert answer.status == 1
    first, *_, last = answer.output.splitlines()
    assert first.startswith("paper on this machine")
    assert last.startswith("NOT HALTED: AWS: stack pumpwatch in eu-central-1 could not be read")
    assert type_in("resume", "--reason", "it is fine").status == 0, (
        "what is not reached is not meant"
    )
