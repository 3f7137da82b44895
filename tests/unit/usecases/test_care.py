"""Care for our own positions depends on the journal and on that symbol's position, nothing else."""

from dataclasses import replace
from decimal import Decimal

import pytest
from support.doubles import ManualDeadline
from support.scripted_market_data import instrument
from support.trading_rig import START, SYMBOL, Rig, beside, failing, peaked, settings

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import Leg, Outcome, Side
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import (
    ExchangeUnavailable,
    InvariantBroken,
    OutcomeUnknown,
    Rejected,
    StoreUnavailable,
    UnreadableAnswer,
)

ONE = Decimal(1)
OTHER = "OTHERUSDT"


@pytest.fixture
def rig():
    return Rig().opened()


def throttle_writes(rig):
    refuse = failing(StoreUnavailable("the table refused TransactWriteItems: ThrottlingError"))
    rig.journal.save = rig.journal.settle = rig.journal.intend = refuse


def stop_of(rig, symbol=SYMBOL):
    (position,) = [one for one in rig.broker.positions() if one.symbol == symbol]
    return position.stop_loss


def hide_row(rig, symbol=SYMBOL, *, named=True, whole=False):
    """Make a position's row unreadable; `whole`: also where it is asked for by its symbol."""
    sound = rig.broker.positions
    row = UnreadableRow("positions", symbol if named else "", "", "size is 'x'")

    def positions(asked=""):
        rows = sound(asked)
        if asked and not whole:
            return rows
        return Rows(tuple(one for one in rows if one.symbol != symbol), (row,))

    rig.broker.positions = positions


def overdue(rig):
    rig.advance(30 * 60)


# --- a missing stop ------------------------------------------------------------------------------


@pytest.fixture
def bare():
    """A world whose exchange drops the stop that comes with an entry."""
    rig = Rig()
    rig.broker.drop_stops = True
    rig.signals.publish(peaked())
    return rig


def test_a_missing_stop_is_set(bare):
    report = bare.tick()
    (position,) = bare.broker.positions()
    assert position.stop_loss == Decimal("1.2360")
    assert position.take_profit == Decimal("1.1000")
    assert report.repairs == {"stop_set": 1}
    assert report.positions_without_stop == 0
    assert bare.trade().stop_verified is not None
    bare.check_agreement()


def test_entry_without_stop_is_closed_at_market(bare):
    bare.broker.fail("set_protection", Rejected("price has passed", code=10001))
    report = bare.tick()
    assert bare.trade().exit_reason is ExitReason.STOP_MISSING
    assert list(bare.broker.positions()) == []
    assert any("not set" in problem.text for problem in report.problems)
    bare.check_agreement()


def test_a_stop_whose_setting_gave_no_answer_but_stands_is_kept(bare):
    bare.broker.fail("set_protection", OutcomeUnknown("timed out"), after=True)
    bare.tick()
    assert bare.trade().state is TradeState.OPEN
    bare.check_agreement()


def test_a_position_that_has_passed_its_missing_stop_is_closed(rig):
    rig.broker.remove_protection(SYMBOL)
    rig.set_price(1.4)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.STOP_MISSING
    assert list(rig.broker.positions()) == []


def test_a_refused_stop_and_a_refused_close_end_and_are_tried_again(rig):
    rig.broker.remove_protection(SYMBOL)
    rig.broker.fail("set_protection", Rejected("no", code=10001), times=9)
    rig.broker.fail("place", Rejected("no", code=10001), times=3)
    report = rig.tick()
    assert report.positions_without_stop == 1
    assert report.orders[Leg.EXIT, Outcome.REJECTED] == 3
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.STOP_MISSING


def test_a_missing_stop_is_set_although_the_table_refuses_every_write(rig):
    rig.broker.remove_protection(SYMBOL)
    throttle_writes(rig)
    rig.tick()
    assert stop_of(rig) is not None


def test_without_the_table_a_stop_that_stands_there_is_never_replaced(rig):
    """Between the list and the setting a person has set a stop: it is read again, and kept."""
    bare = tuple(replace(one, stop_loss=None) for one in rig.broker.positions())
    sound = rig.broker.positions
    rig.broker.positions = lambda symbol="": sound(symbol) if symbol else Rows(bare)
    throttle_writes(rig)
    before = len(rig.broker.calls)
    rig.tick()
    assert "set_protection" not in rig.broker.calls[before:]


def test_a_run_whose_own_time_is_over_sets_nothing_without_the_table(rig):
    """A run that was frozen may have lost its lease: only a write could tell."""
    rig.broker.remove_protection(SYMBOL)
    rig.deadline = ManualDeadline(-1.0)
    throttle_writes(rig)
    rig.tick()
    assert stop_of(rig) is None


def many_positions(count):
    many = {"max_open_positions": 50, "max_orders_per_day": 100, "symbol_cooldown_minutes": 0}
    rig = Rig(settings(**many, max_exposure_fraction=Decimal(3)))
    for number in range(count):
        rig.signal(f"P{number}USDT")
        rig.tick()
        rig.advance(1)
    assert len(rig.broker.positions()) == count
    return rig


def test_many_lost_stops_are_set_together_and_verified_in_one_list():
    rig = many_positions(20)
    for position in rig.broker.positions():
        rig.broker.remove_protection(position.symbol)
    rig.broker.calls.clear()
    rig.tick()
    assert all(one.stop_loss is not None for one in rig.broker.positions())
    assert rig.broker.calls.count("set_protection") == 20
    last = max(n for n, call in enumerate(rig.broker.calls) if call == "set_protection")
    looks = [call for call in rig.broker.calls[:last] if call == "positions"]
    assert looks == ["positions"], "no look in between"


def test_stops_come_before_exits():
    rig = many_positions(3)
    first, _, last = rig.broker.positions()
    rig.advance(30 * 60 - 1)
    rig.broker.remove_protection(last.symbol)
    rig.broker.calls.clear()
    rig.tick()
    assert rig.broker.calls.index("set_protection") < rig.broker.calls.index("place")
    assert first.symbol not in [one.symbol for one in rig.broker.positions()]


def test_a_stop_that_cannot_be_set_is_an_exit_in_the_time_of_one_request(rig):
    rig.broker.remove_protection(SYMBOL)
    rig.broker.fail("set_protection", Rejected("passed", code=10001), times=9)
    rig.deadline = ManualDeadline(6.0)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.STOP_MISSING
    assert list(rig.broker.positions()) == []


def test_a_refused_emergency_exit_goes_again_in_the_same_run(rig):
    rig.broker.remove_protection(SYMBOL)
    rig.broker.fail("set_protection", Rejected("passed", code=10001), times=9)
    rig.broker.fail("place", Rejected("too large", code=110017), times=2)
    report = rig.tick()
    assert list(rig.broker.positions()) == []
    assert report.exits_refused == 2
    assert report.problems_by_cause["order"] == 2


def test_a_trailing_stop_leaves_the_stop_that_a_person_has_moved(rig):
    rig.settings = settings(trailing_stop_fraction=Decimal("0.02"))
    listed = tuple(rig.broker.positions())
    moved = Decimal("1.19")
    rig.broker.position(SYMBOL).stop_loss = moved
    sound = rig.broker.positions
    rig.broker.positions = lambda symbol="": Rows(listed) if not symbol else sound(symbol)
    rig.tick()
    (position,) = sound()
    assert (position.stop_loss, position.trailing_stop is not None) == (moved, True)


def test_a_trailing_stop_that_is_refused_leaves_the_fixed_one_and_is_tried_again():
    rig = Rig(settings(trailing_stop_fraction=Decimal("0.02")))
    sound, refused = rig.broker.set_protection, []

    def refuse(symbol, *, trailing_stop=None, **protection):
        if trailing_stop is not None:
            refused.append(trailing_stop)
            raise Rejected("no trailing stop now", code=1)
        sound(symbol, **protection)

    rig.broker.set_protection = refuse
    rig.opened()
    assert refused
    (position,) = rig.broker.positions()
    assert position.stop_loss is not None
    assert (position.trailing_stop, rig.trade().trailing_stop) == (None, None)
    rig.broker.set_protection = sound
    rig.advance(60)
    rig.tick()
    (position,) = rig.broker.positions()
    assert position.trailing_stop == rig.trade().trailing_stop is not None


# --- whose position it is ------------------------------------------------------------------------


def test_a_strangers_position_never_gets_our_stop(rig):
    """Ours was stopped out, and somebody opened as much on the same side in the same symbol."""
    quantity = rig.trade().quantity
    rig.set_price(1.3)
    rig.broker.open_foreign(SYMBOL, Side.SELL, quantity, Decimal("1.3"))
    rig.broker.calls.clear()
    rig.advance(60)
    rig.tick()
    assert "set_protection" not in rig.broker.calls
    assert stop_of(rig) is None
    assert rig.trade().exit_reason is ExitReason.STOP_LOSS


def test_an_entry_without_an_answer_does_not_take_a_strangers_position_for_its_own():
    rig = Rig()
    rig.signals.publish(peaked())
    rig.broker.fail("place", OutcomeUnknown("read timed out"))
    rig.tick()
    rig.broker.open_foreign(SYMBOL, Side.SELL, rig.trade().quantity, Decimal("1.17"))
    rig.broker.calls.clear()
    for _ in range(12):
        rig.advance(60)
        rig.tick()
    assert "set_protection" not in rig.broker.calls
    assert not [one for one in rig.broker.placed if one.reduce_only]
    assert rig.trade().state is TradeState.DROPPED


def test_a_position_in_hedge_mode_is_a_strangers(rig):
    sound = rig.broker.positions
    theirs = replace(sound()[0], hedge=True, stop_loss=None, quantity=Decimal(7))
    rig.broker.positions = lambda symbol="": Rows((theirs, *sound(symbol)))
    report = rig.tick()
    assert report.foreign_positions == 1
    assert rig.trade().state is TradeState.OPEN
    assert rig.trade().quantity == sound()[0].quantity


# --- rows that cannot be read --------------------------------------------------------------------


def test_a_strangers_unreadable_row_delays_nothing_and_is_counted(rig):
    for named in (True, False):
        row = UnreadableRow("positions", "XUSDT" if named else "", "", "side is ''")
        rig.broker.unreadable = [row]
        rig.broker.remove_protection(SYMBOL)
        report = rig.tick()
        assert stop_of(rig) is not None
        assert report.unreadable == {"positions": 1}
        assert report.problems_by_cause["rows"] >= 1
        rig.advance(60)
    overdue(rig)
    rig.tick()
    assert list(rig.broker.positions()) == []


@pytest.mark.parametrize("named", [True, False])
def test_without_any_row_the_exit_goes_out_at_the_time_limit(rig, named):
    hide_row(rig, named=named, whole=True)
    rig.advance(60)
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    overdue(rig)
    rig.tick()
    assert [one.reduce_only for one in rig.broker.placed] == [False, True]
    assert rig.trade().state is TradeState.CLOSED


def test_ours_holds_back_its_own_trade_only_and_goes_on_after_a_run():
    rig = many_positions(2)
    first, second = rig.broker.positions()
    rig.broker.unreadable = [UnreadableRow("executions", first.symbol, "", "execQty is ''")]
    rig.broker.deleverage(first.symbol, ONE, Decimal("1.17"))
    for position in (first, second):
        rig.broker.remove_protection(position.symbol)
    rig.tick()
    assert stop_of(rig, second.symbol) is not None
    assert rig.trade(first.symbol).unreadable is not None
    rig.advance(60)
    rig.tick()
    assert stop_of(rig, first.symbol) is not None
    assert rig.trade(first.symbol).quantity == first.quantity - 1
    rig.broker.unreadable = []
    rig.broker.deleverage(first.symbol, ONE, Decimal("1.17"))
    rig.advance(60)
    rig.tick()
    assert rig.trade(first.symbol).unreadable is None


def test_after_ten_minutes_the_books_of_a_trade_that_cannot_be_read_are_closed(rig):
    rig.broker.close(SYMBOL, Decimal("1.1"))
    rig.broker.fail("fills", UnreadableAnswer("execution list: execQty is ''"), times=99)
    for _ in range(11):
        assert rig.trade().state is TradeState.OPEN
        rig.advance(60)
        report = rig.tick()
    rig.advance(60)
    report = rig.tick()
    trade = rig.trade()
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.UNEXPLAINED)
    assert "halt" in report.blocked


def test_an_entry_whose_orders_and_fills_cannot_be_read_is_taken_over_by_its_position():
    rig = Rig()
    rig.signals.publish(peaked())
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    for method in ("find_order", "fills"):
        rig.broker.fail(method, UnreadableAnswer("execution list: side is 7"), times=99)
    rig.tick()
    assert rig.trade().state is TradeState.ENTERING
    rig.broker.remove_protection(SYMBOL)
    rig.advance(60)
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    assert stop_of(rig) is not None


def test_an_entry_that_was_stopped_out_before_it_was_seen_is_told_as_opened_and_closed():
    rig = Rig()
    rig.signals.publish(peaked())
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    for method in ("find_order", "fills"):
        rig.broker.fail(method, ExchangeUnavailable("read timed out"), times=5)
    assert rig.tick().opened == []
    rig.set_price(1.3)
    rig.advance(60)
    report = rig.tick()
    trade = rig.trade()
    assert trade.state is TradeState.CLOSED
    assert report.opened == report.closed == [trade]


def test_a_trade_that_the_journal_itself_cannot_give_stops_no_other():
    rig = many_positions(2)
    first, second = rig.broker.positions()
    sound = rig.journal.orders

    def orders(signal_id):
        if signal_id == rig.trade(first.symbol).signal_id:
            raise InvariantBroken("the table's item is no OrderRecord")
        return sound(signal_id)

    rig.journal.orders = orders
    rig.broker.deleverage(first.symbol, ONE, Decimal("1.17"))
    overdue(rig)
    rig.tick()
    assert rig.trade(second.symbol).state is TradeState.CLOSED


# --- halts, time, and what is late ---------------------------------------------------------------


def vanished(rig):
    """Bring the trade to the run that ends it as unexplained."""
    rig.broker.vanish(SYMBOL)
    rig.tick()
    rig.advance(10 * 60 + 1)


def test_a_halt_that_a_fact_demands_is_stored_with_the_fact(rig):
    """Whatever fails after that write, and however the run ends: nothing is opened any more."""
    vanished(rig)

    rig.signals.since = rig.broker.account = failing(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        rig.tick()
    assert rig.trade().exit_reason is ExitReason.UNEXPLAINED
    del rig.signals.since, rig.broker.account
    rig.signal(OTHER)
    report = rig.tick()
    assert (report.opened, "halt" in report.blocked, report.halted) == ([], True, True)


def test_an_end_of_before_the_upgrade_does_not_halt(rig):
    vanished(rig)
    rig.tick()
    rig.save(rig.trade().with_(halts=""))
    assert "halt" not in rig.tick().blocked


def test_a_fill_of_ours_that_no_order_explains_halts(rig):
    rig.save(rig.trade().with_(installation="abc123"))
    rig.broker.fill(SYMBOL, Side.SELL, ONE, Decimal("1.17"), order_id="pw-abc123-en9-x")
    report = rig.tick()
    assert "halt" in report.blocked
    assert rig.trade().halts
    assert rig.trade().state is TradeState.OPEN
    rig.halts.resume(by="operator", time=rig.clock.now(), trades=[rig.trade().signal_id])
    rig.advance(60)
    assert "halt" not in rig.tick().blocked


def test_what_there_was_no_time_for_is_said():
    rig = many_positions(2)
    overdue(rig)
    rig.deadline = ManualDeadline(0.5)
    report = rig.tick()
    assert report.care_missed == 2
    assert report.problems_by_cause["time"] == 2
    assert report.exits_overdue == 0
    rig.advance(120)
    assert rig.tick().exits_overdue == 2


def test_a_position_is_closed_before_its_contract_is_delisted(rig):
    ends = rig.clock.now() + 20 * 60_000
    rig.market.list_instrument(replace(instrument(SYMBOL), delivery_time=ends))
    use_case = rig.use_case()
    for _ in range(12):
        rig.tick(use_case=use_case)
        rig.advance(60)
    assert rig.trade().exit_reason is ExitReason.DELISTING
    assert (rig.trade().exit_time or 0) < ends


def test_positions_that_cannot_be_read_at_all_fail_the_run_after_the_care(rig):
    overdue(rig)
    rig.broker.fail("positions", ExchangeUnavailable("no answer"), times=99)
    with pytest.raises(ExchangeUnavailable):
        rig.tick()
    assert [one.reduce_only for one in rig.broker.placed] == [False, True]


def late_entry(rig):
    """An entry without an answer that is dropped as never placed; return what carries it out."""
    rig.signals.publish(peaked())
    rig.broker.fail("place", OutcomeUnknown("read timed out"))
    sound, requests = rig.broker.place, []
    beside(rig.broker, "place", before=requests.append)
    rig.tick()
    rig.broker.place = sound
    rig.advance(60)
    rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    return lambda: sound(replace(requests[0], send_by=None))


@pytest.mark.parametrize("halted", [False, True])
def test_a_late_entry_is_adopted_with_its_stop_and_its_time_limit(halted):
    rig = Rig()
    carry_out = late_entry(rig)
    carry_out()
    rig.broker.remove_protection(SYMBOL)
    if halted:
        rig.halts.halt(Halt("maintenance", rig.clock.now(), "operator"))
    rig.tick()
    trade = rig.trade()
    assert (trade.state, trade.closes_at) == (TradeState.OPEN, START + 30 * 60_000)
    assert stop_of(rig) == trade.stop_loss
    overdue(rig)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT
    assert list(rig.broker.positions()) == []


def test_a_late_entry_whose_order_cannot_be_read_stays_foreign_and_is_told():
    rig = Rig()
    carry_out = late_entry(rig)
    carry_out()
    rig.journal.database.write("UPDATE orders SET body = json_set(body, '$.outcome', 'undecided')")
    report = rig.tick()
    assert report.foreign_positions == 1
    assert any("is no OrderRecord: outcome" in problem.text for problem in report.problems)


def test_a_late_entry_whose_time_is_over_is_closed_at_once():
    rig = Rig()
    carry_out = late_entry(rig)
    rig.advance(2 * 3600)
    carry_out()
    rig.tick()
    assert list(rig.broker.positions()) == []
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_a_late_entry_beside_a_newer_trade_of_its_symbol_is_closed_at_once():
    rig = Rig(settings(symbol_cooldown_minutes=0))
    carry_out = late_entry(rig)
    rig.advance(60)
    rig.signal(name="newer")
    rig.tick()
    newer = next(one for one in rig.journal.trades_since(0) if one.signal_id == "newer")
    assert newer.state is TradeState.OPEN
    carry_out()
    rig.advance(60)
    report = rig.tick()
    (position,) = rig.broker.positions()
    assert position.quantity == newer.quantity
    late = next(one for one in rig.journal.trades_since(0) if one.signal_id != "newer")
    assert (late.state, late.exit_reason) == (TradeState.CLOSED, ExitReason.LATE_FILL)
    assert report.problems
    for _ in range(3):
        rig.advance(60)
        rig.tick()
    (trade,) = [one for one in rig.journal.trades_since(0) if one.signal_id == "newer"]
    assert (trade.state, trade.quantity) == (TradeState.OPEN, newer.quantity)
    overdue(rig)
    rig.tick()
    results = sum(one.realised_pnl for one in rig.journal.trades_since(0))
    assert results == rig.broker.account().wallet_balance - 10_000


def test_a_position_past_its_stop_that_cannot_be_closed_gets_one_farther_away(rig):
    """The exchange fills market orders only within a limit around the mark price."""
    rig.broker.remove_protection(SYMBOL)
    rig.set_price(1.3)
    rig.broker.fail("place", Rejected("beyond the price limit", code=30208), times=3)
    use_case = rig.use_case()
    rig.tick(use_case=use_case, deadline=ManualDeadline(0.5))
    rig.broker.remove_protection(SYMBOL)
    rig.tick(use_case=use_case)
    stop = stop_of(rig)
    assert stop is not None
    assert stop > Decimal("1.3")
    rig.advance(301)
    rig.tick(use_case=use_case)
    assert list(rig.broker.positions()) == []


@pytest.mark.parametrize("method", ["save", "settle"])
def test_books_that_cannot_be_put_right_keep_no_exit_back(rig, method):
    """The quantity differs and that cannot be stored; the position's time is over all the same."""
    rig.broker.deleverage(SYMBOL, ONE, Decimal("1.17"))
    overdue(rig)
    sound = getattr(rig.journal, method)
    failures = iter([True])

    def store(*arguments, **named):
        if next(failures, False):
            raise StoreUnavailable("throttled")
        sound(*arguments, **named)

    setattr(rig.journal, method, store)
    rig.tick()
    assert list(rig.broker.positions()) == []


def test_unreadable_rows_of_every_list_are_counted(rig):
    rig.broker.deleverage(SYMBOL, ONE, Decimal("1.17"))
    rig.broker.unreadable = [
        UnreadableRow(source, SYMBOL, "", "side is ''") for source in ("executions", "open_orders")
    ]
    rig.broker.fail("account", UnreadableAnswer("wallet-balance: totalEquity is 'x'"))
    report = rig.tick()
    assert report.unreadable.keys() == {"executions", "open_orders", "wallet"}


def test_a_table_that_refuses_writes_keeps_no_stop_from_a_trade_that_can_be_read_again(
    rig,
):
    rig.broker.unreadable = [UnreadableRow("executions", SYMBOL, "", "execQty is ''")]
    rig.broker.deleverage(SYMBOL, ONE, Decimal("1.17"))
    rig.tick()
    assert rig.trade().unreadable is not None
    rig.broker.unreadable = []
    rig.broker.remove_protection(SYMBOL)
    throttle_writes(rig)
    rig.advance(60)
    rig.tick()
    assert stop_of(rig) is not None
