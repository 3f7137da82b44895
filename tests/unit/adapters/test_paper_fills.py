"""Which price a paper order gets, and when its stop or target fires."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import NOW, an_entry, an_exit, candles

from pumpwatch.adapters.memory import ManualClock, MemoryMarketData
from pumpwatch.adapters.paper import MemoryPaperStore, PaperBroker, PaperPosition
from pumpwatch.adapters.paper.fills import Triggered, follow, slipped, walk
from pumpwatch.domain.candles import MINUTE
from pumpwatch.domain.market import OrderBook
from pumpwatch.domain.orders import FillKind, OrderState, Side
from pumpwatch.errors import BadMarketData, OutcomeUnknown, Rejected, StoreUnavailable

ONE = Decimal(1)


def book(asks=(), bids=()):
    def side(levels):
        return tuple((Decimal(str(price)), Decimal(str(size))) for price, size in levels)

    return OrderBook("AUSDT", NOW, side(bids), side(asks))


def test_a_large_order_walks_up_the_book():
    taken = walk(book(asks=[(10, 1), (11, 2), (12, 5)]), Side.BUY, Decimal(4), tolerance=None)
    assert taken.quantity == 4
    assert taken.price == Decimal(10 + 22 + 12) / 4


def test_a_sell_takes_the_bids():
    taken = walk(
        book(bids=[(10, 1), (9, 2)], asks=[(11, 9)]), Side.SELL, Decimal(2), tolerance=None
    )
    assert (taken.quantity, taken.price) == (2, Decimal("9.5"))


def test_levels_beyond_the_tolerance_are_left_alone():
    asks = [(100, 1), (101, 1), ("101.01", 1)]
    taken = walk(book(asks=asks), Side.BUY, Decimal(3), tolerance=Decimal("0.01"))
    assert (taken.quantity, taken.price) == (2, Decimal("100.5"))


def test_an_empty_side_gives_nothing():
    taken = walk(book(bids=[(10, 1)]), Side.BUY, ONE, tolerance=None)
    assert (taken.quantity, taken.price) == (0, None)


def test_slippage_is_always_worse():
    assert slipped(Decimal(100), Side.BUY, Decimal("0.001")) == Decimal("100.1")
    assert slipped(Decimal(100), Side.SELL, Decimal("0.001")) == Decimal("99.9")


def held(side=Side.SELL, **changes):
    short = side is Side.SELL
    position = PaperPosition(
        symbol="AUSDT",
        side=side,
        quantity=ONE,
        entry_price=Decimal(100),
        stop_loss=Decimal(110) if short else Decimal(90),
        take_profit=Decimal(90) if short else Decimal(110),
        last_price=Decimal(100),
        checked=NOW + 20_000,
        seen_high=Decimal(105),
        seen_low=Decimal(95),
        created=NOW + 20_000,
        updated=NOW + 20_000,
    )
    return replace(position, **changes)


def followed(position, *rows, now=NOW + 5 * MINUTE, leverage=ONE):
    return follow(position, candles("AUSDT", rows), now=now, leverage=leverage)


QUIET = (100, 105, 95, 100)


@pytest.mark.parametrize("side", Side)
def test_nothing_fires_while_nothing_is_reached(side):
    moved = followed(held(side), QUIET, (100, 109.9, 90.1, 101))
    assert (moved.last_price, moved.seen_high, moved.seen_low) == (
        Decimal("101.0"),
        Decimal("109.9"),
        Decimal("90.1"),
    )
    assert moved.checked == NOW + 2 * MINUTE - 1


@pytest.mark.parametrize(
    ("side", "row", "trigger", "price"),
    [
        (Side.SELL, (100, 110, 99, 100), "stop_loss", 110),
        (Side.SELL, (100, 101, 90, 100), "take_profit", 90),
        (Side.BUY, (100, 101, 90, 100), "stop_loss", 90),
        (Side.BUY, (100, 110, 99, 100), "take_profit", 110),
    ],
)
def test_a_wick_of_a_minute_counts(side, row, trigger, price):
    fired = followed(held(side), QUIET, row, QUIET)
    assert fired == Triggered(FillKind.TRADE, trigger, Decimal(price), NOW + 2 * MINUTE - 1)


@pytest.mark.parametrize("side", Side)
def test_a_minute_that_reached_both_fires_the_stop(side):
    assert followed(held(side), QUIET, (100, 115, 85, 100)).trigger == "stop_loss"


def test_a_price_that_opened_past_the_stop_is_filled_there():
    assert followed(held(), QUIET, (130, 131, 100, 110)).price == 130
    assert followed(held(Side.BUY), QUIET, (70, 100, 69, 90)).price == 70


def test_a_target_gets_never_better_than_its_price():
    assert followed(held(), QUIET, (80, 81, 79, 80)).price == 90


def test_what_happened_before_the_entry_does_not_count():
    position = held(seen_high=Decimal(120), seen_low=Decimal(80))
    assert isinstance(followed(position, (100, 120, 80, 100)), PaperPosition)


def test_a_new_extreme_after_the_entry_counts_in_its_minute():
    assert followed(held(), (100, 111, 95, 100)).trigger == "stop_loss"
    assert followed(held(), (100, 105, 89, 100)).trigger == "take_profit"


def test_a_close_beyond_the_level_counts_in_the_entrys_minute():
    position = held(seen_high=Decimal(120))
    assert followed(position, (100, 120, 95, 112)).trigger == "stop_loss"


@pytest.mark.parametrize("side", Side)
def test_an_unknown_first_minute_counts_only_where_it_hurts(side):
    position = held(side, seen_high=None, seen_low=None)
    assert followed(position, (100, 115, 85, 100)).trigger == "stop_loss"
    favourable = (100, 109, 85, 100) if side is Side.SELL else (100, 115, 91, 100)
    moved = followed(position, favourable)
    assert isinstance(moved, PaperPosition)
    assert isinstance(followed(moved, favourable), PaperPosition)


def test_candles_after_now_do_not_count():
    moved = followed(held(), QUIET, (100, 115, 99, 100), now=NOW + 50_000)
    assert isinstance(moved, PaperPosition)
    assert moved.checked == NOW + 50_000


def test_a_position_without_a_stop_is_liquidated():
    fired = followed(held(stop_loss=None), QUIET, (100, 160, 99, 150), leverage=Decimal(2))
    assert (fired.kind, fired.trigger, fired.price) == (FillKind.LIQUIDATION, "", Decimal(149))


@settings(deadline=None, max_examples=60)
@given(
    prices=st.lists(st.floats(80, 120), min_size=2, max_size=40),
    cuts=st.lists(st.integers(0, 39), max_size=6),
    side=st.sampled_from(list(Side)),
)
def test_looking_more_often_never_misses_a_stop(prices, cuts, side):
    """Seen once or in steps at minute ends: the same protection fires at the same price."""
    rows = [(a, max(a, b) + 0.5, min(a, b) - 0.5, b) for a, b in pairwise(prices)]
    start = held(side, checked=NOW - 1, seen_high=None, seen_low=None)
    once = followed(start, *rows, now=NOW + len(rows) * MINUTE)
    stepped = start
    for cut in [*sorted(cut for cut in cuts if cut < len(rows)), len(rows)]:
        if isinstance(stepped, PaperPosition):
            stepped = followed(stepped, *rows[:cut], now=NOW + cut * MINUTE - 1)
    assert isinstance(once, Triggered) == isinstance(stepped, Triggered)
    if isinstance(once, Triggered):
        assert (once.trigger, once.price) == (stepped.trigger, stepped.price)


# --- the broker in odd situations --------------------------------------------------------


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def market():
    made = MemoryMarketData(NOW)
    made.set_candles(candles("PUMPUSDT", [(1.1, 1.1, 1.1, 1.1)] * 30))
    return made


@pytest.fixture
def store():
    return MemoryPaperStore()


def a_broker(market, store, clock, **terms):
    money = {"equity": Decimal(1000), "taker_fee": Decimal("0.00055"), "slippage": Decimal(0)}
    return PaperBroker(market, store, clock, **(money | terms))


def test_an_order_that_finds_nothing_in_the_book_ends_without_a_fill(market, store, clock):
    market.set_book(OrderBook("PUMPUSDT", NOW, (), ()))
    broker = a_broker(market, store, clock)
    broker.place(an_entry())
    order = broker.find_order("PUMPUSDT", "order-1")
    assert (order.state, order.filled_quantity) == (OrderState.CANCELLED, 0)
    assert order.reject_reason
    assert (broker.positions(), broker.fills("PUMPUSDT", since=0)) == ([], [])


def test_a_thin_book_fills_a_part(market, store, clock):
    level = (Decimal("1.1"), Decimal(20))
    market.set_book(OrderBook("PUMPUSDT", NOW, (level,), ()))
    broker = a_broker(market, store, clock)
    broker.place(an_entry())
    order = broker.find_order("PUMPUSDT", "order-1")
    assert (order.state, order.filled_quantity) == (OrderState.CANCELLED, 20)
    assert broker.positions()[0].quantity == 20


def test_a_market_that_cannot_be_read_leaves_positions_as_they_are(market, store, clock):
    broker = a_broker(market, store, clock)
    broker.place(an_entry())
    market.failures["PUMPUSDT"] = BadMarketData("no candles today")
    market.now = clock.time = NOW + 3 * MINUTE
    assert broker.positions()[0].quantity == Decimal("45.5")
    with pytest.raises(Rejected):
        broker.place(an_exit())


def test_another_writer_makes_the_outcome_unknown_and_the_account_is_read_again(
    market, store, clock
):
    first, second = a_broker(market, store, clock), a_broker(market, store, clock)
    assert second.positions() == []
    first.place(an_entry())
    with pytest.raises(OutcomeUnknown):
        second.place(an_entry("order-9"))
    assert second.find_order("PUMPUSDT", "order-9") is None
    assert len(second.positions()) == 1
    with pytest.raises(StoreUnavailable):
        first.set_leverage("PUMPUSDT", Decimal(2)) or second.set_leverage("PUMPUSDT", Decimal(3))


def test_a_restart_finds_everything_again(market, store, clock):
    a_broker(market, store, clock).place(an_entry())
    again = a_broker(market, store, clock)
    assert again.positions()[0].stop_loss == Decimal("1.236")
    assert again.find_order("PUMPUSDT", "order-1").state is OrderState.FILLED


@settings(deadline=None, max_examples=40)
@given(
    orders=st.lists(
        st.tuples(st.sampled_from(list(Side)), st.integers(1, 50), st.booleans()), max_size=12
    )
)
def test_money_is_never_made_or_lost_but_by_fees_at_one_price(orders):
    market, clock, store = MemoryMarketData(NOW), ManualClock(NOW), MemoryPaperStore()
    market.set_price("PUMPUSDT", 1.0)
    one = (Decimal(1), Decimal(10**9))
    market.set_book(OrderBook("PUMPUSDT", NOW, (one,), (one,)))
    broker, paid = a_broker(market, store, clock), Decimal(0)
    for number, (side, quantity, reduces) in enumerate(orders):
        stop = None if reduces else Decimal("0.5" if side is Side.BUY else "1.5")
        request = an_entry(
            f"order-{number}",
            side=side,
            quantity=Decimal(quantity),
            reduce_only=reduces,
            stop_loss=stop,
            take_profit=None,
        )
        try:
            broker.place(request)
        except Rejected:
            continue
        paid += broker.find_order("PUMPUSDT", request.order_id).fee
    assert broker.account().equity == 1000 - paid
