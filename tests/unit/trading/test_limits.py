from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support.scripted_market_data import instrument
from support.trading_facts import position, trade
from support.trading_rig import settings

from pumpwatch.domain.trading.funding import FundingTerms, funding_cost, fundings_until
from pumpwatch.domain.trading.limits import Book, check_account, check_plan, check_symbol
from pumpwatch.domain.trading.orders import OrderState, OrderStatus, Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan, Quote, SizedEntry
from pumpwatch.domain.trading.sizing import size_entry
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.usecases.trade.entries import limits_from

D = Decimal
HOUR = 3_600_000
LIMITS = limits_from(settings())
QUOTE = Quote(D("1.169"), D("1.171"), D("1.17"), D("1.17"))
SHORT = EntryPlan(Side.SELL, D("1.236"), D("1.1"), 30 * 60_000)
BOOK = Book(equity=D(10_000), available=D(10_000), exposure=D(0), open_trades=0)
FREE = FundingTerms(D("0.0001"), 4 * HOUR, 8 * HOUR)


def reason(denied: object) -> str:
    assert isinstance(denied, Denied)
    return denied.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"equity": D(0)}, "no equity"),
        ({"equity": D(-5)}, "no equity"),
        ({"open_trades": 5}, "5 positions are open"),
        ({"exposure": D(5_000)}, "exposure"),
    ],
)
def test_a_full_account_is_denied(changes: dict[str, Any], words: str) -> None:
    assert words in reason(check_account(replace(BOOK, **changes), LIMITS))
    assert check_account(BOOK, LIMITS) is None


def test_a_taken_symbol_is_denied() -> None:
    order = OrderStatus(
        order_id="",
        exchange_id="x",
        symbol="AUSDT",
        side=Side.BUY,
        state=OrderState.OPEN,
        quantity=D(1),
        filled_quantity=D(0),
        average_price=None,
        fee=D(0),
        reduce_only=False,
        created=0,
        updated=0,
    )
    nothing: dict[str, Any] = {"trades": [], "positions": [], "open_orders": []}
    assert check_symbol("AUSDT", **nothing) is None
    assert "still live" in reason(check_symbol("AUSDT", **{**nothing, "trades": [trade()]}))
    assert "position" in reason(check_symbol("AUSDT", **{**nothing, "positions": [position()]}))
    assert "open order" in reason(check_symbol("AUSDT", **{**nothing, "open_orders": [order]}))
    over = trade(state=TradeState.CLOSED)
    assert check_symbol("AUSDT", **{**nothing, "trades": [over]}) is None
    assert (
        check_symbol("BUSDT", trades=[trade()], positions=[position()], open_orders=[order]) is None
    )


def test_the_book_counts_entries_on_their_way_at_their_planned_size() -> None:
    coming = trade(
        symbol="BUSDT", state=TradeState.ENTERING, quantity=D(50), planned_price=D("1.3")
    )
    book = Book.of(
        equity=D(1000), available=D(900), positions=[position()], trades=[trade(), coming]
    )
    assert book.exposure == D(110) + D(65)
    assert book.open_trades == 2


def test_a_filled_entry_that_is_not_settled_yet_counts_once() -> None:
    coming = trade(state=TradeState.ENTERING, quantity=D(100), planned_price=D("1.2"))
    book = Book.of(equity=D(1000), available=D(900), positions=[position()], trades=[coming])
    assert book.exposure == D(110)


def test_an_open_position_that_the_list_does_not_show_counts_all_the_same() -> None:
    """The list of positions can lag behind a fill that the journal knows."""
    unseen = trade(state=TradeState.OPEN, quantity=D(50), entry_price=D("1.3"))
    book = Book.of(equity=D(1000), available=D(900), positions=[], trades=[unseen])
    assert book.exposure == D(65)
    assert book.open_trades == 1


@pytest.mark.parametrize(
    ("quote", "funding", "limits", "words"),
    [
        (replace(QUOTE, ask=D("1.19")), FREE, {}, "spread"),
        (QUOTE, None, {}, "funding is not known"),
        (QUOTE, FundingTerms(D("-0.004"), HOUR // 4, 8 * HOUR), {}, "funding due"),
        (QUOTE, FREE, {"leverage": D(30)}, "leverage"),
        (QUOTE, FREE, {"leverage": D(5), "liquidation_margin": D("0.1")}, "liquidation"),
    ],
)
def test_an_unsafe_plan_is_denied(
    quote: Quote, funding: FundingTerms | None, limits: dict[str, Any], words: str
) -> None:
    contract = instrument("AUSDT")
    denied = check_plan(SHORT, quote, contract, funding, replace(LIMITS, **limits), now=0)
    assert words in reason(denied)
    assert check_plan(SHORT, QUOTE, contract, FREE, LIMITS, now=0) is None


def test_a_stop_beyond_the_liquidation_price_is_denied_for_a_buy_too() -> None:
    far = EntryPlan(Side.BUY, D("0.95"), D("1.3"), 60_000)
    limits = replace(LIMITS, leverage=D(5))
    assert "liquidation" in reason(check_plan(far, QUOTE, instrument("A"), FREE, limits, now=0))


@pytest.mark.parametrize(
    ("next_time", "until", "count"),
    [(100, 99, 0), (100, 100, 1), (100, 149, 1), (100, 150, 2), (5, 10, 1), (0, 10, 1), (0, 60, 2)],
)
def test_fundings_are_counted_up_to_the_time_limit(next_time: int, until: int, count: int) -> None:
    assert fundings_until(FundingTerms(D(1), next_time, 50), 10, until) == count


def test_an_interval_of_nothing_is_taken_as_a_millisecond() -> None:
    assert fundings_until(FundingTerms(D(1), 10, 0), 0, 12) == 3


def test_shorts_pay_a_negative_rate_and_longs_a_positive_one() -> None:
    terms = FundingTerms(D("-0.01"), 10, 100)
    assert funding_cost(terms, Side.SELL, 0, 50) == D("0.01")
    assert funding_cost(terms, Side.BUY, 0, 50) == D("-0.01")


def sized(**changes: Any) -> SizedEntry | Denied:
    facts: dict[str, Any] = {"book": BOOK, "limits": LIMITS, "contract": instrument("AUSDT")}
    facts |= changes
    return size_entry(SHORT, QUOTE, facts["contract"], facts["book"], facts["limits"], now=1_000)


def test_the_notional_limit_decides_when_it_is_the_smallest() -> None:
    entry = sized()
    assert isinstance(entry, SizedEntry)
    assert entry.quantity == D("422.7")  # 500 / (1.171 * 1.01), floored to 0.1
    assert entry.notional <= 500
    assert entry.closes_at == 1_000 + 30 * 60_000
    assert entry.planned_price == D("1.169")


def test_the_risk_decides_when_it_is_the_smallest() -> None:
    entry = sized(limits=replace(LIMITS, max_notional_usdt=D(100_000), risk_fraction=D("0.001")))
    assert isinstance(entry, SizedEntry)
    assert D("9.9") < entry.risk <= D(10)


def test_the_free_balance_decides_when_it_is_the_smallest() -> None:
    entry = sized(book=replace(BOOK, available=D(100)))
    assert isinstance(entry, SizedEntry)
    assert D(99) < entry.notional < D(100)


def test_the_largest_market_order_decides_when_it_is_the_smallest() -> None:
    entry = sized(contract=instrument("AUSDT", max_market_quantity=D(10)))
    assert isinstance(entry, SizedEntry)
    assert entry.quantity == 10


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"book": replace(BOOK, available=D(4))}, "5 at least"),
        ({"book": replace(BOOK, available=D(0))}, "quantity of 0"),
        ({"book": replace(BOOK, exposure=D(6_000))}, "quantity of 0"),
        ({"contract": instrument("AUSDT", min_quantity=D(1000))}, "1000 at least"),
        ({"contract": instrument("AUSDT", quantity_step=D(1000))}, "at least"),
        ({"contract": instrument("AUSDT", tick_size=D("0.5"))}, "passed the stop"),
        ({"contract": instrument("AUSDT", tick_size=D("1.2"))}, "reached the target"),
    ],
)
def test_what_cannot_be_sized_is_denied(changes: dict[str, Any], words: str) -> None:
    assert words in reason(sized(**changes))


@pytest.mark.parametrize(("side", "mark"), [(Side.SELL, "1.24"), (Side.BUY, "1.1")])
def test_a_stop_between_last_and_mark_price_is_on_no_losing_side(side: Side, mark: str) -> None:
    stop, target = (D("1.236"), D("1.05")) if side is Side.SELL else (D("1.11"), D("1.3"))
    plan = EntryPlan(side, stop, target, 60_000)
    quote = replace(QUOTE, mark=D(mark), watches_mark=True)
    denied = size_entry(plan, quote, instrument("AUSDT"), BOOK, LIMITS, now=0)
    assert "passed the stop" in reason(denied)
    assert isinstance(size_entry(plan, QUOTE, instrument("AUSDT"), BOOK, LIMITS, now=0), SizedEntry)
