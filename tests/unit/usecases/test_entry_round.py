"""Which signals a run enters, and what stops it: judged anew before each entry."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support.scripted_market_data import instrument
from support.trading_facts import trade
from support.trading_rig import MINUTE, START, SYMBOL, Rig, peaked, settings

from pumpwatch.domain.market.snapshot import OrderBook
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import OrderRequest, Position, Side, order_id_prefix
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import ExchangeUnavailable
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.memory import MemoryJournal

OTHER = "SECONDUSDT"
NAN = float("nan")


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.signals.publish(peaked())
    return made


def listed(rig: Rig, symbol: str, **signal: Any) -> None:
    """List a contract at the pumped price and publish its signal."""
    rig.market.list_instrument(instrument(symbol))
    rig.set_price(1.17, symbol)
    rig.signals.publish(peaked(symbol, **signal))


def both(**changes: Any) -> Rig:
    """A world with two signals of which SYMBOL's is the stronger one."""
    rig = Rig(settings(**changes))
    listed(rig, OTHER, strength=50.0)
    listed(rig, SYMBOL, strength=60.0)
    return rig


def symbols(report: TradeReport) -> list[str]:
    return [one.symbol for one in report.opened]


class Counted:
    """A port whose calls are counted by name."""

    def __init__(self, port: Any, calls: Counter[str]) -> None:
        self._port, self._calls = port, calls

    def __getattr__(self, name: str) -> Any:
        self._calls[name] += 1
        return getattr(self._port, name)


# --- a crowd of signals -------------------------------------------------------------------


def test_a_thousand_signals_cost_as_many_books_and_lookups_as_there_are_places() -> None:
    rig = Rig(settings(max_open_positions=3))
    for number in range(1_000):
        listed(rig, f"P{number:03}USDT", strength=float(number))
    calls: Counter[str] = Counter()
    rig.wrap = lambda name, port: Counted(port, calls) if name == "journal" else port
    report = rig.tick()
    assert symbols(report) == ["P999USDT", "P998USDT", "P997USDT"]
    assert (report.signals_seen, report.signals_unopened) == (1_000, 997)
    assert rig.market.calls.count("order_book") == rig.market.calls.count("snapshot") == 3
    assert calls["trade"] <= 3
    assert calls["trades_since"] <= 3 + 2
    assert calls["intend"] == 3
    assert len(rig.journal.trades_since(0)) == 3


def test_without_a_free_place_no_book_is_read_and_nothing_is_written() -> None:
    rig = Rig(settings(max_open_positions=1)).opened()
    listed(rig, OTHER)
    rig.market.calls.clear()
    report = rig.tick()
    assert (report.signals_unopened, report.denied) == (1, [])
    assert not {"order_book", "snapshot"} & set(rig.market.calls)
    assert len(rig.journal.trades_since(0)) == 1


def test_denied_signals_do_not_take_the_next_runs_places() -> None:
    rig = Rig(settings(max_open_positions=1))
    listed(rig, OTHER, strength=50.0)
    listed(rig, SYMBOL, strength=60.0)
    rig.set_price(1.17, SYMBOL, funding_rate=NAN)
    first = rig.tick()
    assert [one.symbol for one in first.denied] == [SYMBOL]
    assert first.signals_unopened == 1
    assert symbols(rig.tick()) == [OTHER]


def test_equally_strong_signals_are_entered_oldest_first() -> None:
    rig = Rig(settings(max_open_positions=1))
    listed(rig, "AUSDT", time=START)
    listed(rig, "BUSDT", time=START - 1)
    assert symbols(rig.tick()) == ["BUSDT"]


def test_an_account_without_room_ends_the_run_after_the_entry_that_filled_it() -> None:
    rig = both(max_exposure_fraction=Decimal("0.0495"), max_notional_usdt=Decimal(500))
    rig.broker.open_foreign("ZUSDT", Side.BUY, Decimal(2), Decimal(1))
    report = rig.tick()
    assert symbols(report) == [SYMBOL]
    assert report.signals_unopened + len(report.denied) == 1


# --- judged before each entry -------------------------------------------------------------


def test_a_loss_inside_the_run_stops_the_next_entry() -> None:
    rig = both(losing_streak_trades=1)
    sound = rig.broker.place

    def place(request: OrderRequest) -> str:
        answer = sound(request)
        if not request.reduce_only:
            rig.set_price(1.30, request.symbol)  # It runs over the stop at once.
        return answer

    rig.broker.place = place  # type: ignore[method-assign]
    report = rig.tick()
    assert len(rig.entries_sent()) == 1
    assert [lock.protection for lock in report.locks if not lock.symbol] == ["losing_streak"]
    assert [one.symbol for one in report.denied] == [OTHER]


def test_the_second_entry_is_sized_on_a_look_made_after_the_first() -> None:
    rig = both()
    sound = rig.broker.place

    def place(request: OrderRequest) -> str:
        answer = sound(request)
        rig.broker.ledger.wallet -= Decimal(9_000)
        return answer

    rig.broker.place = place  # type: ignore[method-assign]
    rig.settings = settings(
        drawdown_pause_fraction=Decimal(0),
        drawdown_halt_fraction=Decimal(0),
        max_exposure_fraction=Decimal(3),
    )
    rig.tick()
    quantities = [one.quantity for one in rig.broker.placed]
    assert len(quantities) == 2
    assert quantities[1] < quantities[0] / 4


def test_a_halt_that_is_set_between_two_entries_stops_the_second() -> None:
    rig = both()
    sound = rig.broker.place

    def place(request: OrderRequest) -> str:
        rig.halts.halt(Halt("a person looks", rig.clock.now()))
        return sound(request)

    rig.broker.place = place  # type: ignore[method-assign]
    report = rig.tick()
    assert symbols(report) == [SYMBOL]
    assert "a person looks" in report.blocked["halt"]
    assert report.signals_unopened == 1


def test_an_old_book_opens_nothing_although_the_ticker_is_fresh(rig: Rig) -> None:
    level = ((Decimal("1.169"), Decimal(10**6)),), ((Decimal("1.171"), Decimal(10**6)),)
    rig.market.set_book(OrderBook(SYMBOL, START - 11_000, *level))
    report = rig.tick()
    assert rig.broker.placed == []
    assert "stale_data" in report.denied[0].denial


@pytest.mark.parametrize(
    ("changes", "seconds", "words"),
    [
        ({}, 10.1, "the price has grown"),
        ({"max_data_age_seconds": 300, "max_signal_age_seconds": 15}, 16, "the signal has grown"),
        ({"max_data_age_seconds": 300, "max_tick_age_seconds": 15}, 16, "the tick has grown"),
    ],
)
def test_what_grows_too_old_while_the_leverage_is_set_is_not_sent(
    changes: dict[str, Any], seconds: float, words: str
) -> None:
    rig = Rig(settings(**changes))
    rig.signals.publish(peaked())
    rig.broker.set_leverage = lambda *_: rig.advance(seconds)  # type: ignore[method-assign]
    report = rig.tick()
    assert rig.broker.placed == []
    assert rig.journal.trades_since(0) == []
    assert report.signals_unopened == 1
    assert any(words in one.text for one in report.problems)


def test_an_entry_needs_its_time_after_the_leverage_too(rig: Rig) -> None:
    def slow(*_: object) -> None:
        rig.deadline.seconds = 20.9

    rig.broker.set_leverage = slow  # type: ignore[method-assign]
    report = rig.tick()
    assert rig.broker.placed == []
    assert report.problems_by_cause == {"time": 1}


def test_a_tick_that_grows_old_between_two_entries_opens_no_more() -> None:
    rig = both(max_tick_age_seconds=15, max_data_age_seconds=300)
    sound = rig.broker.place

    def place(request: OrderRequest) -> str:
        answer = sound(request)
        rig.advance(16)
        return answer

    rig.broker.place = place  # type: ignore[method-assign]
    report = rig.tick()
    assert symbols(report) == [SYMBOL]
    assert report.stale
    assert rig.market.calls.count("order_book") == 1


# --- what blocks ----------------------------------------------------------------------------


def row(symbol: str, source: str = "positions") -> UnreadableRow:
    return UnreadableRow(source, symbol, "", "side is 'Both'")


@pytest.mark.parametrize("source", ["positions", "open_orders"])
@pytest.mark.parametrize("symbol", ["", "ZUSDT"])
def test_a_strangers_row_that_cannot_be_read_blocks(rig: Rig, source: str, symbol: str) -> None:
    rig.broker.unreadable.append(row(symbol, source))
    report = rig.tick()
    assert rig.broker.placed == []
    assert "side is 'Both'" in report.blocked["rows"]
    rig.broker.unreadable.clear()
    assert symbols(rig.tick()) == [SYMBOL]


def test_a_row_of_ours_that_cannot_be_read_holds_back_its_own_trade_only() -> None:
    rig = Rig().opened()
    listed(rig, OTHER)
    rig.broker.unreadable.append(row(SYMBOL, "open_orders"))
    assert symbols(rig.tick()) == [OTHER]


def altered(rig: Rig, **changes: Any) -> None:
    """Let a stranger's position be listed with other facts."""
    rig.broker.open_foreign("ZUSDT", Side.BUY, Decimal(2), Decimal(1))
    sound = rig.broker.positions

    def positions(symbol: str = "") -> Rows[Position]:
        return Rows(
            tuple(
                replace(one, **changes) if one.symbol == "ZUSDT" else one for one in sound(symbol)
            )
        )

    rig.broker.positions = positions  # type: ignore[method-assign]


def test_a_position_that_is_not_sure_blocks(rig: Rig) -> None:
    altered(rig, doubts=("markPrice is missing",))
    report = rig.tick()
    assert "markPrice is missing" in report.blocked["rows"]
    assert rig.broker.placed == []


def test_a_symbol_in_hedge_mode_is_denied_alone(rig: Rig) -> None:
    altered(rig, hedge=True)
    rig.signals.publish(peaked("ZUSDT"))
    report = rig.tick()
    assert symbols(report) == [SYMBOL]
    assert "hedge mode" in report.denied[0].denial


@pytest.mark.parametrize("method", ["account", "open_orders"])
def test_an_account_that_cannot_be_read_blocks(rig: Rig, method: str) -> None:
    rig.broker.fail(method, ExchangeUnavailable("no answer"))
    report = rig.tick()
    assert "no answer" in report.blocked["rows"]
    assert rig.broker.placed == []
    assert symbols(rig.tick()) == [SYMBOL]


def test_isolated_margin_blocks_in_a_sentence_and_care_goes_on() -> None:
    rig = Rig().opened()
    sound = rig.broker.account
    rig.broker.account = lambda: replace(sound(), isolated_margin=True)  # type: ignore[method-assign]
    listed(rig, OTHER)
    report = rig.tick()
    assert "isolated margin" in report.blocked["access"]
    assert report.opened == []
    rig.advance(31 * 60)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_a_time_that_is_not_sure_blocks(rig: Rig) -> None:
    rig.clock.doubts = "two answers differ by an hour"
    report = rig.tick()
    assert report.blocked["clock"] == "two answers differ by an hour"
    assert rig.broker.placed == []


def test_a_trade_that_halts_blocks(rig: Rig) -> None:
    halting = trade(state=TradeState.CLOSED, halts="nobody knows what became of it")
    rig.journal.save(halting, rig.leases.acquire("trade", owner="before", seconds=0.001))
    rig.advance(1)
    report = rig.tick()
    assert "nobody knows" in report.blocked["halt"]
    assert rig.broker.placed == []


@pytest.mark.parametrize("seconds", [4.61, 5.0, 10.0])
def test_a_timeout_that_leaves_no_time_blocks_and_exits_go_on(seconds: float) -> None:
    rig = Rig().opened()
    rig.deadline.seconds = 25
    rig.settings = settings(request_timeout_seconds=seconds)
    listed(rig, OTHER)
    report = rig.tick()
    assert f"REQUEST_TIMEOUT_SECONDS={seconds:g}" in report.blocked["time"]
    assert report.opened == []
    rig.advance(31 * 60)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_a_halt_that_closes_does_so_when_the_locks_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig().opened()
    rig.halts.halt(Halt("out", START, by="operator", close_positions=True))

    def unreadable(_: int) -> None:
        raise ExchangeUnavailable("the table did not answer")

    monkeypatch.setattr(rig.locks, "current", unreadable)
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.HALT
    assert "2027-01-15 08:00:00 UTC by operator" in report.blocked["halt"]
    assert "stores" in report.blocked


# --- what is denied -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mark_price": NAN}, "no mark price"),
        ({"mark_price": 0.0}, "no mark price"),
        ({"funding_rate": NAN}, "funding is not known"),
        ({"next_funding": 0.0}, "funding is not known"),
    ],
)
def test_what_the_ticker_lacks_denies(rig: Rig, fields: dict[str, float], words: str) -> None:
    rig.set_price(1.17, **fields)
    rig.tick()
    assert words in rig.trade().denial


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"funding_interval_minutes": 0}, "funding is not known"),
        ({"delivery_time": START + 40 * MINUTE}, "delisted at 2027-01-15 08:40:00 UTC"),
        ({"price_limit_ratio": Decimal("0.00005")}, "no order can reach"),
    ],
)
def test_what_the_contract_says_denies(rig: Rig, changes: dict[str, Any], words: str) -> None:
    rig.market.list_instrument(instrument(SYMBOL, **changes))
    rig.tick()
    assert words in rig.trade().denial


def test_a_delisting_after_the_time_limit_and_its_closing_does_not_deny(rig: Rig) -> None:
    late = START + 40 * MINUTE + 1
    rig.market.list_instrument(instrument(SYMBOL, delivery_time=late))
    assert symbols(rig.tick()) == [SYMBOL]


def test_a_price_that_has_left_the_limit_fills_nothing_and_is_not_sent_again(rig: Rig) -> None:
    sound = rig.broker.set_leverage

    def fall(symbol: str, leverage: Decimal) -> None:
        sound(symbol, leverage)
        rig.broker.set_price(SYMBOL, Decimal("1.15"))

    rig.broker.set_leverage = fall  # type: ignore[method-assign]
    rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    rig.tick()
    (request,) = rig.broker.placed
    assert request.limit_price == Decimal("1.1582")  # 1.169883 x 0.99, to the tick


# --- two deployments on one account -----------------------------------------------------------


def test_two_deployments_have_ids_and_positions_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = Rig().opened()
    second = Rig()
    second.broker, second.clock = first.broker, first.clock
    monkeypatch.setattr(second.journal, "installation", lambda: "others")
    second.signals.publish(peaked())
    listed(second, OTHER)
    report = second.tick()
    assert [one.symbol for one in report.denied] == [SYMBOL]
    assert "not ours" in report.denied[0].denial
    assert symbols(report) == [OTHER]
    assert isinstance(second.journal, MemoryJournal)
    prefixes = [one.order_id.rsplit("en", 1)[0] for one in first.broker.placed]
    assert prefixes == [order_id_prefix(first.journal.installation()), order_id_prefix("others")]
