"""Which signals a run enters, what denies them, and what stops it: judged anew for each entry."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
from support.scripted_market_data import instrument
from support.trading_rig import MINUTE, START, SYMBOL, Rig, beside, failing, peaked, settings

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.market.snapshot import OrderBook
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import Leg, Outcome, Side, order_id_prefix
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import ExchangeUnavailable, OutcomeUnknown, Rejected, UnknownSymbol
from pumpwatch_workbench.local.memory import MemoryJournal

OTHER, NAN, ONE = "SECONDUSDT", float("nan"), Decimal(1)


@pytest.fixture
def rig():
    rig = Rig()
    rig.signals.publish(peaked())
    return rig


def both(**changes):
    """A world with two signals of which SYMBOL's is the stronger one."""
    rig = Rig(settings(**changes))
    rig.signal(OTHER, strength=50.0)
    rig.signal(SYMBOL, strength=60.0)
    return rig


def symbols(trades):
    return [trade.symbol for trade in trades]


def test_a_peaked_signal_is_shorted_with_its_stop_and_target(rig):
    report = rig.tick()
    trade = rig.trade()
    (position,) = rig.broker.positions()
    assert trade.state is TradeState.OPEN
    assert (position.side, position.quantity) == (Side.SELL, trade.quantity)
    assert position.stop_loss == trade.stop_loss == Decimal("1.2360")
    assert position.take_profit == trade.take_profit == Decimal("1.1000")
    assert trade.closes_at == START + 30 * MINUTE
    assert trade.stop_verified is not None
    assert symbols(report.opened) == [SYMBOL]
    assert report.orders == {(Leg.ENTRY, Outcome.FILLED): 1}
    assert report.stop_verified_seconds == 0.0
    assert (report.open_positions, report.positions_without_stop) == (1, 0)
    assert report.exposure == position.notional
    assert report.equity is not None
    assert report.problems == []
    rig.check_agreement()
    rig.advance(60)
    report = rig.tick()
    assert rig.trade() == trade, "a second tick changes nothing"
    assert len(rig.broker.placed) == 1
    assert (report.repairs, report.happenings, report.signals_unopened) == ({}, [], 0)


@pytest.mark.parametrize(
    ("strategy", "signal"),
    [("alert", {}), ("fade", {"phase": Phase.RISING}), ("fade", {"time": START - 91_000})],
)
def test_a_signal_that_the_strategy_does_not_act_on_leaves_no_trace(strategy, signal):
    rig = Rig(settings(strategy=strategy))
    rig.signals.publish(peaked(**signal))
    report = rig.tick()
    assert list(rig.journal.trades_since(0)) == rig.broker.placed == []
    assert report.signals_unopened == 0


def test_the_leverage_that_is_set_is_what_the_exchange_holds():
    rig = Rig(settings(leverage=5, fade_stop_above_peak=0.01)).opened()
    assert rig.broker.positions()[0].leverage == 5


def test_a_leverage_that_nobody_tells_is_set():
    rig = Rig(settings(leverage=2))
    rig.broker.leverage = lambda symbol: Decimal(0)
    rig.opened()
    assert rig.broker.positions()[0].leverage == 2


@pytest.mark.parametrize("block", ["halt", "locks"])
def test_the_leverage_stays_as_it_is_where_nothing_may_be_opened(block):
    rig = Rig(settings(leverage=2))
    rig.signals.publish(peaked())
    if block == "halt":
        rig.halts.halt(Halt("out", START, by="operator"))
    else:
        rig.locks.current = failing(ExchangeUnavailable("the table did not answer"))
    rig.tick()
    assert "set_leverage" not in rig.broker.calls


def test_the_leverage_of_a_foreign_position_is_not_touched():
    """The list of positions lags: the symbol's own row shows what it hides."""
    rig = Rig(settings(leverage=2))
    rig.broker.open_foreign(SYMBOL, Side.BUY, ONE, Decimal("1.17"))
    rig.broker.positions = lambda symbol="": Rows()
    rig.broker.open_orders = Rows
    rig.signals.publish(peaked())
    rig.tick()
    assert "holds this symbol already" in rig.trade().denial
    assert "set_leverage" not in rig.broker.calls
    assert rig.broker.placed == []


def test_a_leverage_that_cannot_be_read_leaves_the_signal_to_the_next_tick(rig):
    rig.broker.fail("leverage", ExchangeUnavailable("no answer"))
    assert rig.tick().signals_unopened == 1
    assert list(rig.journal.trades_since(0)) == []
    assert rig.tick().opened


def test_ride_buys_a_rising_signal():
    rig = Rig(settings(strategy="ride"))
    rig.signals.publish(peaked(phase=Phase.RISING))
    rig.tick()
    trade = rig.trade()
    assert (trade.side, trade.state) == (Side.BUY, TradeState.OPEN)
    assert trade.closes_at == START + 3 * MINUTE
    rig.check_agreement()


def test_threads_give_the_same_result_as_one_after_another():
    with ThreadPoolExecutor(4) as executor:
        threaded = Rig(executor=executor).opened()
    assert threaded.trade() == Rig().opened().trade()
    threaded.check_agreement()


@pytest.fixture
def threaded():
    with ThreadPoolExecutor(8) as executor:
        yield Rig(executor=executor)


def test_a_run_that_a_signal_wakes_reads_ahead_and_does_the_same(threaded):
    threaded.signals.publish(peaked())
    report = threaded.tick(woken_by=("signal",))
    plain = Rig().opened()
    assert symbols(report.opened) == [SYMBOL]
    assert threaded.trade() == plain.trade()
    threaded.check_agreement()


def test_what_the_care_beside_the_reads_has_closed_counts(threaded):
    """The stop fired since the last run: its symbol cools down for the signal that wakes this."""
    threaded.opened()
    threaded.set_price(1.25)
    threaded.advance(1)
    threaded.signal(name="again", peak_price=1.3)
    report = threaded.tick(woken_by=("again",))
    assert symbols(report.closed) == [SYMBOL]
    assert [trade.denial for trade in report.denied] == [
        "symbol_cooldown: " + report.locks[0].reason
    ]


@pytest.mark.parametrize("woken_by", [(), ("signal",)])
def test_a_tick_from_the_future_opens_nothing_twice(threaded, woken_by):
    """Nothing of the journal is missed because of the time that the tick names."""
    threaded.opened()
    day = -86_400 * 30
    report = threaded.tick(late=day, woken_by=woken_by)
    assert report.opened == report.denied == []
    threaded.advance(1)
    threaded.signal("SECONDUSDT")
    assert symbols(threaded.tick(late=day, woken_by=woken_by).opened) == ["SECONDUSDT"]


def test_records_that_cannot_be_read_ahead_keep_entries_away(threaded):
    threaded.signals.publish(peaked())
    threaded.halts.resumed = failing(ExchangeUnavailable("the table did not answer"))
    report = threaded.tick(woken_by=("signal",))
    assert "stores" in report.blocked
    assert threaded.broker.placed == []


# --- what is denied -------------------------------------------------------------------------


def book(bids, asks, time=START):
    return lambda rig: rig.market.set_book(OrderBook(SYMBOL, time, bids, asks))


def level(price, size=ONE):
    return ((Decimal(price), size),)


def ticker(price=1.17, **fields):
    return lambda rig: rig.set_price(price, **fields)


def contract(**changes):
    return lambda rig: rig.market.list_instrument(instrument(SYMBOL, **changes))


def refuse_leverage(rig):
    rig.broker.leverage = lambda symbol: Decimal(10)
    rig.broker.fail("set_leverage", Rejected("risk limit", code=110013))


DENIALS = [
    ("retraced to the target", ticker(1.09)),
    ("above the stop", ticker(1.24)),
    ("above the stop", ticker(1.236)),
    ("does not list", lambda rig: rig.market.delist(SYMBOL)),
    ("one side", book((), level("1"))),
    ("one side", book(level("1"), ())),
    ("crossed", book(level("2"), level("1"))),
    ("crossed", book(level("0"), level("1"))),
    ("spread", book(level("1.15"), level("1.18"))),
    ("stale_data", book(level("1.169", 10**6), level("1.171", 10**6), time=START - 11_000)),
    ("no price", lambda rig: rig.market.failures.update({SYMBOL: UnknownSymbol("not listed")})),
    ("no mark price", ticker(mark_price=NAN)),
    ("no mark price", ticker(mark_price=0.0)),
    ("funding is not known", ticker(funding_rate=NAN)),
    ("funding is not known", ticker(next_funding=0.0)),
    ("funding is not known", contract(funding_interval_minutes=0)),
    ("delisted at 2027-01-15 08:40:00 UTC", contract(delivery_time=START + 40 * MINUTE)),
    ("no order can reach", contract(price_limit_ratio=Decimal("0.00005"))),
    ("leverage was refused", refuse_leverage),
    ("funding due", ticker(funding_rate=-0.02, next_funding=float(START + 60_000))),
]


@pytest.mark.parametrize(("words", "prepare"), DENIALS)
def test_what_forbids_an_entry_denies_the_signal_once(rig, words, prepare):
    prepare(rig)
    report = rig.tick()
    trade = rig.trade()
    assert trade.state is TradeState.DROPPED
    assert words in trade.denial
    assert symbols(report.denied) == [SYMBOL]
    assert report.orders == {(Leg.ENTRY, Outcome.DENIED): 1}
    assert rig.broker.placed == []
    assert rig.tick().orders == {}


def test_a_delisting_after_the_time_limit_and_its_closing_does_not_deny(rig):
    contract(delivery_time=START + 40 * MINUTE + 1)(rig)
    assert symbols(rig.tick().opened) == [SYMBOL]


def test_a_symbol_with_a_foreign_position_is_left_alone(rig):
    rig.broker.open_foreign(SYMBOL, Side.BUY, Decimal(7), Decimal("1.17"))
    report = rig.tick()
    assert "not ours" in rig.trade().denial
    assert (report.foreign_positions, report.open_positions) == (1, 0)
    (position,) = rig.broker.positions()
    assert (position.quantity, position.stop_loss) == (7, None)


def test_a_symbol_with_a_live_trade_is_not_entered_again():
    rig = Rig().opened()
    rig.signal(name="other")
    rig.tick()
    assert "still live" in rig.journal.trade("other").denial
    assert len(rig.entries_sent()) == 1


def test_the_exposure_cap_holds_over_several_signals_of_one_tick():
    rig = Rig(settings(max_exposure_fraction=Decimal("0.08")))
    for number in range(4):
        rig.signal(f"P{number}USDT")
    report = rig.tick()
    assert report.exposure <= Decimal(800)
    assert report.open_positions == 2
    assert len(report.denied) == 2
    assert all("the limits allow" in trade.denial for trade in report.denied)
    rig.check_agreement()


def test_orders_per_day_are_limited_and_exits_are_not():
    rig = Rig(settings(max_orders_per_day=1)).opened()
    rig.signal(OTHER)
    assert "1 orders were intended" in rig.tick().denied[0].denial
    rig.advance(31 * 60)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_two_deployments_have_ids_and_positions_of_their_own(monkeypatch):
    first, second = Rig().opened(), Rig()
    second.broker, second.clock = first.broker, first.clock
    monkeypatch.setattr(second.journal, "installation", lambda: "others")
    second.signals.publish(peaked())
    second.signal(OTHER)
    report = second.tick()
    assert symbols(report.denied) == [SYMBOL]
    assert "not ours" in report.denied[0].denial
    assert symbols(report.opened) == [OTHER]
    assert isinstance(second.journal, MemoryJournal)
    prefixes = [request.order_id.rsplit("en", 1)[0] for request in first.broker.placed]
    assert prefixes == [order_id_prefix(first.journal.installation()), order_id_prefix("others")]


# --- what leaves the signal to the next tick ------------------------------------------------


@pytest.mark.parametrize("what", ["account", "snapshot", "book", "time"])
def test_what_cannot_be_read_or_has_no_time_leaves_the_signal_for_the_next_tick(rig, what):
    error = ExchangeUnavailable("no answer")
    rig.broker.fail("account", error, times=what == "account")
    rig.market.failures = {"snapshot": error} if what == "snapshot" else {}
    rig.market.failures |= {SYMBOL: error} if what == "book" else {}
    rig.deadline.seconds = 8 if what == "time" else 25
    report = rig.tick()
    words = "too little time" if what == "time" else "no answer"
    assert any(words in problem.text for problem in report.problems)
    assert report.signals_unopened == 1
    assert rig.broker.placed == list(rig.journal.trades_since(0)) == []
    rig.market.failures, rig.deadline.seconds = {}, 25
    rig.tick()
    assert rig.trade().state is TradeState.OPEN


def test_a_full_account_opens_nothing_and_writes_nothing(rig):
    rig.broker.open_foreign("BUSDT", Side.BUY, Decimal(6000), ONE)
    report = rig.tick()
    assert report.signals_unopened == 1
    assert any("exposure" in happening.text for happening in report.happenings)
    assert list(rig.journal.trades_since(0)) == []


def test_a_thousand_signals_cost_as_many_books_and_lookups_as_there_are_places():
    rig = Rig(settings(max_open_positions=3))
    for number in range(1_000):
        rig.signal(f"P{number:03}USDT", strength=float(number))
    calls = Counter()

    class Counted:
        def __getattr__(self, name):
            calls[name] += 1
            return getattr(rig.journal, name)

    rig.wrap = lambda name, port: Counted() if name == "journal" else port
    report = rig.tick()
    assert symbols(report.opened) == ["P999USDT", "P998USDT", "P997USDT"]
    assert report.signals_unopened == 997
    assert rig.market.calls.count("order_book") == rig.market.calls.count("snapshot") == 3
    assert calls["trade"] <= 3
    assert calls["trades_since"] <= 3 + 2
    assert calls["intend"] == 3
    assert len(rig.journal.trades_since(0)) == 3


def test_without_a_free_place_no_book_is_read_and_nothing_is_written():
    rig = Rig(settings(max_open_positions=1)).opened()
    rig.signal(OTHER)
    rig.market.calls.clear()
    report = rig.tick()
    assert (report.signals_unopened, report.denied) == (1, [])
    assert not {"order_book", "snapshot"} & set(rig.market.calls)
    assert len(rig.journal.trades_since(0)) == 1


def test_denied_signals_do_not_take_the_next_runs_places():
    rig = both(max_open_positions=1)
    rig.set_price(1.17, SYMBOL, funding_rate=NAN)
    first = rig.tick()
    assert (symbols(first.denied), first.signals_unopened) == ([SYMBOL], 1)
    assert symbols(rig.tick().opened) == [OTHER]


def test_equally_strong_signals_are_entered_oldest_first():
    rig = Rig(settings(max_open_positions=1))
    rig.signal("AUSDT", time=START)
    rig.signal("BUSDT", time=START - 1)
    assert symbols(rig.tick().opened) == ["BUSDT"]


def test_an_account_without_room_ends_the_run_after_the_entry_that_filled_it():
    rig = both(max_exposure_fraction=Decimal("0.0495"), max_notional_usdt=Decimal(500))
    rig.broker.open_foreign("ZUSDT", Side.BUY, Decimal(2), Decimal(1))
    report = rig.tick()
    assert symbols(report.opened) == [SYMBOL]
    assert report.signals_unopened + len(report.denied) == 1


# --- judged before each entry ---------------------------------------------------------------


def test_a_loss_inside_the_run_stops_the_next_entry():
    rig = both(losing_streak_trades=1)

    def run_over_the_stop(request):
        if not request.reduce_only:
            rig.set_price(1.30, request.symbol)

    beside(rig.broker, "place", after=run_over_the_stop)
    report = rig.tick()
    assert len(rig.entries_sent()) == 1
    assert [lock.protection for lock in report.locks if not lock.symbol] == ["losing_streak"]
    assert symbols(report.denied) == [OTHER]


def test_the_second_entry_is_sized_on_a_look_made_after_the_first():
    off = {"drawdown_pause_fraction": Decimal(0), "drawdown_halt_fraction": Decimal(0)}
    rig = both(**off, max_exposure_fraction=Decimal(3))

    def lose_most(_):
        rig.broker.ledger.wallet -= Decimal(9_000)

    beside(rig.broker, "place", after=lose_most)
    rig.tick()
    first, second = [request.quantity for request in rig.broker.placed]
    assert second < first / 4


def test_a_halt_that_is_set_between_two_entries_stops_the_second():
    rig = both()
    halt = Halt("a person looks", rig.clock.now())
    beside(rig.broker, "place", before=lambda _: rig.halts.halt(halt))
    report = rig.tick()
    assert symbols(report.opened) == [SYMBOL]
    assert "a person looks" in report.blocked["halt"]
    assert report.signals_unopened == 1


@pytest.mark.parametrize(
    ("changes", "seconds", "words"),
    [
        ({}, 10.1, "the price has grown"),
        ({"max_data_age_seconds": 300, "max_signal_age_seconds": 15}, 16, "the signal has grown"),
        ({"max_data_age_seconds": 300, "max_tick_age_seconds": 15}, 16, "the tick has grown"),
    ],
)
def test_what_grows_too_old_while_the_leverage_is_set_is_not_sent(changes, seconds, words):
    rig = Rig(settings(**changes, leverage=2))
    rig.signals.publish(peaked())
    beside(rig.broker, "set_leverage", after=lambda *_: rig.advance(seconds))
    report = rig.tick()
    assert rig.broker.placed == list(rig.journal.trades_since(0)) == []
    assert report.signals_unopened == 1
    assert any(words in problem.text for problem in report.problems)


def test_an_entry_needs_its_time_after_the_leverage_too():
    rig = Rig(settings(leverage=2))
    rig.signals.publish(peaked())
    beside(rig.broker, "set_leverage", after=lambda *_: setattr(rig.deadline, "seconds", 20.9))
    report = rig.tick()
    assert rig.broker.placed == []
    assert report.problems_by_cause == {"time": 1}


def test_a_tick_that_grows_old_between_two_entries_opens_no_more():
    rig = both(max_tick_age_seconds=15, max_data_age_seconds=300)
    beside(rig.broker, "place", after=lambda _: rig.advance(16))
    report = rig.tick()
    assert symbols(report.opened) == [SYMBOL]
    assert "stale_tick" in report.blocked
    assert rig.market.calls.count("order_book") == 1


# --- what blocks ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["positions", "open_orders"])
@pytest.mark.parametrize("symbol", ["", "ZUSDT"])
def test_a_strangers_row_that_cannot_be_read_blocks(rig, source, symbol):
    rig.broker.unreadable.append(UnreadableRow(source, symbol, "", "side is 'Both'"))
    report = rig.tick()
    assert rig.broker.placed == []
    assert "side is 'Both'" in report.blocked["rows"]
    rig.broker.unreadable.clear()
    assert symbols(rig.tick().opened) == [SYMBOL]


def test_a_row_of_ours_that_cannot_be_read_holds_back_its_own_trade_only():
    rig = Rig().opened()
    rig.signal(OTHER)
    rig.broker.unreadable.append(UnreadableRow("open_orders", SYMBOL, "", "side is 'Both'"))
    assert symbols(rig.tick().opened) == [OTHER]


def altered(rig, **changes):
    """Let a stranger's position be listed with other facts."""
    rig.broker.open_foreign("ZUSDT", Side.BUY, Decimal(2), Decimal(1))
    sound = rig.broker.positions

    def positions(symbol=""):
        rows = sound(symbol)
        return Rows(tuple(replace(r, **changes) if r.symbol == "ZUSDT" else r for r in rows))

    rig.broker.positions = positions


def test_a_position_that_is_not_sure_blocks(rig):
    altered(rig, doubts=("markPrice is missing",))
    assert "markPrice is missing" in rig.tick().blocked["rows"]
    assert rig.broker.placed == []


def test_a_symbol_in_hedge_mode_is_denied_alone(rig):
    altered(rig, hedge=True)
    rig.signals.publish(peaked("ZUSDT"))
    report = rig.tick()
    assert symbols(report.opened) == [SYMBOL]
    assert "hedge mode" in report.denied[0].denial


@pytest.mark.parametrize("method", ["account", "open_orders"])
def test_an_account_that_cannot_be_read_blocks(rig, method):
    rig.broker.fail(method, ExchangeUnavailable("no answer"))
    assert "no answer" in rig.tick().blocked["rows"]
    assert rig.broker.placed == []
    assert symbols(rig.tick().opened) == [SYMBOL]


def test_a_time_that_is_not_sure_blocks(rig):
    rig.clock.doubts = "two answers differ by an hour"
    assert rig.tick().blocked["clock"] == "two answers differ by an hour"
    assert rig.broker.placed == []


def isolate(rig):
    sound = rig.broker.account
    rig.broker.account = lambda: replace(sound(), isolated_margin=True)


def slow(seconds):
    return lambda rig: setattr(rig, "settings", settings(request_timeout_seconds=seconds))


@pytest.mark.parametrize(
    ("reason", "words", "prepare", "late"),
    [
        ("access", "isolated margin", isolate, 0),
        ("halt", "a person looks", lambda rig: rig.halts.halt(Halt("a person looks", START)), 0),
        ("stale_tick", "older", lambda rig: None, 91),
        *(("time", f"REQUEST_TIMEOUT_SECONDS={s:g}", slow(s), 0) for s in (4.61, 5.0, 10.0)),
    ],
)
def test_what_blocks_entries_blocks_no_exit(reason, words, prepare, late):
    rig = Rig().opened()
    prepare(rig)
    rig.advance(31 * 60)
    rig.signal(OTHER)
    report = rig.tick(late=late)
    assert words in report.blocked[reason]
    assert report.opened == []
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_a_halt_that_closes_does_so_when_the_locks_cannot_be_read():
    rig = Rig().opened()
    rig.halts.halt(Halt("out", START, by="operator", close_positions=True))
    rig.locks.current = failing(ExchangeUnavailable("the table did not answer"))
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.HALT
    assert "2027-01-15 08:00:00 UTC by operator" in report.blocked["halt"]
    assert "stores" in report.blocked


# --- what becomes of the order ----------------------------------------------------------------


def test_a_price_that_has_left_the_limit_fills_nothing_and_is_not_sent_again():
    rig = Rig(settings(leverage=2))
    rig.signals.publish(peaked())
    fall = partial(rig.broker.set_price, SYMBOL, Decimal("1.15"))
    beside(rig.broker, "set_leverage", after=lambda *_: fall())
    rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    rig.tick()
    (request,) = rig.broker.placed
    assert request.limit_price == Decimal("1.1582")  # 1.169883 x 0.99, to the tick


def test_an_entry_is_followed_through_a_failing_read(rig):
    rig.broker.fail("fills", ExchangeUnavailable("no answer"), times=2)
    report = rig.tick()
    assert rig.trade().state is TradeState.OPEN
    assert len(report.problems) == len(rig.waits) == 2
    rig.check_agreement()


def test_an_entry_that_the_exchange_refuses_is_dropped(rig):
    rig.broker.fail("place", Rejected("ab not enough for new order", code=110007))
    report = rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    assert "ab not enough" in rig.trade().denial
    assert report.orders == {(Leg.ENTRY, Outcome.REJECTED): 1}
    rig.tick()
    assert rig.entries_sent() == []


def test_a_partial_fill_counts_at_what_was_filled():
    rig = Rig()
    rig.broker.fill_fraction = Decimal("0.25")
    rig.opened()
    (position,) = rig.broker.positions()
    (order,) = rig.journal.orders(rig.trade().signal_id)
    assert rig.trade().quantity == position.quantity == order.request.quantity / 4
    assert order.filled_quantity == position.quantity
    rig.check_agreement()


def test_an_entry_without_any_fill_is_dropped(rig):
    rig.broker.fill_fraction = Decimal(0)
    report = rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    assert report.orders == {(Leg.ENTRY, Outcome.REJECTED): 1}


def test_a_fill_that_bears_an_earlier_time_than_its_intent_is_found(rig):
    """Our clock and the exchange's differ by a little."""

    def date_back(_):
        fills = rig.broker.ledger.executions
        fills[-1] = replace(fills[-1], time=fills[-1].time - 3_000)

    beside(rig.broker, "place", after=date_back)
    rig.tick()
    assert (rig.trade().state, rig.trade().entry_time) == (TradeState.OPEN, START - 3_000)


def test_a_read_timeout_with_late_lists_gives_no_second_order(rig, monkeypatch):
    """Accepted, no answer, and for a while no list shows the order, its fills or its position."""
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)

    def stale(name, sound):
        def ask(*arguments, **named):
            answer = sound(*arguments, **named)
            if rig.clock.now() < START + 14_000:
                return None if name == "find_order" else Rows()
            return answer

        return ask

    for name in ("find_order", "fills", "positions"):
        monkeypatch.setattr(rig.broker, name, stale(name, getattr(rig.broker, name)))
    report = rig.tick()
    assert report.orders == {(Leg.ENTRY, Outcome.UNKNOWN): 1}
    assert report.unknown_orders == 1
    for _ in range(4):
        rig.advance(5)
        rig.tick()
    assert len(rig.broker.placed) == 1
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()


def test_an_entry_that_never_arrived_is_dropped_only_after_the_window_and_the_settling_time(rig):
    rig.broker.fail("place", OutcomeUnknown("connection reset"))
    rig.tick()
    rig.advance(19.9 - (rig.clock.now() - START) / 1000)
    rig.tick()
    assert rig.trade().state is TradeState.ENTERING
    rig.advance(20 - (rig.clock.now() - START) / 1000)
    report = rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    assert "never placed" in rig.trade().denial
    assert report.repairs == {"dropped": 1}
    rig.advance(20)
    rig.tick()
    assert rig.broker.placed == []
    rig.check_agreement()


def test_an_id_that_the_exchange_knows_already_is_looked_up(rig):
    """The table lost its intent, the exchange has the order: it is adopted, not sent anew."""
    rig.broker = Rig().opened().broker
    sound, (position,) = rig.broker.positions, rig.broker.positions()
    request = rig.broker.placed[0]
    rig.broker.positions = lambda symbol="": Rows()
    beside(rig.broker, "open_orders", after=lambda: setattr(rig.broker, "positions", sound))
    rig.broker.open_orders = lambda call=rig.broker.open_orders: (call(), Rows())[1]
    rig.broker.leverage = lambda symbol: Decimal(1)
    report = rig.tick()
    assert {placed.order_id for placed in rig.broker.placed} == {request.order_id}
    assert rig.trade().state is TradeState.OPEN
    assert rig.trade().quantity == position.quantity
    assert any("knows this order already" in problem.text for problem in report.problems)


# --- the chain from the scan to the order -----------------------------------------------------


def test_a_trade_knows_when_each_part_of_its_chain_happened():
    rig = Rig(settings(leverage=2))
    rig.deadline.seconds = 25.0

    def pass_seconds(seconds):
        rig.advance(seconds)
        rig.deadline.seconds -= seconds

    rig.signals.publish(peaked(alarm_time=START - 70_000))
    rig.advance(1)
    beside(rig.broker, "positions", before=lambda *_: pass_seconds(0.06))
    beside(rig.broker, "set_leverage", before=lambda *_: pass_seconds(0.07))
    beside(rig.broker, "place", after=lambda *_: pass_seconds(0.08))
    report = rig.tick()
    trade = rig.trade()
    (order,) = rig.journal.orders(trade.signal_id)
    assert trade.alarm_time == START - 70_000
    assert (trade.signal_time, trade.woken) == (START, START + 1_000)
    assert order.intended == START + 1_130
    assert trade.acknowledged == START + 1_210
    assert report.opened[0].acknowledged == trade.acknowledged


def test_an_entry_that_nobody_acknowledged_has_no_time_of_it():
    rig = Rig()
    rig.broker.fail("place", OutcomeUnknown("no answer"), after=True)
    trade = rig.opened().trade()
    assert trade.acknowledged is None
