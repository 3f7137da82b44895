"""Limits at the very figure they name, funding, sizing, and the sentence that a denial gives."""

from dataclasses import replace
from decimal import Decimal

import pytest
from support.scripted_market_data import instrument
from support.trading_facts import position, record, status, trade
from support.trading_rig import settings

from pumpwatch.domain.trading.funding import FundingTerms, funding_cost, fundings_until
from pumpwatch.domain.trading.limits import (
    Book,
    check_account,
    check_plan,
    check_symbol,
)
from pumpwatch.domain.trading.orders import Account, Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan, Quote, SizedEntry
from pumpwatch.domain.trading.sizing import size_entry
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.usecases.trade.entries import limits_from

D = Decimal
QUOTE = Quote(bid=D(99), ask=D(101), last=D(100), mark=D(100))
SHORT = EntryPlan(Side.SELL, D(110), D(90), 1_000)
LONG = EntryPlan(Side.BUY, D(90), D(110), 1_000)
FREE = FundingTerms(D(0), 10**9, 1_000)
LIMITS = replace(
    limits_from(settings()),
    max_spread=D("0.02"),
    leverage=D(2),
    max_funding_fraction=D("0.01"),
    liquidation_margin=D("0.05"),
    slippage_tolerance=D("0.01"),
)
CONTRACT = instrument("AUSDT", max_leverage=D(2), tick_size=D("0.5"), quantity_step=D("0.1"))


def checked(plan=SHORT, quote=QUOTE, funding=FREE, limits=LIMITS, now=0):
    return check_plan(plan, quote, CONTRACT, funding, limits, now=now)


def test_a_plan_may_be_exactly_at_every_limit():
    dear = FundingTerms(D("-0.01"), 500, 1_000)
    assert checked(funding=dear) is None
    assert QUOTE.spread == LIMITS.max_spread


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quote": replace(QUOTE, ask=D("101.01"))}, "the spread of 0.0201 is above 0.02"),
        (
            {"limits": replace(LIMITS, leverage=D("2.1"))},
            "the contract allows a leverage of 2 at most",
        ),
        (
            {"funding": None},
            "funding is not known: its rate, its next time or its interval is missing",
        ),
        (
            {"funding": FundingTerms(D("-0.0101"), 500, 1_000)},
            "funding due within the time limit costs 0.0101 of the notional, more than 0.01",
        ),
        (
            {"funding": FundingTerms(D("-0.006"), 500, 400)},
            "funding due within the time limit costs 0.0120 of the notional, more than 0.01",
        ),
    ],
)
def test_a_plan_beyond_a_limit_is_denied_with_the_figures(changes, sentence):
    assert checked(**changes) == Denied(sentence)


def test_an_entry_must_end_ten_minutes_before_its_contract_is_delisted():
    """The plan lasts a second."""
    for end, passes in ((5_000 + 1_000 + 600_001, True), (5_000 + 1_000 + 600_000, False)):
        contract = replace(CONTRACT, delivery_time=end)
        denied = check_plan(SHORT, QUOTE, contract, FREE, LIMITS, now=5_000)
        assert (denied is None) is passes


def test_fundings_are_counted_from_now_on():
    dear = FundingTerms(D("-0.02"), 5_000, 10_000)
    assert checked(funding=dear, now=3_999) is None
    assert checked(funding=dear, now=4_000) is not None


@pytest.mark.parametrize(
    ("plan", "edge", "step"),
    [
        # Room: 1/2 - 0.05 - 0.05 = 0.4, from the worst price a fill can have.
        (SHORT, D(99) * D("0.99") * D("1.4"), D("0.001")),
        (LONG, D(101) * D("1.01") * D("0.6"), D("-0.001")),
    ],
)
def test_a_stop_may_lie_at_the_edge_of_the_room_before_liquidation(plan, edge, step):
    assert checked(replace(plan, stop_loss=edge)) is None
    sentence = "the stop lies too near to the liquidation price, or beyond it"
    assert checked(replace(plan, stop_loss=edge + step)) == Denied(sentence)


def test_a_full_account_is_denied_with_its_figures():
    limits = replace(LIMITS, max_open_positions=2, max_exposure_fraction=D("0.5"))
    free = Book(equity=D(100), available=D(100), exposure=D("49.9"), open_trades=1)
    assert check_account(free, limits) is None
    assert check_account(replace(free, equity=D("0.01"), exposure=D(0)), limits) is None
    assert check_account(replace(free, equity=D(0)), limits) == Denied("the account has no equity")
    assert check_account(replace(free, open_trades=2), limits) == Denied(
        "2 positions are open, as many as allowed"
    )
    assert check_account(replace(free, exposure=D(50)), limits) == Denied(
        "the exposure has reached its cap"
    )


def test_a_taken_symbol_is_denied_by_what_takes_it():
    nothing = {"trades": [], "positions": [], "open_orders": []}
    ours = Denied("another trade of this symbol is still live")
    theirs = Denied("the account holds a position in this symbol that is not ours")
    order = Denied("the account has an open order in this symbol that is not ours")
    over = trade(state=TradeState.CLOSED)
    assert check_symbol("AUSDT", **{**nothing, "open_orders": [status(record())]}) == order
    assert check_symbol("AUSDT", **{**nothing, "trades": [over, trade()]}) == ours
    assert check_symbol("AUSDT", **{**nothing, "positions": [position()]}) == theirs
    assert check_symbol("BUSDT", **{**nothing, "trades": [trade()]}) is None


@pytest.mark.parametrize("state", list(TradeState))
def test_a_live_trade_keeps_its_symbol_although_no_list_shows_it(state):
    nothing = {"positions": [], "open_orders": []}
    denied = check_symbol("AUSDT", trades=[trade(state=state)], **nothing)
    assert isinstance(denied, Denied) == state.live


def test_the_book_takes_the_dearest_price_it_knows_for_what_is_not_listed():
    """60 of 100 are listed; of the rest the planned price is the dearest that is known."""
    coming = trade(
        state=TradeState.ENTERING,
        entry_price=D(2),
        planned_price=D(3),
        signal_price=D(1),
    )
    over = trade(state=TradeState.DROPPED, symbol="BUSDT")
    held = position(quantity=D(60), mark_price=D(1))
    book = Book.of(Account(D(7), D(5)), [held], [coming, over])
    assert book == Book(equity=D(7), available=D(5), exposure=D(60) + 40 * 3, open_trades=1)
    more = position(quantity=D(130), mark_price=D(1))
    assert Book.of(Account(D(7), D(5)), [more], [coming]).exposure == 130


def test_the_book_counts_entries_on_their_way_at_their_planned_size():
    coming = trade(
        symbol="BUSDT", state=TradeState.ENTERING, quantity=D(50), planned_price=D("1.3")
    )
    book = Book.of(Account(D(1000), D(900)), [position()], [trade(), coming])
    assert book.exposure == D(110) + D(65)
    assert book.open_trades == 2


def test_an_open_position_that_the_list_does_not_show_counts_all_the_same():
    """The list of positions can lag behind a fill that the journal knows."""
    unseen = trade(state=TradeState.OPEN, quantity=D(50), entry_price=D("1.3"))
    book = Book.of(Account(D(1000), D(900)), [], [unseen])
    assert book.exposure == D(65)
    assert book.open_trades == 1


@pytest.mark.parametrize(
    ("next_time", "until", "count"),
    [(100, 99, 0), (100, 100, 1), (100, 149, 1), (100, 150, 2), (5, 10, 1), (0, 10, 1), (0, 60, 2)],
)
def test_fundings_are_counted_up_to_the_time_limit(next_time, until, count):
    assert fundings_until(FundingTerms(D(1), next_time, 50), 10, until) == count


def test_an_interval_of_nothing_is_taken_as_a_millisecond():
    assert fundings_until(FundingTerms(D(1), 10, 0), 0, 12) == 3


def test_shorts_pay_a_negative_rate_and_longs_a_positive_one():
    terms = FundingTerms(D("-0.01"), 10, 100)
    assert funding_cost(terms, Side.SELL, 0, 50) == D("0.01")
    assert funding_cost(terms, Side.BUY, 0, 50) == D("-0.01")


RICH = Book(equity=D(10**6), available=D(10**6), exposure=D(0), open_trades=0)
LOOSE = replace(
    LIMITS,
    max_notional_usdt=D(10**6),
    max_exposure_fraction=D(1),
    risk_fraction=D("0.001"),
    taker_fee=D("0.001"),
)


def sized(plan, *, book=RICH, limits=LOOSE, contract=None, quote=QUOTE):
    return size_entry(plan, quote, contract or CONTRACT, book, limits, now=77)


def test_an_entry_is_sized_by_what_it_loses_from_the_worst_fill_to_its_stop():
    lowest, highest = D("98.5"), D(102)  # 99 x 0.99 and 101 x 1.01, to the tick toward the book
    sell_loss = 110 - lowest + D("0.001") * (110 + lowest)
    buy_loss = highest - 90 + D("0.001") * (90 + highest)
    cases = (
        (SHORT, sell_loss, D(99), lowest, D(101) * D("1.01")),
        (LONG, buy_loss, D(101), highest, highest),
    )
    for plan, loss, best, bound, dearest in cases:
        quantity = (1000 / loss).quantize(D("0.1"), rounding="ROUND_FLOOR")
        assert sized(plan) == SizedEntry(
            side=plan.side,
            quantity=quantity,
            stop_loss=plan.stop_loss,
            take_profit=plan.take_profit,
            planned_price=best,
            limit_price=bound,
            notional=quantity * dearest,
            risk=quantity * loss,
            closes_at=1_077,
        )


def test_the_margin_holds_both_fees_at_the_dearest_price():
    poor = replace(RICH, available=D("1000"))
    entry = sized(SHORT, book=poor)
    assert isinstance(entry, SizedEntry)
    margin = D(101) * D("1.01") * (D("0.5") + 2 * D("0.001"))
    assert entry.quantity == (1000 / margin).quantize(D("0.1"), rounding="ROUND_FLOOR")


def test_the_exposure_that_is_there_leaves_less_room():
    busy = replace(RICH, exposure=D(10**6) - 1000)
    entry = sized(SHORT, book=busy)
    assert isinstance(entry, SizedEntry)
    assert entry.quantity == D("9.8")


def test_stop_and_target_are_moved_toward_the_entry_by_the_tick():
    short = sized(replace(SHORT, stop_loss=D("110.4"), take_profit=D("89.6")))
    long = sized(replace(LONG, stop_loss=D("89.6"), take_profit=D("110.4")))
    assert isinstance(short, SizedEntry)
    assert isinstance(long, SizedEntry)
    assert (short.stop_loss, short.take_profit) == (D(110), D(90))
    assert (long.stop_loss, long.take_profit) == (D(90), D(110))


def test_the_smallest_quantity_and_notional_of_the_contract_are_enough():
    entry = sized(SHORT)
    assert isinstance(entry, SizedEntry)
    cheapest = entry.limit_price
    exact = replace(CONTRACT, min_quantity=entry.quantity, min_notional=entry.quantity * cheapest)
    assert sized(SHORT, contract=exact) == entry
    more = replace(exact, min_quantity=entry.quantity + D("0.1"))
    assert sized(SHORT, contract=more) == Denied(
        f"the limits allow a quantity of {entry.quantity}, the contract asks for "
        f"{entry.quantity + D('0.1')} at least"
    )
    dearer = replace(exact, min_notional=entry.quantity * cheapest + D("0.01"))
    assert sized(SHORT, contract=dearer) == Denied(
        f"the limits allow {entry.quantity * cheapest:.2f} USDT, the contract asks for "
        f"{dearer.min_notional} at least"
    )
    least = replace(
        entry, quantity=D(3), notional=3 * D(101) * D("1.01"), risk=3 * entry.risk / entry.quantity
    )
    for most in ((D(3), None), (D(3), D(4)), (D(4), D(3)), (D(3), D("3.09"))):
        contract = replace(CONTRACT, max_market_quantity=most[0], max_quantity=most[1])
        assert sized(SHORT, contract=contract) == least


@pytest.mark.parametrize(
    ("plan", "changes", "sentence"),
    [
        (SHORT, {"stop_loss": D(101)}, "the price has already passed the stop"),
        (LONG, {"stop_loss": D(99)}, "the price has already passed the stop"),
        (SHORT, {"take_profit": D(99)}, "the price has already reached the target"),
        (LONG, {"take_profit": D(101)}, "the price has already reached the target"),
        (LONG, {"stop_loss": D(0)}, "stop or target would be zero or below"),
        (SHORT, {"take_profit": D(0)}, "stop or target would be zero or below"),
        (SHORT, {"take_profit": D(-1)}, "stop or target would be zero or below"),
    ],
)
def test_a_price_at_stop_or_target_is_too_late(plan, changes, sentence):
    assert sized(replace(plan, **changes)) == Denied(sentence)


@pytest.mark.parametrize(
    ("plan", "changes"),
    [
        (SHORT, {"stop_loss": D("101.5"), "take_profit": D("98.5")}),
        (LONG, {"stop_loss": D("98.5"), "take_profit": D("101.5")}),
    ],
)
def test_a_tick_between_the_price_and_stop_and_target_is_enough(plan, changes):
    assert isinstance(sized(replace(plan, **changes)), SizedEntry)


@pytest.mark.parametrize(("side", "mark"), [(Side.SELL, "1.24"), (Side.BUY, "1.1")])
def test_a_stop_between_last_and_mark_price_is_on_no_losing_side(side, mark):
    stop, target = (D("1.236"), D("1.05")) if side is Side.SELL else (D("1.11"), D("1.3"))
    plan = EntryPlan(side, stop, target, 60_000)
    quote = Quote(D("1.169"), D("1.171"), D("1.17"), D(mark))
    contract = instrument("AUSDT")
    assert isinstance(sized(plan, quote=quote, contract=contract), SizedEntry)
    watching = replace(quote, watches_mark=True)
    passed = Denied("the price has already passed the stop")
    assert sized(plan, quote=watching, contract=contract) == passed
