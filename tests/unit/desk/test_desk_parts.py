"""Parts of the desk by themselves: the pace, leases, health, what it says and where."""

import logging
import os
import signal
import sqlite3
import threading
from functools import partial

import pytest
import urllib3
from support.paper_trading import Seen

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.errors import BadCredentials, BadInput, StoreUnavailable
from pumpwatch_workbench.local.keys import key_source
from pumpwatch_workbench.local.store import Database, SqliteJournal, SqliteOwnLeases, StoreProblem
from pumpwatch_workbench.local.store.stores import check_lease
from pumpwatch_workbench.play.desk import pace as pace_module
from pumpwatch_workbench.play.desk.account import locked, traded_alone
from pumpwatch_workbench.play.desk.desk import claim
from pumpwatch_workbench.play.desk.endpoint import Health, ShownMetrics, metrics_endpoint
from pumpwatch_workbench.play.desk.options import desk_options
from pumpwatch_workbench.play.desk.pace import Pace
from pumpwatch_workbench.play.desk.play import _warnings_shown, stop_on_signals
from pumpwatch_workbench.play.desk.telling import PlayedTick, Teller

HOUR = 3_600.0


class Clocks:
    """Our two clocks, and an event whose waiting lets them go on; `jumps` set the wall clock."""

    def __init__(self, *jumps):
        self.wall, self.since = 1_800_000_000.0, 50_000.0
        self.waited = 0.0
        self._jumps = list(jumps)

    def time(self):
        return self.wall

    def monotonic(self):
        return self.since

    def is_set(self):
        return False

    def wait(self, seconds):
        self.waited += seconds
        self.wall += seconds
        self.since += seconds
        if self._jumps:
            self.wall += self._jumps.pop(0)


@pytest.fixture
def store(tmp_path):
    database = Database(tmp_path / "desk.db")
    yield database
    database.close()


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("jump", [-HOUR, HOUR, 0.0])
def test_a_clock_that_is_set_keeps_no_tick_waiting(monkeypatch, answered, jump):
    clocks = Clocks(jump)
    monkeypatch.setattr(pace_module, "monotonic", clocks.monotonic)
    time = ExchangeTime(clocks)
    if answered:
        time.note(round(clocks.wall * 1000) - 300, 0)
    pace = Pace(time, clocks)
    due = pace.now() + 5_000
    assert pace.wait_until(due)
    assert clocks.waited <= 5.0
    if answered:
        # The next answer says how late it is; no wall clock does.
        stamp = 1_800_000_000_000 - 300 + round(clocks.waited * 1000)
        time.note(stamp, 1)
        assert pace.now() == stamp


def test_a_lease_of_the_desk_is_given_at_once_whatever_the_clock_says(store):
    leases = SqliteOwnLeases(store)
    killed = leases.acquire("trade", owner="a killed run", seconds=10**9)
    lease = leases.acquire("trade", owner="the next", seconds=30)
    assert lease.token == killed.token + 1
    check_lease(store, lease)
    lease.mark = "seen"
    leases.release(lease)
    assert leases.acquire("trade", owner="another", seconds=30).mark == "seen"


def test_a_full_disk_denies_no_lease_and_lets_nothing_be_written(store, monkeypatch):
    leases = SqliteOwnLeases(store)
    leases.acquire("trade", owner="before", seconds=30)

    def full(sql, values=()):
        raise StoreUnavailable("the disk is full: free some space")

    monkeypatch.setattr(store, "write", full)
    lease = leases.acquire("trade", owner="care", seconds=30)
    assert not SqliteJournal(store).live_trades(), "what is stored can be read"
    with pytest.raises(Exception, match="was taken over"):
        check_lease(store, lease)


def test_health_is_asked_over_http_beside_the_metrics():
    now = [0.0]
    health = Health(lambda: now[0])
    with metrics_endpoint(ShownMetrics("paper"), health, 0) as url:
        address = url.removesuffix("/metrics")

        def asked():
            answer = urllib3.request("GET", f"{address}/healthz", retries=False)
            return answer.status, answer.data.decode().strip()

        assert asked() == (200, "the desk works")
        now[0] = 200.0
        assert asked() == (503, "no tick has worked for 200 seconds")
        health.note_good_tick()
        assert asked()[0] == 200
        metrics = urllib3.request("GET", url, retries=False)
        assert metrics.status == 200
        assert metrics.headers["Content-Type"].startswith("text/plain; version=")


class Closed(Seen):
    """A terminal that is gone."""

    def note(self, text):
        raise BrokenPipeError


def test_a_closed_terminal_ends_a_desk_only_without_open_trades():
    teller = Teller(Closed())
    with pytest.raises(BrokenPipeError):
        teller.warn("anything")
    teller.holds_trades = lambda: True
    teller.warn("anything else")


def test_a_failure_is_said_again_after_ten_minutes_while_trades_are_open():
    now, holds = [0], [True]
    seen = Seen()
    teller = Teller(seen)
    teller.now, teller.holds_trades = lambda: now[0], lambda: holds[0]
    for holds[0], said in ((True, 3), (False, 5)):
        for minute in range(25):
            now[0] += 60_000
            teller.tell(
                PlayedTick(now[0], problems={"trade": f"trade did not work ({minute % 2})"})
            )
        assert len(seen.notes) == said
        teller.tell(PlayedTick(now[0]))
        assert seen.notes.pop() == "It works again"


def test_an_account_is_locked_until_its_process_ends(tmp_path):
    path = tmp_path / "home" / "account-1.lock"

    def refused(place=path):
        with pytest.raises(BadInput) as caught, locked(place):
            pass
        return str(caught.value)

    with locked(path):
        assert refused().startswith(f"process {os.getpid()} trades this account already")
        path.with_suffix(".pid").unlink()
        assert refused().startswith("process of another desk trades this account already")
    with locked(path):
        pass
    (tmp_path / "file").touch()
    assert "cannot be locked" in refused(tmp_path / "file" / "account-1.lock")


def test_a_demo_account_is_told_by_its_key(tmp_path, monkeypatch):
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path))
    settings = desk_options({"mode": "demo"}, {}).trade
    keys = {"BYBIT_API_KEY": "k1234567890", "BYBIT_API_SECRET": "s1234567890"}
    secrets = key_source(file="", keyring=False, environment=keys)
    nobody = key_source(file="", keyring=False, environment={})
    with traded_alone(settings, secrets):
        with pytest.raises(BadInput, match="trades this account"), traded_alone(settings, secrets):
            pass
        with traded_alone(settings, nobody):
            assert len(list(tmp_path.glob("account-*.lock"))) == 1, "no key, no account to lock"


def test_a_key_that_is_put_later_is_taken(tmp_path):
    file = tmp_path / "key.json"
    secrets = key_source(file=file, keyring=False, environment={})
    secrets.forget()
    with pytest.raises(BadCredentials, match=r"key\.json"):
        secrets.exchange_key()
    file.write_text('{"api_key": "k1234567890", "api_secret": "s1234567890"}')
    assert secrets.exchange_key().api_key == "k1234567890"
    assert secrets.push_credentials() is None
    secrets.forget()
    nothing = key_source(file="", keyring=False, environment={})
    with pytest.raises(BadCredentials, match="no key was given"):
        nothing.exchange_key()


def test_a_store_made_before_there_were_modes_is_of_paper(store):
    store.write("INSERT INTO notes VALUES ('symbols', '')")
    with pytest.raises(BadInput, match="is a store of paper mode"):
        claim(store, mode="live", stage="live", base_url="https://api.bybit.com")
    claim(store, mode="paper", stage="home", base_url="https://api.bybit.com")
    assert (store.note("mode"), store.note("stage")) == ("paper", "home")


def test_a_store_on_a_full_disk_is_opened(tmp_path, monkeypatch):
    path = tmp_path / "store.db"
    Database(path).close()
    real = sqlite3.connect

    class Full(sqlite3.Connection):
        def execute(self, sql, *values):
            if sql.startswith("INSERT"):
                # The page count that the file has is the most it may have.
                super().execute("PRAGMA max_page_count = 1")
                super().execute("CREATE TABLE filler (text TEXT)")
            return super().execute(sql, *values)

    monkeypatch.setattr(sqlite3, "connect", partial(real, factory=Full))
    database = Database(path)
    assert not SqliteJournal(database).live_trades()
    database.close()


@pytest.mark.parametrize("content", [b"garbage\n", b"\x00" * 4096])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(StoreProblem, match="is no Pumpwatch store: name another file"):
        Database(path)
    assert path.read_bytes() == content


def test_the_first_signal_ends_the_desk_after_its_tick_and_a_second_ctrl_c_at_once():
    stop = threading.Event()
    with stop_on_signals(stop):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait(10)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_warnings_of_the_library_are_shown():
    seen, warnings = Seen(), []
    seen.warn = warnings.append
    with _warnings_shown(Teller(seen)):
        logging.getLogger("pumpwatch.any").warning("odd", extra={"reason": "the moon"})
        logging.getLogger("pumpwatch_workbench.any").warning("plain")
        logging.getLogger("pumpwatch.any").warning("odd", extra={"reason": "the moon"})
        logging.getLogger("pumpwatch.own.loading").error("the rule failed")
    assert seen.notes == ["odd: the moon", "plain"]
    assert warnings == ["the rule failed"], "messengers tell it too"
