"""The paper broker in odd situations, and which price an order gets from the book."""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.doubles import ManualClock, MemoryPaperStore
from support.records import NOW, an_entry, an_exit, candles
from support.scripted_market_data import ScriptedMarketData

from pumpwatch.adapters.paper.book import paid, walk
from pumpwatch.adapters.paper.broker import PaperBroker
from pumpwatch.domain.market.snapshot import OrderBook
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import OrderState, Side, StopTrigger
from pumpwatch.errors import BadMarketData, OutcomeUnknown, Rejected, StoreUnavailable


def book(asks=(), bids=()):
    def side(levels):
        return tuple((Decimal(str(price)), Decimal(str(size))) for price, size in levels)

    return OrderBook("AUSDT", NOW, side(bids), side(asks))


def order(side, limit=None):
    price = None if limit is None else Decimal(limit)
    return an_entry(side=side, limit_price=price)


BOOKS = {
    "several levels": (Side.BUY, None, [(10, 1), (11, 2), (12, 5)], 4, 4, "11"),
    "the bids for a sale": (Side.SELL, None, [(10, 1), (9, 2)], 2, 2, "9.5"),
    "up to the limit": (Side.BUY, 101, [(100, 1), (101, 1), ("101.01", 1)], 3, 2, "100.5"),
    "down to the limit": (Side.SELL, 99, [(100, 1), (99, 1), ("98.99", 1)], 3, 2, "99.5"),
    "a limit out of reach": (Side.BUY, 99, [(100, 1)], 1, 0, None),
    "an empty side": (Side.BUY, None, [], 1, 0, None),
}


@pytest.mark.parametrize(
    ("side", "limit", "levels", "wanted", "quantity", "price"), BOOKS.values(), ids=BOOKS
)
def test_an_order_walks_its_side_of_the_book(side, limit, levels, wanted, quantity, price):
    other = [(1, 9)] if side is Side.BUY else [(999, 9)]
    buys = side is Side.BUY
    seen = book(asks=levels if buys else other, bids=other if buys else levels)
    taken = walk(seen, order(side, limit), Decimal(wanted))
    assert (taken.quantity, taken.price) == (quantity, None if price is None else Decimal(price))


@pytest.mark.parametrize(
    ("side", "limit", "pays"),
    [(Side.BUY, None, 101), (Side.BUY, "100.5", "100.5"), (Side.SELL, "99.5", "99.5"),
     (Side.SELL, 98, 99)],
)  # fmt: skip
def test_slippage_is_worse_and_ends_at_the_limit_price(side, limit, pays):
    assert paid(Decimal(100), order(side, limit), Decimal("0.01")) == Decimal(pays)


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def market():
    made = ScriptedMarketData(NOW)
    made.set_candles(candles("PUMPUSDT", [(1.1, 1.1, 1.1, 1.1)] * 30))
    return made


@pytest.fixture
def store():
    return MemoryPaperStore()


def a_broker(market, store, clock, **terms):
    money = {"equity": Decimal(1000), "taker_fee": Decimal("0.00055"), "slippage": Decimal(0)}
    return PaperBroker(market, store, clock, **(money | terms))


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
    assert list(second.positions()) == []
    first.place(an_entry())
    with pytest.raises(OutcomeUnknown):
        second.place(an_entry("order-9"))
    assert second.find_order("PUMPUSDT", "order-9") is None
    assert len(second.positions()) == 1
    with pytest.raises(StoreUnavailable):
        first.set_leverage("PUMPUSDT", Decimal(2)) or second.set_leverage("PUMPUSDT", Decimal(3))


@settings(deadline=None, max_examples=40)
@given(
    orders=st.lists(
        st.tuples(st.sampled_from(list(Side)), st.integers(1, 50), st.booleans()), max_size=12
    )
)
def test_money_is_never_made_or_lost_but_by_fees_at_one_price(orders):
    market, clock, store = ScriptedMarketData(NOW), ManualClock(NOW), MemoryPaperStore()
    market.set_price("PUMPUSDT", 1.0)
    level = (Decimal(1), Decimal(10**9))
    market.set_book(OrderBook("PUMPUSDT", NOW, (level,), (level,)))
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


def test_the_account_is_called_paper_and_holds_no_key(market, store, clock):
    assert a_broker(market, store, clock).access() == Access("paper")


def test_one_look_serves_threads_that_ask_at_the_same_time(store, clock):
    """The trade use case reads positions, orders and account side by side."""

    class SlowMarket(ScriptedMarketData):
        def candles(self, requests):
            time.sleep(0.02)
            return super().candles(requests)

    market = SlowMarket(NOW)
    market.set_candles(candles("PUMPUSDT", [(1.1, 1.1, 1.1, 1.1)] * 30))
    broker = a_broker(market, store, clock)
    broker.place(an_entry())
    clock.time = market.now = NOW + MINUTE
    market.calls.clear()
    with ThreadPoolExecutor(3) as pool:
        reads = (broker.positions, broker.open_orders, broker.account)
        held, orders, account = [one.result() for one in [pool.submit(read) for read in reads]]
    assert (len(held), len(orders)) == (1, 2)
    assert account.equity < 1000
    assert market.calls == ["candles"]


@pytest.mark.parametrize("distance", ["0", "-1"])
def test_a_trailing_stop_needs_a_distance(market, store, clock, distance):
    broker = a_broker(market, store, clock)
    broker.place(an_entry())
    with pytest.raises(Rejected):
        broker.set_protection(
            "PUMPUSDT",
            stop_loss=Decimal("1.236"),
            take_profit=None,
            trigger=StopTrigger.LAST_PRICE,
            trailing_stop=Decimal(distance),
        )
    assert broker.positions()[0].trailing_stop is None


def test_setting_what_is_set_already_writes_nothing(market, store, clock):
    broker = a_broker(market, store, clock)
    broker.place(an_entry())
    terms = {
        "stop_loss": Decimal("1.2"),
        "take_profit": None,
        "trigger": StopTrigger.LAST_PRICE,
        "trailing_stop": Decimal("0.1"),
    }
    broker.set_protection("PUMPUSDT", **terms)
    version = store.load().version
    broker.set_protection("PUMPUSDT", **terms)
    assert store.load().version == version
