"""The desk in demo and live mode on the simulator, and what must not keep it from care."""

import json
import os
import socket
import threading
import time
from dataclasses import replace

import pytest
from support.paper_trading import (
    MINUTE,
    START,
    PumpedExchange,
    Seen,
    SteppedPace,
    options_for,
    trade_for,
)

from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.errors import (
    BadInput,
    ExchangeForbidden,
    InvariantBroken,
    PumpwatchError,
    StoreUnavailable,
)
from pumpwatch_workbench.local.store import Database, SqliteJournal
from pumpwatch_workbench.play.desk.desk import Desk
from pumpwatch_workbench.play.desk.play import NoNetwork, play
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.endpoints.wire.messages import Response

POSITIONS, TICKERS, CANDLES = "/v5/position/list", "/v5/market/tickers", "/v5/market/kline"
FIRST, OPEN = 4, 7
"""Minutes of the market: the desk begins a minute before the pump, and has a position by then."""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path / "home"))


@pytest.fixture
def world():
    exchange = PumpedExchange(symbols=12)
    exchange.clock.advance_to(START + FIRST * MINUTE)
    yield exchange
    exchange.close()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "live.db"


def write_key(path, seed=1, **changes):
    account = credentials_from_seed(seed)
    key = {"api_key": account.api_key, "api_secret": account.api_secret, **changes}
    path.write_text(json.dumps(key))
    path.chmod(0o600)
    return path


def account_options(world, store, mode="live", **changes):
    """Return options for the simulator's account."""
    key_file = store.parent / "key.json"
    if not key_file.exists():
        write_key(key_file)
    uid = str(credentials_from_seed(1).user_id)
    given = {"mode": mode, "key_file": key_file, "live_trading_confirmation": uid}
    given |= {"scan_interval_seconds": "15", **changes}
    return options_for(world.url, store, **given)


def stored_trades(store):
    database = Database(store, writable=False)
    try:
        return SqliteJournal(database).trades_since(0)
    finally:
        database.close()


@pytest.fixture
def with_open_trade(world, store):
    """Trade until a position is open, and stop."""
    _, tally = trade_for(world, account_options(world, store, duration=(OPEN - FIRST) * MINUTE))
    assert (tally.opened, tally.closed) == (1, 0)
    return world


def intercept(world, answer):
    """Let `answer(method, path)` answer first; None leaves it to the exchange."""
    original = world.exchange.handle

    def handle(method, path, *rest):
        return answer(method, path) or original(method, path, *rest)

    world.exchange.handle = handle
    return original


@pytest.mark.parametrize("mode", ["demo", "live"])
def test_an_account_is_traded_with_the_production_broker(world, store, mode):
    seen, tally = trade_for(world, account_options(world, store, mode, duration=6 * MINUTE))
    assert (tally.opened, tally.closed, tally.failed_ticks) == (1, 1, 0)
    (trade,) = stored_trades(store)
    assert (trade.state, trade.mode) == (TradeState.CLOSED, mode)
    assert trade.acknowledged is not None, "the exchange has said that it has the order"
    assert seen.facts.title.startswith(f"{mode.capitalize()} trading")
    key = credentials_from_seed(1)
    assert not any(key.api_key in note or key.api_secret in note for note in seen.notes)
    # The store is this mode's from now on.
    with pytest.raises(BadInput, match=rf"is a store of {mode} mode: start with --mode {mode}"):
        trade_for(world, options_for(world.url, store, mode="paper"))


@pytest.mark.parametrize(
    ("key", "settings", "confirmation", "words"),
    [
        ({"seed": 2}, {}, None, "refused the key"),
        ({"api_secret": "wrong" * 8}, {}, None, "refused the key"),
        ({}, {}, "12345678", "another account"),
        ({}, {"key_may_withdraw": True}, None, "can withdraw"),
        ({}, {"key_read_only": True}, None, "read-only"),
    ],
)
def test_a_key_that_must_not_be_used_ends_a_desk_without_trades(
    world, store, key, settings, confirmation, words
):
    write_key(store.parent / "key.json", **key)
    world.exchange.settings = replace(world.exchange.settings, **settings)
    given = {} if confirmation is None else {"live_trading_confirmation": confirmation}
    with pytest.raises(BadInput, match=words) as caught:
        trade_for(world, account_options(world, store, **given))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"live_trading_confirmation": None}, "--confirm UID"),
        ({"strategy": None}, "--strategy alert, fade, ride or your own"),
        ({"mode": "real"}, "--mode=.real. is not allowed"),
        ({"key_file": None}, "no key was given"),
    ],
)
def test_live_is_chosen_deliberately(world, store, given, words):
    with pytest.raises(PumpwatchError, match=words):
        trade_for(world, account_options(world, store, **given))
    assert not store.exists()


def test_an_account_is_traded_by_one_process(world, store, tmp_path):
    refused = []

    class SecondDesk(SteppedPace):
        def wait_until(self, time):
            with pytest.raises(BadInput) as caught:
                trade_for(world, account_options(world, tmp_path / "second.db"))
            refused.append(str(caught.value))
            return False

    options = account_options(world, store)
    play(options, Seen(), threading.Event(), lambda desk: SecondDesk(world.clock))
    assert f"process {os.getpid()} trades this account already" in refused[0]
    trade_for(world, account_options(world, tmp_path / "second.db", duration=1))


def test_open_trades_outlive_a_revoked_key_and_are_closed_with_a_new_one(with_open_trade, store):
    world = with_open_trade
    replaced = []
    world.exchange.credentials = {}

    class Rotation(SteppedPace):
        def wait_until(self, time):
            if time > START + 11 * MINUTE and not replaced:
                replaced.append(time)
                uid = credentials_from_seed(1).user_id
                account = replace(credentials_from_seed(2), user_id=uid)
                world.exchange.credentials = {account.api_key: account}
                write_key(store.parent / "key.json", seed=2)
            return super().wait_until(time)

    seen, options = Seen(), account_options(world, store, duration=8 * MINUTE)
    tally = play(options, seen, threading.Event(), lambda desk: Rotation(world.clock))
    assert replaced
    assert (tally.opened, tally.closed) == (0, 1)
    assert any("Trades are open, so the desk goes on" in note for note in seen.notes)
    said = [note for note in seen.notes if "trade did not work" in note]
    assert len(said) == 1, "said once within ten minutes"
    assert "It works again" in seen.notes


def test_open_trades_are_cared_for_before_anything_else(with_open_trade, store):
    world, asked = with_open_trade, []
    intercept(world, lambda method, path: asked.append(path))
    trade_for(world, account_options(world, store, duration=1))
    before = asked[: asked.index(POSITIONS)]
    assert not {TICKERS, CANDLES, "/v5/user/query-api"} & set(before)


def test_open_trades_are_cared_for_each_minute_while_the_history_is_filled(with_open_trade, store):
    world, asked = with_open_trade, []
    world.clock.advance_by(2 * 60 * MINUTE)

    def slow(method, path):
        asked.append(path)
        if path == CANDLES:
            world.clock.advance_by(10_000)

    intercept(world, slow)
    trade_for(world, account_options(world, store, duration=1))
    first, last = asked.index(CANDLES), len(asked) - asked[::-1].index(CANDLES)
    filled = asked[first:last]
    assert filled.count(POSITIONS) >= filled.count(CANDLES) * 10 // 60 - 1 > 0


def test_an_exchange_out_of_reach_is_waited_for_while_trades_are_open(
    with_open_trade, store, monkeypatch
):
    """Only the time is told: without any answer it would be this machine's."""
    world = with_open_trade

    def away(method, path):
        gone = world.clock.now() < START + 8 * MINUTE and path != "/v5/market/time"
        return Response(503, b"", {}) if gone else None

    intercept(world, away)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    seen, tally = trade_for(world, account_options(world, store, duration=4 * MINUTE))
    assert tally.closed == 1
    assert sum("did not work" in note for note in seen.notes) == 1
    assert "It works again" in seen.notes


def test_an_exchange_out_of_reach_ends_a_desk_without_trades(world, store):
    intercept(world, lambda method, path: Response(503, b"", {}))
    with pytest.raises(NoNetwork, match="is there a network"):
        trade_for(world, account_options(world, store))
    intercept(world, lambda method, path: Response(403, b"", {}))
    with pytest.raises(ExchangeForbidden, match="is another program using it"):
        trade_for(world, account_options(world, store))


def test_a_ban_is_waited_out_and_care_comes_first_afterwards(with_open_trade, store):
    """Banned for ten minutes from minute 8 on."""
    world, asked = with_open_trade, []

    def banned(method, path):
        minute = (world.clock.now() - START) / MINUTE
        asked.append((minute, path))
        return Response(403, b"", {}) if 8 <= minute < 18 else None

    intercept(world, banned)
    seen, tally = trade_for(world, account_options(world, store, duration=14 * MINUTE))
    during = [path for minute, path in asked if 8 <= minute < 18]
    assert len(set(during)) == 1, "nothing is asked after the first refusal"
    assert any("is another program using it" in note for note in seen.notes)
    assert "It works again" in seen.notes
    assert tally.closed == 1


@pytest.mark.parametrize("error", [InvariantBroken("the sky fell"), KeyError("secret-text")])
def test_a_broken_tick_does_not_end_a_desk_with_trades(with_open_trade, store, monkeypatch, error):
    world, original, calls = with_open_trade, Desk.trade, []

    def trade(self, tick):
        calls.append(tick)
        if len(calls) <= 3:
            raise error
        return original(self, tick)

    monkeypatch.setattr(Desk, "trade", trade)
    seen, tally = trade_for(world, account_options(world, store, duration=4 * MINUTE))
    assert (tally.closed, tally.failed_ticks) == (1, 2)
    assert any(type(error).__name__ in note or "the sky fell" in note for note in seen.notes)
    assert not any("secret-text" in note for note in seen.notes)


def test_a_bug_in_every_tick_ends_a_desk_without_trades(world, store, monkeypatch):
    def detect(self, tick):
        raise KeyError(tick)

    monkeypatch.setattr(Desk, "detect", detect)
    with pytest.raises(KeyError):
        trade_for(world, account_options(world, store))


def test_a_history_that_cannot_be_read_is_fetched_anew(with_open_trade, store):
    database = Database(store)
    database.write("UPDATE archives SET body = ? WHERE key LIKE '%state%'", (b"garbage",))
    database.write("UPDATE runs SET body = 'garbage'")
    database.close()
    seen, tally = trade_for(
        with_open_trade, account_options(with_open_trade, store, duration=MINUTE)
    )
    assert (tally.failed_ticks, tally.open_positions) == (0, 1)
    assert any("Fetching the candle history" in note for note in seen.notes)


def test_a_full_disk_leaves_positions_looked_at_and_is_said_once(
    with_open_trade, store, monkeypatch
):
    """Nothing can be written for two minutes."""
    world, original, asked = with_open_trade, Database.write, []

    def is_full():
        return START + 8 * MINUTE <= world.clock.now() < START + 10 * MINUTE

    def write(self, sql, values=()):
        if is_full():
            raise StoreUnavailable("the store: the disk is full: free some space")
        return original(self, sql, values)

    monkeypatch.setattr(Database, "write", write)
    intercept(world, lambda method, path: asked.append(path) if is_full() else None)
    seen, tally = trade_for(world, account_options(world, store, duration=6 * MINUTE))
    assert POSITIONS in asked
    assert sum("the disk is full" in note for note in seen.notes) < 8
    assert "It works again" in seen.notes
    assert tally.closed == 1


def test_a_port_that_is_taken_ends_a_desk_without_trades_only(with_open_trade, store, tmp_path):
    world = with_open_trade
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = {"metrics_port": port, "duration": 1}
        seen, _ = trade_for(world, account_options(world, store, **given))
        assert any(f"--metrics-port {port} cannot be opened" in note for note in seen.notes)
        with pytest.raises(BadInput, match=f"--metrics-port {port} cannot be opened"):
            trade_for(world, account_options(world, tmp_path / "other.db", **given))
