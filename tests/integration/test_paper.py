"""Paper trading on the simulator over HTTP: the code path of real data, in market time."""

import json
import threading
from contextlib import contextmanager

import pytest
import urllib3
from support.paper_trading import (
    MINUTE,
    START,
    PumpedExchange,
    Seen,
    SteppedPace,
    options_for,
    trade_for,
)
from support.servers import Handler, served

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteJournal,
    SqliteRunRecords,
    SqliteSignalStore,
    SqliteTotalsStore,
)
from pumpwatch_workbench.play.desk.play import play
from pumpwatch_workbench.simulator.endpoints.wire.messages import Response


@pytest.fixture
def world():
    exchange = PumpedExchange()
    yield exchange
    exchange.close()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "paper.db"


@contextmanager
def reading(store):
    """Open what a desk has stored."""
    database = Database(store, writable=False)
    yield database
    database.close()


def stored_trades(store):
    with reading(store) as database:
        return SqliteJournal(database).trades_since(0)


def records_of(store):
    with reading(store) as database:
        return SqliteRunRecords(database).since(0)


@contextmanager
def slack(posts):
    """Serve a webhook that adds what is posted; yield its address."""

    class Hook(Handler):
        def do_POST(self):
            posts.append(json.loads(self.body()))
            self.answer()

    with served(Hook) as address:
        yield f"http://{address}/services/secret"


def test_a_pump_is_detected_traded_told_and_recorded(world, store):
    posts = []
    with slack(posts) as webhook:
        options = options_for(world.url, store, duration=10 * MINUTE, webhook=webhook)
        seen, tally = trade_for(world, options)
    phases = [signal.phase for signal in seen.signals if signal.symbol == world.pumped]
    assert phases[:2] == [Phase.RISING, Phase.PEAKED]
    (trade,) = stored_trades(store)
    assert (trade.symbol, trade.state) == (world.pumped, TradeState.CLOSED)
    assert trade.stop_loss > trade.entry_price
    assert (tally.opened, tally.closed, tally.failed_ticks, tally.ticks) == (1, 1, 0, 10)
    assert (tally.scans, tally.skipped_scans) == (10 * 12 + 1 - 10, 0)
    assert tally.realised_pnl_usdt == trade.realised_pnl
    assert any(mover.symbol == world.pumped for movers in seen.movers for mover in movers[:1])

    shown = [block["text"]["text"] for post in posts for block in post["blocks"]]
    assert shown[0] == "paper · Started"
    assert shown[1].startswith(
        f"Paper trading {len(world.symbols)} contracts (the whole market) of {world.url},"
        " 10,000.00 USDT, strategy fade: "
    )
    (pump,) = (text for text in shown if f" UTC: {world.pumped} is up" in text)
    assert "times its usual turnover." in pump
    fills = [text for text in shown if text.startswith(f"paper · {world.pumped} short ")]
    assert [text.split()[4] for text in fills] == ["entered", "closed"]
    assert any("USDT at risk." in text for text in shown)
    assert any(text.endswith(" R).") for text in shown)
    assert not any("secret" in note for note in seen.notes)

    records = records_of(store)
    assert len(records) == 10, "scans keep none of their own"
    assert all(record.detect_seconds and record.trade_seconds for record in records)
    with reading(store) as database:
        totals = SqliteTotalsStore(database).read("pumpwatch_trade")
        stored = SqliteSignalStore(database).since(0)
    assert [signal.signal_id for signal in stored] == [signal.signal_id for signal in seen.signals]
    # Trade follows each scan that has signals at once.
    at_once = {signal.time for signal in stored}
    assert totals["pumpwatch_trade_runs_total|result=success"] == 10 + len(at_once)
    opened = stored_trades(store)[0]
    assert opened.created == next(one.time for one in stored if one.phase is Phase.PEAKED)


def test_a_position_survives_a_restart_and_is_closed_afterwards(world, store):
    _, first = trade_for(world, options_for(world.url, store, duration=7 * MINUTE))
    assert (first.opened, first.closed) == (1, 0)
    (trade,) = stored_trades(store)
    assert trade.state is TradeState.OPEN

    options = options_for(world.url, store, duration=3 * MINUTE, webhook="nonsense://secret")
    seen, second = trade_for(world, options)
    assert (second.opened, second.closed) == (0, 1)
    (named,) = (note for note in seen.notes if "the desk goes on" in note)
    assert "address 1 of TEST_MESSENGERS cannot be used" in named
    assert not any("Candle history" in note for note in seen.notes)
    (closed,) = stored_trades(store)
    assert closed.signal_id == trade.signal_id
    assert closed.state is TradeState.CLOSED


def test_a_machine_that_slept_looks_after_exits_and_opens_nothing(world, store):
    """The scans of minute 6, which would open a position, are not made: it comes back at 8.

    The scans after that may: what they see then is judged as of then.
    """
    options = options_for(world.url, store, duration=8 * MINUTE + 3_000)
    seen, tally = trade_for(world, options, sleeps={6: 2})
    assert (tally.late_ticks, tally.opened) == (1, 0)
    assert not [trade for trade in stored_trades(store) if trade.entry_price is not None]
    assert any("slept" in note for note in seen.notes)
    (late,) = (record for record in records_of(store) if record.stale)
    assert late.detect_seconds is None
    assert late.trade_seconds is not None


def test_an_open_position_is_closed_by_the_first_tick_after_a_long_sleep(world, store):
    """Asleep from minute 8 to 68: beyond the time limit, and beyond the history's gap."""
    options = options_for(world.url, store, duration=69.5 * MINUTE)
    seen, tally = trade_for(world, options, sleeps={8: 60})
    assert (tally.opened, tally.closed, tally.late_ticks) == (1, 1, 1)
    (trade,) = stored_trades(store)
    assert trade.state is TradeState.CLOSED
    assert sum("Fetching the candle history" in note for note in seen.notes) == 2


def test_scans_that_a_slow_one_leaves_no_time_for_are_skipped_and_counted(world, store):
    """Each answer of the tickers takes 12 seconds for a while."""
    original = world.exchange.handle

    def handle(method, path, *rest):
        if path == "/v5/market/tickers" and MINUTE < world.clock.now() - START < 2 * MINUTE:
            world.clock.advance_by(12_000)
        return original(method, path, *rest)

    world.exchange.handle = handle
    _, tally = trade_for(world, options_for(world.url, store, duration=3 * MINUTE))
    assert (tally.ticks, tally.failed_ticks) == (3, 0)
    assert tally.skipped_scans == 4 * 2
    assert tally.ticks + tally.scans + tally.skipped_scans == 3 * 12 + 1


def test_only_chosen_symbols_are_watched(world, store):
    others = tuple(symbol for symbol in world.symbols if symbol != world.pumped)[:3]
    options = options_for(world.url, store, duration=7.5 * MINUTE, symbols=",".join(others))
    seen, _ = trade_for(world, options)
    assert seen.signals == []
    assert {mover.symbol for movers in seen.movers for mover in movers} == set(others)
    # The same file, another choice: the history of what is new is filled at once.
    options = options_for(world.url, store, duration=3 * MINUTE, symbols=world.pumped)
    seen, _ = trade_for(world, options)
    assert "Fetching the candle history ..." in seen.notes
    assert {mover.symbol for movers in seen.movers for mover in movers} == {world.pumped}


def test_a_rule_of_ones_own_that_fails_is_told_once_and_ticks_go_on(world, store):
    own = options_for(world.url, store, detector="support.own_code:Raises", duration=8 * MINUTE)
    seen, tally = trade_for(world, own)
    (told,) = [note for note in seen.notes if "own_code" in note]
    assert told.startswith("the rule support.own_code:Raises failed: ZeroDivisionError")
    assert (tally.failed_ticks, tally.signals) == (0, 0)
    assert tally.ticks == 8


def test_a_network_that_goes_away_is_said_once_and_exits_are_tried_with_every_tick(world, store):
    """The exchange is gone between minutes 3 and 6."""
    original = world.exchange.handle

    def handle(method, path, *rest):
        if 3 <= (world.clock.now() - START) // MINUTE < 6 and path.startswith("/v5/"):
            return Response(503, b"", {})
        return original(method, path, *rest)

    world.exchange.handle = handle
    seen, tally = trade_for(world, options_for(world.url, store, duration=7 * MINUTE))
    assert tally.failed_ticks == 3
    said = [note for note in seen.notes if "did not work" in note]
    assert len(said) == 1
    assert "detect did not work" in said[0]
    assert "It works again" in seen.notes
    assert tally.scans > 70
    # The first good tick tells of the scans that failed before it.
    assert sum(bool(record.problem) for record in records_of(store)) == 4


def test_a_halt_stays_through_restarts_until_a_person_resumes(world, store):
    database = Database(store)
    SqliteHaltStore(database).halt(Halt("the drawdown is too deep", START))
    database.close()
    seen, tally = trade_for(world, options_for(world.url, store, duration=7.5 * MINUTE))
    assert tally.opened == 0
    (said,) = (note for note in seen.notes if note.startswith("Halted by"))
    assert "the drawdown is too deep" in said
    assert "pumpwatch resume" in said


def test_metrics_are_served_while_it_runs(world, store):
    pages = []

    class Scraped(SteppedPace):
        def wait_until(self, time):
            (note,) = (note for note in seen.notes if "Metrics" in note)
            pages.append(urllib3.request("GET", note.split()[-1]).data.decode())
            return super().wait_until(time)

    seen = Seen()
    options = options_for(world.url, store, duration=3 * MINUTE, metrics_port=0)
    tally = play(options, seen, threading.Event(), lambda desk: Scraped(world.clock))
    labels = 'job="pumpwatch_trade",mode="paper",stage="paper"'
    assert f"pumpwatch_trade_mode_info{{{labels}}} 1.0" in pages[-1]
    labels = 'job="pumpwatch_detect",result="success",stage="paper"'
    assert f"pumpwatch_detect_runs_total{{{labels}}} {tally.ticks}.0" in pages[-1]
    types = [line for line in pages[-1].splitlines() if line.startswith("# TYPE ")]
    assert len(types) == len(set(types))


def test_a_ride_by_the_clock_ends_at_the_scan_after_its_limit(world, store):
    environment = {"RIDE_EXIT": "time", "RIDE_SECONDS": "12", "RIDE_STOP_FRACTION": "0.2"}
    options = options_for(
        world.url,
        store,
        duration=9 * MINUTE,
        strategy="ride",
        environment=environment,
    )
    seen, tally = trade_for(world, options)
    assert tally.closed == 1
    (closed,) = [trade for trade in seen.trades if trade.state is TradeState.CLOSED]
    assert closed.exit_reason is ExitReason.TIME_LIMIT
    assert closed.take_profit is None
    assert 12_000 <= closed.exit_time - closed.entry_time <= 17_000
