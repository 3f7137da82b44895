"""`status`, `halt` and `resume` for paper trading on this machine, also while it runs."""

import json
import time

import pytest
from support.command_line import type_in
from support.paper_trading import MINUTE, PumpedExchange, options_for, trade_for
from support.records import a_trade

from pumpwatch.domain.trading.trades import TradeState
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteRunRecords,
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
            "halt", "--reason", "get out", "--store", store, "--close-positions", "--stage", "paper"
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
