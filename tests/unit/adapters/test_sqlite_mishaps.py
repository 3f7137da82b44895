"""What happens to a store's file: kills, copies, damage, full disks and folders of others."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from support.killed_desk import uncounted
from support.records import NOW, a_signal, a_trade, an_order

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import StoreUnavailable
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteSignalStore,
    SqliteTotalsStore,
    StoreProblem,
    exclusive_lock,
    holder_of,
)
from pumpwatch_workbench.local.store.schema import APPLICATION_ID, STEPS, VERSION

NOBODY = 65_534
QUICK = Path("/dev/shm")  # noqa: S108 - a disk that need not be waited for


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


def python(code, *arguments, status=0):
    """Run code in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        env=uncounted(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == status
    return done.stdout


def left_by_a_kill(path):
    """Make a store in a process that is killed: its log is as long as it ever was."""
    code = """if True:
        import os, pathlib, signal, sys
        from pumpwatch_workbench.local.store import Database, SqliteTotalsStore
        totals = SqliteTotalsStore(Database(pathlib.Path(sys.argv[1])))
        totals.add("detect", "run", {"runs": 7})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    python(code, path, status=-9)
    assert Path(f"{path}-wal").stat().st_size > 0


def runs_in(path, **options):
    """Return the totals of a store, opened for this question."""
    database = Database(path, **options)
    try:
        return SqliteTotalsStore(database).read("detect")
    finally:
        database.close()


@contextmanager
def as_nobody():
    """Be a user without rights where this process may do everything."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def open_folder():
    """A folder that every user reaches."""
    with tempfile.TemporaryDirectory(dir=QUICK if QUICK.is_dir() else None) as name:
        Path(name).chmod(0o777)
        yield Path(name)
        Path(name).chmod(0o777)


# --- kills -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"writable": False}, {"alone": False}])
def test_what_a_killed_process_stored_is_there_for_whoever_comes_first(path, options):
    left_by_a_kill(path)
    assert holder_of(path) is None
    assert runs_in(path, **options) == {"runs": Decimal(7)}


def test_a_log_whose_store_is_gone_is_not_thrown_away(path):
    left_by_a_kill(path)
    moved = path.rename(path.with_name("moved.db"))
    for put_there in (lambda: None, path.touch):
        put_there()
        with pytest.raises(StoreProblem, match="lacks its store"):
            Database(path)
    moved.rename(path)
    assert runs_in(path) == {"runs": Decimal(7)}


def test_a_kill_at_any_statement_of_an_upgrade_leaves_a_file_that_the_next_start_mends(open_folder):
    """A process forks before each statement of each step, and the copy dies there."""
    code = """if True:
        import os, pathlib, signal, sqlite3, sys
        from pumpwatch_workbench.local.store import Database, database, schema
        folder = pathlib.Path(sys.argv[1])
        scripts = [step.split(";") for step in schema.STEPS]

        class Dying(sqlite3.Connection):
            def executescript(self, script):
                self.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
                return super().executescript(script)

        original = sqlite3.connect
        database.sqlite3.connect = lambda *a, **k: original(*a, factory=Dying, **k)
        for step, statements in enumerate(scripts):
            for at in range(len(statements)):
                dying = [*statements[:at], " SELECT die()", *statements[at:]]
                steps = [*schema.STEPS[:step], ";".join(dying), *schema.STEPS[step + 1:]]
                child = os.fork()
                if child == 0:
                    database.STEPS = steps
                    Database(folder / f"{step}-{at}.db")
                    os._exit(1)
                assert os.waitpid(child, 0)[1] == signal.SIGKILL
    """
    python(code, open_folder)
    files = sorted(open_folder.glob("*.db"))
    assert len(files) > 20
    for file in files:
        database = Database(file)
        assert database.version == VERSION
        SqliteSignalStore(database).publish(a_signal())
        SqliteLeaseStore(database).acquire("trade", owner="run", seconds=30)
        database.close()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_file_of_every_older_version_is_brought_up_to_date(path, version):
    old = sqlite3.connect(path)
    old.executescript("".join(STEPS[:version]))
    old.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}")
    old.execute("INSERT INTO totals VALUES ('detect', 'runs', '7')")
    old.commit()
    old.close()
    assert runs_in(path) == {"runs": Decimal(7)}
    assert runs_in(path, writable=False) == {"runs": Decimal(7)}


# --- several that have the file open -------------------------------------------------------------


def test_a_second_look_from_within_a_process_costs_it_no_lock(path):
    """Closing the file by other means would drop them; the next to close it removed its log."""
    database = Database(path)
    totals = SqliteTotalsStore(database)
    totals.add("detect", "run-1", {"runs": 1})
    assert runs_in(path, writable=False) == {"runs": Decimal(1)}
    beside = """if True:
        import pathlib, sys
        from pumpwatch_workbench.local.store import Database
        Database(pathlib.Path(sys.argv[1]), alone=False).close()
    """
    python(beside, path)
    totals.add("detect", "run-2", {"runs": 1})
    read = """if True:
        import pathlib, sys
        from pumpwatch_workbench.local.store import Database, SqliteTotalsStore
        print(SqliteTotalsStore(Database(pathlib.Path(sys.argv[1]), writable=False)).read("detect"))
    """
    assert "'2'" in python(read, path)
    database.close()


def test_one_file_by_two_names_is_one_store(path):
    database = Database(path)
    other = path.with_name("other.db")
    other.symlink_to(path)
    with pytest.raises(StoreProblem, match="another pumpwatch uses"):
        Database(other)
    assert holder_of(other) == str(os.getpid())
    database.close()


def test_writers_side_by_side_wait_for_each_other_and_lose_nothing(path):
    databases = [Database(path), Database(path, alone=False)]
    halts = SqliteHaltStore(databases[1])

    def count(database, name):
        totals = SqliteTotalsStore(database)
        for number in range(30):
            totals.add("detect", f"{name}-{number}", {"runs": 1})

    threads = [
        threading.Thread(target=count, args=(database, name))
        for name, database in enumerate(databases)
    ]
    for thread in threads:
        thread.start()
    halts.halt(Halt("a look", NOW, "a person"))
    for thread in threads:
        thread.join()
    assert SqliteTotalsStore(databases[0]).read("detect") == {"runs": Decimal(60)}
    assert SqliteHaltStore(databases[0]).current() == Halt("a look", NOW, "a person")
    for database in databases:
        database.close()


def test_a_writer_that_waits_too_long_says_who_is_in_its_way(path, monkeypatch):
    database = Database(path)
    monkeypatch.setattr("pumpwatch_workbench.local.store.database.BUSY_SECONDS", 0.05)
    beside = Database(path, alone=False)
    busy = pytest.raises(StoreUnavailable, match="another program is writing to it")
    with database.transaction(), busy:
        SqliteHaltStore(beside).halt(Halt("a look", NOW, "a person"))
    SqliteHaltStore(beside).halt(Halt("a look", NOW, "a person"))
    beside.close()
    database.close()


def test_what_was_stored_is_on_the_disk_before_the_call_returns(path):
    for options in ({}, {"alone": False}):
        database = Database(path, **options)
        assert database.rows("PRAGMA synchronous") == [(2,)]
        assert database.rows("PRAGMA journal_mode") == [("wal",)]
        database.close()


def test_a_copy_of_a_running_store_is_whole_with_its_log_and_older_without(path):
    database = Database(path)
    totals = SqliteTotalsStore(database)
    totals.add("detect", "run-1", {"runs": 1})
    database.rows("PRAGMA wal_checkpoint")
    totals.add("detect", "run-2", {"runs": 1})
    for name, ends in (("whole.db", ("", "-wal")), ("older.db", ("",))):
        for end in ends:
            shutil.copyfile(f"{path}{end}", path.with_name(f"{name}{end}"))
    database.close()
    assert runs_in(path.with_name("whole.db")) == {"runs": Decimal(2)}
    assert runs_in(path.with_name("older.db")) == {"runs": Decimal(1)}


# --- damage --------------------------------------------------------------------------------------


def filled(path):
    """Make a store of some dozens of pages."""
    database = Database(path)
    database.rows("PRAGMA synchronous = OFF")
    lease = SqliteLeaseStore(database).acquire("trade", owner="run", seconds=30)
    for number in range(200):
        trade, order = a_trade(f"signal-{number}"), an_order(f"signal-{number}")
        SqliteJournal(database).intend(trade, order, lease, day="2025-10-09", max_orders=None)
    database.close()
    return path.stat().st_size


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.1, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_named(path, share):
    size = filled(path)
    os.truncate(path, max(20, int(size * share)))
    with pytest.raises((StoreProblem, StoreUnavailable), match=r"damaged|no Pumpwatch store"):
        with_all_read(path)


def test_garbage_in_the_middle_of_a_file_is_named(path):
    size = filled(path)
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(b"\xff" * (size // 2))
    with pytest.raises((StoreProblem, StoreUnavailable), match="damaged"):
        with_all_read(path)


def with_all_read(path):
    database = Database(path)
    try:
        list(SqliteJournal(database).trades_since(0))
        SqliteJournal(database).orders_since(0)
        for number in range(200):
            SqliteJournal(database).orders(f"signal-{number}")
    finally:
        database.close()


def test_a_damaged_lock_is_named_and_can_be_removed(path):
    lock = Path(f"{path}.lock")
    lock.write_text("dear diary")
    with pytest.raises(StoreProblem, match=rf"{lock}.*remove"):
        Database(path)
    lock.unlink()
    Database(path).close()


# --- disks and folders ----------------------------------------------------------------------


def test_a_disk_that_refuses_more_fails_the_write_and_keeps_the_rest(path):
    """A process may not write beyond so many bytes; what it stored before stays."""
    code = """if True:
        import pathlib, resource, sys
        from pumpwatch.errors import StoreUnavailable
        from pumpwatch_workbench.local.store import Database, SqliteTotalsStore
        database = Database(pathlib.Path(sys.argv[1]))
        totals = SqliteTotalsStore(database)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        stored = 0
        try:
            while stored < 10_000:
                totals.add("detect", f"run-{stored}", {f"{stored}-{n}": 1 for n in range(200)})
                stored += 1
        except StoreUnavailable as error:
            print(stored, error)
        assert len(totals.read("detect")) == 200 * stored
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        totals.add("detect", "last", {"runs": 1})
    """
    stored, _, words = python(code, path).partition(" ")
    assert "disk" in words
    kept = runs_in(path)
    assert len(kept) == 200 * int(stored) + 1
    assert kept["runs"] == 1


def test_a_start_without_room_leaves_nothing_that_stops_the_next(path):
    code = """if True:
        import pathlib, resource, sys
        from pumpwatch_workbench.local.store import Database, StoreProblem
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, hard))
        try: Database(pathlib.Path(sys.argv[1]))
        except StoreProblem as error: print(error)
    """
    assert "disk" in python(code, path)
    database = Database(path)
    assert database.version == VERSION
    database.close()


def test_a_folder_that_may_not_be_written_to_is_refused_to_writers_only(open_folder):
    path = open_folder / "store.db"
    with as_nobody():
        database = Database(path)
        SqliteTotalsStore(database).add("detect", "run", {"runs": 7})
        database.close()
    Path(f"{path}.lock").unlink()
    open_folder.chmod(0o555)
    with as_nobody():
        with pytest.raises(StoreProblem, match="a folder that you may write to"):
            Database(path)
        assert runs_in(path, writable=False) == {"runs": Decimal(7)}


def test_a_file_that_may_only_be_read_is_refused_to_writers_and_free_again(open_folder):
    path = open_folder / "store.db"
    with as_nobody():
        Database(path).close()
        path.chmod(0o444)
        for options in ({}, {"alone": False}):
            with pytest.raises((StoreProblem, StoreUnavailable), match="only be read"):
                SqliteHaltStore(Database(path, **options)).halt(Halt("a look", NOW))
        assert holder_of(path) is None
        assert runs_in(path, writable=False) == {}


def test_what_may_not_be_read_is_refused_in_a_line(open_folder):
    path = open_folder / "store.db"
    with as_nobody():
        Database(path).close()
        path.chmod(0)
        for writable in (True, False):
            with pytest.raises(StoreProblem, match=r"cannot be opened|name another file") as caught:
                Database(path, writable=writable)
            assert "\n" not in str(caught.value)


def test_a_folder_that_may_not_be_looked_into_is_refused_in_a_line(open_folder):
    open_folder.chmod(0)
    for writable in (True, False):
        with as_nobody(), pytest.raises(StoreProblem, match="permission denied: name another file"):
            Database(open_folder / "store.db", writable=writable)


def test_an_empty_file_is_a_new_store_and_none_to_read(path):
    path.touch()
    with pytest.raises(StoreProblem, match="is empty"):
        Database(path, writable=False)
    Database(path).close()
    assert runs_in(path, writable=False) == {}


def test_a_lock_whose_holder_left_no_note_is_one_all_the_same(path):
    guard = exclusive_lock(Path(f"{path}.lock"))
    with pytest.raises(StoreProblem, match=f"another pumpwatch uses {path}: end it"):
        Database(path)
    assert holder_of(path) == "?"
    guard.close()
    Database(path).close()
