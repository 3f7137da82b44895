"""The trade use case, tick by tick, against the memory adapters."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from support.scripted_market_data import instrument
from support.trading_rig import MINUTE, START, SYMBOL, Rig, changed, peaked, settings

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.market.snapshot import OrderBook
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import FillKind, Leg, Outcome, Side
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import (
    ExchangeForbidden,
    ExchangeUnavailable,
    LeaseHeld,
    LeaseLost,
    OutcomeUnknown,
    Rejected,
    StoreUnavailable,
    UnknownSymbol,
)

Levels = tuple[tuple[Decimal, Decimal], ...]


@pytest.fixture
def rig() -> Rig:
    return Rig()


# --- entries -------------------------------------------------------------------------------


def test_a_peaked_signal_is_shorted_with_its_stop_and_target(rig: Rig) -> None:
    rig.signals.publish(peaked())
    report = rig.tick()
    trade = rig.trade()
    (position,) = rig.broker.positions()
    assert trade.state is TradeState.OPEN
    assert (position.side, position.quantity) == (Side.SELL, trade.quantity)
    assert position.stop_loss == trade.stop_loss == Decimal("1.2360")
    assert position.take_profit == trade.take_profit == Decimal("1.1000")
    assert trade.closes_at == START + 30 * MINUTE
    assert trade.stop_verified is not None
    assert report.opened[0].signal_id == trade.signal_id
    assert report.orders == {(Leg.ENTRY, Outcome.FILLED): 1}
    assert report.stop_verified_seconds == 0.0
    assert (report.open_positions, report.positions_without_stop) == (1, 0)
    assert report.exposure == position.notional
    assert report.equity is not None
    assert report.problems == []
    rig.check_agreement()


def test_a_second_tick_changes_nothing(rig: Rig) -> None:
    rig.opened()
    trade = rig.trade()
    rig.advance(60)
    report = rig.tick()
    assert rig.trade() == trade
    assert len(rig.broker.placed) == 1
    assert (report.repairs, report.happenings, report.signals_seen) == ({}, [], 0)


def test_the_alert_strategy_leaves_no_trace_in_the_journal() -> None:
    rig = Rig(settings(strategy="alert"))
    rig.signals.publish(peaked())
    report = rig.tick()
    assert rig.journal.trades_since(0) == []
    assert rig.broker.placed == []
    assert report.signals_seen == 0


def test_a_fade_does_not_act_on_a_rising_signal(rig: Rig) -> None:
    rig.signals.publish(peaked(phase=Phase.RISING))
    rig.tick()
    assert rig.journal.trades_since(0) == []


def test_ride_buys_a_rising_signal() -> None:
    rig = Rig(settings(strategy="ride"))
    rig.signals.publish(peaked(phase=Phase.RISING))
    rig.tick()
    trade = rig.trade()
    assert (trade.side, trade.state) == (Side.BUY, TradeState.OPEN)
    assert trade.closes_at == START + 3 * MINUTE
    rig.check_agreement()


@pytest.mark.parametrize(
    ("price", "words"),
    [(1.09, "retraced to the target"), (1.24, "above the stop"), (1.236, "above the stop")],
)
def test_a_fade_whose_price_has_run_away_is_denied_once(rig: Rig, price: float, words: str) -> None:
    rig.set_price(price)
    rig.signals.publish(peaked())
    report = rig.tick()
    trade = rig.trade()
    assert trade.state is TradeState.DROPPED
    assert words in trade.denial
    assert report.orders == {(Leg.ENTRY, Outcome.DENIED): 1}
    assert rig.broker.placed == []
    assert rig.tick().orders == {}


def test_an_old_signal_is_not_traded(rig: Rig) -> None:
    rig.signals.publish(peaked(time=START - 91_000))
    rig.tick()
    assert rig.journal.trades_since(0) == []


def test_a_symbol_with_a_foreign_position_is_left_alone(rig: Rig) -> None:
    rig.broker.open_foreign(SYMBOL, Side.BUY, Decimal(7), Decimal("1.17"))
    rig.signals.publish(peaked())
    report = rig.tick()
    assert "not ours" in rig.trade().denial
    assert report.foreign_positions == 1
    assert report.open_positions == 0
    (position,) = rig.broker.positions()
    assert position.quantity == 7
    assert position.stop_loss is None


def test_a_symbol_with_a_live_trade_is_not_entered_again(rig: Rig) -> None:
    rig.opened()
    rig.signals.publish(changed(peaked(), signal_id="other", event_id="other"))
    rig.tick()
    other = rig.journal.trade("other")
    assert other is not None
    assert "still live" in other.denial
    assert len(rig.entries_sent()) == 1


def test_the_exposure_cap_holds_over_several_signals_of_one_tick() -> None:
    rig = Rig(settings(max_exposure_fraction=Decimal("0.08")))
    for number in range(4):
        symbol = f"P{number}USDT"
        rig.market.list_instrument(instrument(symbol))
        rig.set_price(1.17, symbol)
        rig.signals.publish(peaked(symbol))
    report = rig.tick()
    assert report.exposure <= Decimal(800)
    assert report.open_positions == 2
    assert len(report.denied) == 2
    assert all("the limits allow" in one.denial for one in report.denied)
    rig.check_agreement()


def test_open_positions_are_limited() -> None:
    rig = Rig(settings(max_open_positions=1))
    for symbol in ("AUSDT", "BUSDT"):
        rig.market.list_instrument(instrument(symbol))
        rig.set_price(1.17, symbol)
        rig.signals.publish(peaked(symbol))
    report = rig.tick()
    assert report.open_positions == 1
    assert (report.denied, report.signals_unopened) == ([], 1)
    assert rig.market.calls.count("order_book") == 1


def test_orders_per_day_are_limited_and_exits_are_not() -> None:
    rig = Rig(settings(max_orders_per_day=1))
    rig.opened()
    rig.market.list_instrument(instrument("BUSDT"))
    rig.set_price(1.17, "BUSDT")
    rig.signals.publish(peaked("BUSDT"))
    report = rig.tick()
    assert "1 orders were intended" in report.denied[0].denial
    rig.advance(31 * 60)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_an_unlisted_symbol_is_denied(rig: Rig) -> None:
    rig.market.delist(SYMBOL)
    rig.signals.publish(peaked())
    rig.tick()
    assert "does not list" in rig.trade().denial


def test_a_book_that_cannot_be_read_leaves_the_signal_for_the_next_tick(rig: Rig) -> None:
    rig.signals.publish(peaked())
    rig.market.failures[SYMBOL] = ExchangeUnavailable("slow down")
    report = rig.tick()
    assert rig.journal.trades_since(0) == []
    assert "slow down" in report.problems[0].text
    rig.market.failures.clear()
    rig.tick()
    assert rig.trade().state is TradeState.OPEN


ONE = Decimal(1)


@pytest.mark.parametrize(
    ("bids", "asks", "words"),
    [
        ((), ((ONE, ONE),), "one side"),
        (((ONE, ONE),), (), "one side"),
        (((ONE * 2, ONE),), ((ONE, ONE),), "crossed"),
        (((Decimal(0), ONE),), ((ONE, ONE),), "crossed"),
    ],
)
def test_a_book_that_cannot_be_traded_is_denied(
    rig: Rig, bids: Levels, asks: Levels, words: str
) -> None:
    rig.signals.publish(peaked())
    rig.market.set_book(OrderBook(SYMBOL, START, bids, asks))
    rig.tick()
    assert words in rig.trade().denial


def test_a_wide_spread_is_denied(rig: Rig) -> None:
    rig.signals.publish(peaked())
    levels = (((Decimal("1.15"), ONE),), ((Decimal("1.18"), ONE),))
    rig.market.set_book(OrderBook(SYMBOL, START, *levels))
    rig.tick()
    assert "spread" in rig.trade().denial


def test_an_unknown_funding_rate_is_denied(rig: Rig) -> None:
    rig.set_price(1.17, funding_rate=float("nan"))
    rig.signals.publish(peaked())
    rig.tick()
    assert "funding" in rig.trade().denial


def test_a_symbol_without_a_price_is_denied(rig: Rig) -> None:
    rig.market.failures[SYMBOL] = UnknownSymbol("not listed")
    rig.signals.publish(peaked())
    rig.tick()
    assert "no price" in rig.trade().denial


@pytest.mark.parametrize("method", ["account", "snapshot"])
def test_an_unreadable_account_or_market_leaves_the_signal_for_the_next_tick(
    rig: Rig, method: str
) -> None:
    rig.signals.publish(peaked())
    rig.broker.fail("account", ExchangeUnavailable("no answer"), times=method == "account")
    rig.market.failures = {method: ExchangeUnavailable("no answer")}
    report = rig.tick()
    assert rig.journal.trades_since(0) == []
    assert any("no answer" in one.text for one in report.problems)
    assert report.signals_unopened == 1
    rig.market.failures = {}
    rig.tick()
    assert rig.trade().state is TradeState.OPEN


def test_a_full_account_opens_nothing_and_writes_nothing(rig: Rig) -> None:
    rig.broker.open_foreign("BUSDT", Side.BUY, Decimal(6000), ONE)
    rig.signals.publish(peaked())
    report = rig.tick()
    assert report.signals_unopened == 1
    assert any("exposure" in one.text for one in report.happenings)
    assert rig.journal.trades_since(0) == []


def test_an_entry_is_followed_through_a_failing_read(rig: Rig) -> None:
    rig.signals.publish(peaked())
    rig.broker.fail("fills", ExchangeUnavailable("no answer"), times=2)
    report = rig.tick()
    assert rig.trade().state is TradeState.OPEN
    assert len(report.problems) == 2
    assert len(rig.waits) == 2
    rig.check_agreement()


def test_an_entry_that_the_exchange_refuses_is_dropped(rig: Rig) -> None:
    rig.signals.publish(peaked())
    rig.broker.fail("place", Rejected("ab not enough for new order", code=110007))
    report = rig.tick()
    trade = rig.trade()
    assert trade.state is TradeState.DROPPED
    assert "ab not enough" in trade.denial
    assert report.orders == {(Leg.ENTRY, Outcome.REJECTED): 1}
    rig.tick()
    assert len(rig.entries_sent()) == 0


def test_a_refused_leverage_denies_the_entry(rig: Rig) -> None:
    rig.signals.publish(peaked())
    rig.broker.fail("set_leverage", Rejected("risk limit", code=110013))
    rig.tick()
    assert "leverage was refused" in rig.trade().denial


def test_a_partial_fill_counts_at_what_was_filled(rig: Rig) -> None:
    rig.broker.fill_fraction = Decimal("0.25")
    rig.opened()
    (position,) = rig.broker.positions()
    (order,) = rig.journal.orders(rig.trade().signal_id)
    assert rig.trade().quantity == position.quantity == order.request.quantity / 4
    assert order.filled_quantity == position.quantity
    rig.check_agreement()


def test_an_entry_without_any_fill_is_dropped(rig: Rig) -> None:
    rig.broker.fill_fraction = Decimal(0)
    rig.signals.publish(peaked())
    report = rig.tick()
    assert rig.trade().state is TradeState.DROPPED
    assert report.orders == {(Leg.ENTRY, Outcome.REJECTED): 1}


def test_too_little_time_leaves_the_entry_to_the_next_tick(rig: Rig) -> None:
    rig.signals.publish(peaked())
    rig.deadline.seconds = 8
    report = rig.tick()
    assert "too little time" in report.problems[0].text
    assert report.signals_unopened == 1
    assert rig.broker.placed == []
    assert rig.journal.trades_since(0) == []
    rig.deadline.seconds = 25
    rig.tick()
    assert rig.trade().state is TradeState.OPEN


def test_threads_give_the_same_result_as_one_after_another() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as executor:
        threaded = Rig(executor=executor).opened()
    plain = Rig().opened()
    assert threaded.trade() == plain.trade()
    threaded.check_agreement()


# --- halted, stale, live --------------------------------------------------------------------


def test_a_halt_stops_entries_and_exits_go_on(rig: Rig) -> None:
    rig.opened()
    rig.halts.halt(Halt("a person looks", START))
    rig.market.list_instrument(instrument("BUSDT"))
    rig.set_price(1.17, "BUSDT")
    rig.advance(31 * 60)
    rig.signals.publish(peaked("BUSDT", time=rig.clock.now()))
    report = rig.tick()
    assert report.halted
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT
    assert len(rig.entries_sent()) == 1


def test_a_stale_tick_opens_nothing_and_its_exits_still_run(rig: Rig) -> None:
    rig.opened()
    rig.advance(31 * 60)
    rig.market.list_instrument(instrument("BUSDT"))
    rig.set_price(1.17, "BUSDT")
    rig.signals.publish(peaked("BUSDT", time=rig.clock.now()))
    report = rig.tick(late=91)
    assert report.stale
    assert rig.trade().state is TradeState.CLOSED
    assert len(rig.entries_sent()) == 1


def test_an_unreadable_halt_flag_stops_entries_and_exits_go_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.opened()
    rig.advance(31 * 60)

    def fail() -> Halt | None:
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(rig.halts, "current", fail)
    report = rig.tick()
    assert rig.trade().state is TradeState.CLOSED
    assert "no answer" in report.blocked["stores"]


LIVE = {
    "trading_mode": "live",
    "strategy": "fade",
    "bybit_secret_arn": "arn:aws:secretsmanager:eu-central-1:1:secret:key",
}


def live_rig(**access: object) -> Rig:
    rig = Rig(settings(**LIVE, live_trading_confirmation="10001"))
    rig.broker.access_facts = replace(rig.broker.access_facts, **access)  # type: ignore[arg-type]
    rig.signals.publish(peaked())
    return rig


@pytest.mark.parametrize(
    ("access", "words"),
    [
        ({"account": "777"}, "LIVE_TRADING_CONFIRMATION"),
        ({"may_move_funds": True}, "withdraw or transfer"),
        ({"read_only": True}, "read-only"),
        ({"may_trade": False}, "lacks the right"),
    ],
)
def test_live_trading_refuses_a_key_that_must_not_be_used(
    access: dict[str, object], words: str
) -> None:
    rig = live_rig(**access)
    report = rig.tick()
    assert rig.broker.placed == []
    assert words in report.blocked["access"]
    assert any(words in one.text for one in report.problems)
    assert rig.journal.trades_since(0) == []


def test_exits_run_with_a_key_that_must_not_be_used() -> None:
    rig = live_rig()
    assert rig.tick().opened
    rig.broker.access_facts = replace(rig.broker.access_facts, may_move_funds=True)
    rig.advance(61 * 60)
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT
    assert "access" in report.blocked


def test_a_key_that_cannot_be_checked_opens_nothing() -> None:
    rig = live_rig()
    rig.broker.fail("access", ExchangeUnavailable("no answer"))
    report = rig.tick()
    assert rig.broker.placed == []
    assert "not known yet" in report.blocked["access"]
    assert rig.tick().opened


def test_the_end_of_a_keys_life_is_reported_and_warned_of() -> None:
    ends = START + 3 * 86_400_000
    rig = live_rig(expires=ends, bound_to_addresses=False)
    report = rig.tick()
    assert report.key_expires == ends
    warned = [one.text for one in report.happenings if one.kind == "warning"]
    assert len(warned) == 2
    assert report.opened


def test_the_key_is_checked_once_an_hour() -> None:
    rig = Rig(settings(**LIVE, live_trading_confirmation="10001"))
    use_case = rig.use_case()
    for minutes, asked in ((0, 1), (1, 1), (58, 1), (2, 2)):
        rig.advance(minutes * 60)
        use_case.run(_Tick(rig.clock.now(), str(minutes)), rig.deadline)
        assert rig.broker.calls.count("access") == asked


class _Tick:
    def __init__(self, scheduled_time: int, execution_id: str) -> None:
        self.scheduled_time = scheduled_time
        self.execution_id = execution_id


# --- exits and closes -----------------------------------------------------------------------


def test_the_time_limit_closes_at_market_reduce_only(rig: Rig) -> None:
    rig.opened()
    rig.set_price(1.15)
    rig.advance(30 * 60)
    report = rig.tick()
    exit_order = rig.broker.placed[-1]
    trade = rig.trade()
    assert exit_order.reduce_only
    assert exit_order.quantity == trade.quantity
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.TIME_LIMIT)
    assert trade.exit_price == Decimal("1.15")
    assert report.wins == 1
    assert report.orders == {(Leg.EXIT, Outcome.FILLED): 1}
    rig.check_agreement()


@pytest.mark.parametrize(
    ("price", "reason", "wins"),
    [(1.3, ExitReason.STOP_LOSS, 0), (1.05, ExitReason.TAKE_PROFIT, 1)],
)
def test_a_close_on_the_exchange_is_recognised_from_its_fills(
    rig: Rig, price: float, reason: ExitReason, wins: int
) -> None:
    rig.opened()
    rig.advance(20)
    rig.broker.charge_funding(SYMBOL, Decimal("0.25"))
    rig.set_price(price)
    report = rig.tick()
    trade = rig.trade()
    gross = trade.quantity * (Decimal("1.17") - (trade.exit_price or 0))
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, reason)
    assert trade.funding == Decimal("0.25")
    assert trade.realised_pnl == gross - trade.fees - trade.funding
    assert (report.wins, report.repairs) == (wins, {})
    assert report.realised_pnl == trade.realised_pnl
    account = rig.broker.account()
    assert account.equity == Decimal(10_000) + trade.realised_pnl


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FillKind.LIQUIDATION, ExitReason.LIQUIDATION),
        (FillKind.AUTO_DELEVERAGING, ExitReason.AUTO_DELEVERAGING),
        (FillKind.SETTLEMENT, ExitReason.SETTLEMENT),
        (FillKind.TRADE, ExitReason.MANUAL),
    ],
)
def test_a_close_by_others_gets_its_reason(rig: Rig, kind: FillKind, reason: ExitReason) -> None:
    rig.opened()
    rig.broker.close(SYMBOL, Decimal("1.2"), kind=kind)
    rig.tick()
    assert (rig.trade().state, rig.trade().exit_reason) == (TradeState.CLOSED, reason)


def test_a_partly_closed_position_is_resized(rig: Rig) -> None:
    rig.opened()
    before = rig.trade().quantity
    rig.broker.open_foreign(SYMBOL, Side.BUY, Decimal(100), Decimal("1.16"))
    report = rig.tick()
    assert rig.trade().quantity == before - 100
    assert report.repairs == {"resized": 1}
    (note,) = rig.journal.repairs(rig.trade().signal_id)
    assert (note.kind, note.time) == ("resized", rig.clock.now())
    rig.check_agreement()


def test_an_exit_that_fills_in_parts_is_repeated_under_new_ids(rig: Rig) -> None:
    rig.opened()
    rig.advance(30 * 60)
    rig.broker.fill_fraction = Decimal("0.5")
    rig.tick()
    rig.broker.fill_fraction = Decimal(1)
    rig.advance(60)
    rig.tick()
    exits = [one for one in rig.broker.placed if one.reduce_only]
    assert len(exits) == 4
    assert len({one.order_id for one in exits}) == 4
    assert rig.trade().state is TradeState.CLOSED
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT
    rig.check_agreement()


def test_an_exit_without_trace_goes_again_under_the_next_attempt(rig: Rig) -> None:
    rig.opened()
    rig.advance(30 * 60)
    rig.broker.fail("place", OutcomeUnknown("read timed out"))
    report = rig.tick()
    assert rig.trade().state is TradeState.EXITING
    assert report.unknown_orders == 1
    assert report.orders == {(Leg.EXIT, Outcome.UNKNOWN): 1}
    rig.advance(5)
    rig.tick()
    assert len(rig.broker.placed) == 1
    rig.advance(30)
    rig.tick()
    trade = rig.trade()
    assert (trade.state, trade.exit_attempt) == (TradeState.CLOSED, 1)
    rig.check_agreement()


def test_an_exit_whose_answer_was_lost_is_not_sent_twice(rig: Rig) -> None:
    rig.opened()
    rig.advance(30 * 60)
    rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    rig.tick()
    assert sum(one.reduce_only for one in rig.broker.placed) == 1
    assert rig.trade().state is TradeState.CLOSED
    rig.check_agreement()


def test_too_little_time_leaves_the_exit_to_the_next_tick(rig: Rig) -> None:
    rig.opened()
    rig.advance(30 * 60)
    rig.deadline.seconds = 2
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    rig.deadline.seconds = 25
    rig.tick()
    assert rig.trade().state is TradeState.CLOSED


def test_one_trades_failure_does_not_touch_the_others(rig: Rig) -> None:
    rig.market.list_instrument(instrument("AUSDT"))
    rig.set_price(1.17, "AUSDT")
    rig.signals.publish(peaked("AUSDT"))
    rig.signals.publish(peaked())
    rig.tick()
    rig.advance(30 * 60)
    rig.broker.fail("place", Rejected("reduce only", code=110023))
    report = rig.tick()
    assert rig.trade("AUSDT").state is TradeState.OPEN
    assert rig.trade().state is TradeState.CLOSED
    assert report.orders[Leg.EXIT, Outcome.REJECTED] == 1
    rig.advance(60)
    rig.tick()
    assert rig.trade("AUSDT").state is TradeState.CLOSED


def test_an_exit_that_is_refused_again_and_again_is_tried_every_few_minutes(rig: Rig) -> None:
    rig.opened()
    rig.advance(30 * 60)
    rig.broker.fail("place", Rejected("halted", code=110023), times=2)
    refused = 0
    for _ in range(2):
        refused += rig.tick().orders[Leg.EXIT, Outcome.REJECTED]
        rig.advance(60)
    assert refused == 2
    assert rig.tick().orders == {}
    rig.advance(4 * 60)
    rig.tick()
    assert rig.trade().state is TradeState.CLOSED


def test_exits_run_when_the_account_cannot_be_read(rig: Rig) -> None:
    rig.opened()
    rig.advance(30 * 60)
    rig.broker.fail("account", ExchangeUnavailable("no answer"), times=2)
    report = rig.tick()
    assert rig.trade().state is TradeState.CLOSED
    assert report.equity is None


# --- stops ----------------------------------------------------------------------------------


def test_a_missing_stop_is_set(rig: Rig) -> None:
    rig.broker.drop_stops = True
    rig.signals.publish(peaked())
    report = rig.tick()
    (position,) = rig.broker.positions()
    assert position.stop_loss == Decimal("1.2360")
    assert position.take_profit == Decimal("1.1000")
    assert report.repairs == {"stop_set": 1}
    assert report.positions_without_stop == 0
    assert rig.trade().stop_verified is not None
    rig.check_agreement()


def test_entry_without_stop_is_closed_at_market(rig: Rig) -> None:
    rig.broker.drop_stops = True
    rig.signals.publish(peaked())
    rig.broker.fail("set_protection", Rejected("price has passed", code=10001))
    report = rig.tick()
    trade = rig.trade()
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.STOP_MISSING)
    assert list(rig.broker.positions()) == []
    assert any("not set" in one.text for one in report.problems)
    rig.check_agreement()


def test_a_stop_whose_setting_gave_no_answer_but_stands_is_kept(rig: Rig) -> None:
    rig.broker.drop_stops = True
    rig.signals.publish(peaked())
    rig.broker.fail("set_protection", OutcomeUnknown("timed out"), after=True)
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()


def test_a_stop_that_somebody_removed_is_set_again(rig: Rig) -> None:
    rig.opened()
    rig.broker.remove_protection(SYMBOL)
    rig.advance(60)
    report = rig.tick()
    assert report.repairs == {"stop_set": 1}
    rig.check_agreement()


def test_a_position_that_has_passed_its_missing_stop_is_closed(rig: Rig) -> None:
    rig.opened()
    rig.broker.remove_protection(SYMBOL)
    rig.set_price(1.4)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.STOP_MISSING
    assert list(rig.broker.positions()) == []


# --- the lease and the ports that fail -------------------------------------------------------


def test_a_run_waits_three_seconds_for_the_lease_and_reports_busy(rig: Rig) -> None:
    rig.leases.acquire("trade", owner="another", seconds=30)
    rig.signals.publish(peaked())
    report = rig.tick()
    assert report.busy
    assert sum(rig.waits) == pytest.approx(3.0)
    assert rig.broker.calls == []


def test_a_run_takes_over_a_lease_that_is_given_back_meanwhile(rig: Rig) -> None:
    rig.leases.acquire("trade", owner="another", seconds=1)
    rig.signals.publish(peaked())
    assert not rig.tick().busy
    assert rig.trade().state is TradeState.OPEN


def test_the_lease_outlives_the_run_by_five_seconds(rig: Rig) -> None:
    taken: list[float] = []
    acquire = rig.leases.acquire
    rig.leases.acquire = lambda name, *, owner, seconds: (  # type: ignore[method-assign]
        taken.append(seconds) or acquire(name, owner=owner, seconds=seconds)  # type: ignore[func-returns-value]
    )
    rig.deadline.seconds = 20
    rig.tick()
    rig.deadline.seconds = float("inf")
    rig.tick()
    assert taken == [25, 30]


def test_the_report_is_published_while_the_lease_is_held(rig: Rig) -> None:
    published: list[object] = []

    def publish(report: object) -> None:
        with pytest.raises(LeaseHeld):
            rig.leases.acquire("trade", owner="another", seconds=1)
        published.append(report)

    report = rig.use_case().run(_Tick(START, "run"), rig.deadline, publish=publish)
    assert published == [report]


def test_a_lost_lease_sends_nothing() -> None:
    rig = Rig(settings(max_data_age_seconds=60))
    rig.signals.publish(peaked())
    set_leverage = rig.broker.set_leverage

    def lose_the_lease(symbol: str, leverage: Decimal) -> None:
        set_leverage(symbol, leverage)
        rig.advance(31)
        rig.leases.acquire("trade", owner="another", seconds=30)

    rig.broker.set_leverage = lose_the_lease  # type: ignore[method-assign]
    with pytest.raises(LeaseLost):
        rig.tick()
    assert rig.broker.placed == []


def test_the_lease_is_given_back_when_the_exchange_forbids(rig: Rig) -> None:
    rig.broker.fail("positions", ExchangeForbidden("HTTP 403"))
    with pytest.raises(ExchangeForbidden):
        rig.tick()
    assert not rig.tick().busy


def test_a_forbidden_account_is_never_taken_for_a_passing_failure(rig: Rig) -> None:
    rig.broker.fail("account", ExchangeForbidden("HTTP 403"))
    with pytest.raises(ExchangeForbidden):
        rig.tick()


def test_from_signal_to_acknowledgement_a_warm_run_makes_four_rounds(rig: Rig) -> None:
    """Reads of one round are started together: positions, reads, leverage, order."""
    use_case = rig.use_case()
    use_case.run(_Tick(START, "warm-up"), rig.deadline)
    rig.signals.publish(peaked())
    rig.broker.calls.clear()
    rig.market.calls.clear()
    use_case.run(_Tick(START, "entry"), rig.deadline)
    calls = rig.broker.calls
    before = calls[: calls.index("place") + 1]
    assert rig.market.calls == ["snapshot", "order_book"]
    assert before == ["positions", "open_orders", "account", "set_leverage", "place"]


def test_contracts_are_read_once_an_hour(rig: Rig) -> None:
    use_case = rig.use_case()
    for number in range(3):
        use_case.run(_Tick(rig.clock.now(), f"tick-{number}"), rig.deadline)
        rig.advance(60)
    assert rig.market.calls.count("instruments") == 1
    rig.advance(3600)
    use_case.run(_Tick(rig.clock.now(), "later"), rig.deadline)
    assert rig.market.calls.count("instruments") == 2


def test_a_contract_listed_since_the_last_reading_is_found(rig: Rig) -> None:
    use_case = rig.use_case()
    use_case.run(_Tick(START, "before"), rig.deadline)
    rig.advance(90)
    rig.market.list_instrument(instrument("NEWUSDT"))
    rig.set_price(1.17, "NEWUSDT")
    rig.signals.publish(peaked("NEWUSDT", time=rig.clock.now()))
    use_case.run(_Tick(rig.clock.now(), "after"), rig.deadline)
    assert rig.trade("NEWUSDT").state is TradeState.OPEN


def test_realised_profit_survives_cold_starts_and_warm_runs() -> None:
    rig = Rig(settings(symbol_cooldown_minutes=0))
    warm = rig.use_case()
    total = Decimal(0)
    for number in range(3):
        rig.set_price(1.17)
        event = changed(peaked(time=rig.clock.now()), signal_id=f"s{number}", event_id=f"e{number}")
        rig.signals.publish(event)
        for minute in range(5):
            warm.run(_Tick(rig.clock.now(), f"in-{number}-{minute}"), rig.deadline)
            rig.advance(60)
        rig.set_price(1.05)
        report = warm.run(_Tick(rig.clock.now(), f"out-{number}"), rig.deadline)
        total += report.closed[0].realised_pnl
        assert report.realised_pnl == total
        rig.advance(300)
    assert rig.tick().realised_pnl == total
    assert total > 0
