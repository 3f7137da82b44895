"""The store's file: who may open it, what is said of an older or foreign one, and a full disk."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from support.records import NOW, a_signal, a_trade, an_event, an_order

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.errors import InvariantBroken, LeaseHeld, StoreUnavailable
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteEventStore,
    SqliteHaltStore,
    SqliteHistoryStore,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteLockStore,
    SqliteRunRecords,
    SqliteSignalStore,
    SqliteTotalsStore,
    StoreProblem,
)
from pumpwatch_workbench.local.store.schema import APPLICATION_ID, STEPS, VERSION


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "store.db"


@pytest.fixture
def database(path):
    opened = Database(path)
    yield opened
    opened.close()


def older_file(path):
    """A file that the first version made, with a signal in it."""
    connection = sqlite3.connect(path)
    connection.executescript(STEPS[0])
    connection.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1")
    connection.execute("INSERT INTO totals VALUES ('detect', 'runs', '7')")
    connection.commit()
    connection.close()


def test_what_was_stored_is_there_after_the_file_was_closed(path):
    first = Database(path)
    SqliteSignalStore(first).publish(a_signal())
    first.close()
    second = Database(path)
    assert SqliteSignalStore(second).since(0) == [a_signal()]
    assert second.version == VERSION
    second.close()


def test_an_older_file_is_brought_up_to_date_and_keeps_what_it_holds(tmp_path):
    older_file(tmp_path / "old.db")
    database = Database(tmp_path / "old.db")
    assert database.version == VERSION
    assert SqliteTotalsStore(database).read("detect") == {"runs": Decimal(7)}
    SqliteRunRecords(database).add(RunRecord(NOW))
    database.close()


def test_who_only_reads_an_older_file_is_told_what_brings_it_up_to_date(tmp_path):
    older_file(tmp_path / "old.db")
    with pytest.raises(StoreProblem, match=r"older Pumpwatch.*pumpwatch desk"):
        Database(tmp_path / "old.db", writable=False)


def test_a_newer_file_is_refused_and_left_as_it_is(database, path):
    database.write(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(StoreProblem, match="newer Pumpwatch"):
        Database(path)
    with pytest.raises(StoreProblem, match="newer Pumpwatch"):
        Database(path)  # not "another process": the refusal let go of the file


def another_programs(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()


REFUSED = {
    "another program's": (another_programs, "another program's database"),
    "no database": (lambda path: path.write_text("dear diary"), "no Pumpwatch store"),
    "damaged": (
        lambda path: path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000),
        "no Pumpwatch store|damaged",
    ),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
}


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_store_is_refused_untouched(tmp_path, make, words, writable):
    path = tmp_path / "other.db"
    make(path)
    before = path.is_file() and path.read_bytes()
    with pytest.raises(StoreProblem, match=words):
        Database(path, writable=writable)
    assert (path.is_file() and path.read_bytes()) == before


@pytest.mark.parametrize("place", ["file/store.db", "/proc/self/store.db"])
def test_a_place_where_no_file_can_be_made_is_refused(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreProblem, match=r"name a file in a folder|name another file"):
        Database(tmp_path / place)


def test_reading_needs_a_file(path):
    with pytest.raises(StoreProblem, match="there is no store"):
        Database(path, writable=False)
    assert not path.parent.exists()


def test_a_second_process_is_refused_and_told_who_has_the_file(database, path):
    code = (
        "import sys, pathlib; from pumpwatch_workbench.local.store import Database, StoreProblem\n"
        "try: Database(pathlib.Path(sys.argv[1]))\n"
        "except StoreProblem as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert f"another pumpwatch uses {path} (process {os.getpid()})" in done.stdout
    with pytest.raises(StoreProblem, match="another pumpwatch"):
        Database(path)


def test_the_file_is_free_again_when_its_process_was_killed(path):
    code = (
        "import os, pathlib, signal, sys; from pumpwatch_workbench.local.store import Database\n"
        "Database(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    Database(path).close()


def test_who_reads_sees_what_is_written_meanwhile(database, path):
    reader = Database(path, writable=False)
    SqliteSignalStore(database).publish(a_signal())
    assert SqliteSignalStore(reader).since(0) == [a_signal()]
    with pytest.raises(StoreUnavailable, match="only be read"):
        SqliteSignalStore(reader).publish(a_signal("BUSDT"))
    reader.close()


def test_a_full_disk_loses_nothing_that_was_stored_and_says_so(database):
    signals, history = SqliteSignalStore(database), SqliteHistoryStore(database)
    signals.publish(a_signal())
    (pages,) = database.row("PRAGMA page_count")
    database.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="disk is full: free some space"):
        history.save_state("detect", {"flows": np.zeros(100_000)})
    assert signals.since(0) == [a_signal()]
    database.rows("PRAGMA max_page_count = 1000000")
    history.save_state("detect", {"flows": np.zeros(100_000)})


def test_a_transaction_that_fails_half_way_stores_nothing(database):
    journal, leases = SqliteJournal(database), SqliteLeaseStore(database)
    lease = leases.acquire("trade", owner="run", seconds=30)
    database.write("DROP TABLE orders_of_day")
    with pytest.raises(StoreUnavailable):
        journal.intend(a_trade(), an_order(), lease, day="2025-10-09", max_orders=None)
    assert list(journal.trades_since(0)) == []
    assert journal.orders("signal-1") == []


def test_leases_of_a_dead_process_are_freed(database):
    leases = SqliteLeaseStore(database)
    held = leases.acquire("trade", owner="run-1", seconds=30)
    with pytest.raises(LeaseHeld):
        leases.acquire("trade", owner="run-2", seconds=30)
    leases.release_all()
    assert leases.acquire("trade", owner="run-2", seconds=30).token == held.token + 1


def test_a_damaged_record_is_named(database):
    SqliteEventStore(database).save(an_event())
    database.write("UPDATE events SET body = 'nonsense'")
    with pytest.raises(InvariantBroken, match="nonsense"):
        SqliteEventStore(database).current()


def test_halts_and_locks_that_ended_are_remembered(database):
    halts, locks = SqliteHaltStore(database), SqliteLockStore(database)
    first, second = Halt("drawdown", NOW, "pumpwatch"), Halt("a look", NOW + 9, "me")
    halts.halt(first)
    halts.resume(by="me", time=NOW + 5)
    halts.halt(second)
    assert halts.since(0) == [(first, NOW + 5), (second, None)]
    assert halts.since(NOW + 6) == [(second, None)]
    early = Lock("drawdown", "too deep", NOW, NOW + 10)
    late = replace(early, since=NOW + 20, until=NOW + 30)
    for lock in (early, replace(early, until=NOW + 15), late):
        locks.save(lock)
    assert locks.since(0) == [replace(early, until=NOW + 15), late]
    assert locks.current(NOW + 16) == [late]


def test_orders_of_many_trades_come_in_one_question(database):
    journal = SqliteJournal(database)
    lease = SqliteLeaseStore(database).acquire("trade", owner="run", seconds=30)
    for number in range(3):
        name = f"signal-{number}"
        trade, order = a_trade(name, created=NOW + number), an_order(name)
        journal.intend(trade, order, lease, day="2025-10-09", max_orders=None)
    assert [one.signal_id for one in journal.orders_since(NOW + 1)] == ["signal-1", "signal-2"]


def test_run_records_are_kept_for_ninety_days(database):
    records = SqliteRunRecords(database)
    old = RunRecord(NOW, detect_seconds=0.25, equity=Decimal("9999.5"), problem="no network")
    records.add(old)
    assert records.since(0) == [old]
    new = RunRecord(NOW + 91 * 86_400_000)
    records.add(new)
    assert records.since(0) == [new]
