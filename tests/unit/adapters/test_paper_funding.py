"""What a paper position pays and receives in funding, and what the market is asked for it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.doubles import ManualClock, MemoryPaperStore
from support.records import NOW, an_entry, an_exit, candles
from support.scripted_market_data import ScriptedMarketData, instrument

from pumpwatch.adapters.paper.account import PaperFunding
from pumpwatch.adapters.paper.broker import PaperBroker
from pumpwatch.adapters.paper.fills import SLIP
from pumpwatch.adapters.paper.funding import renewed, wants_terms
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import FillKind, Side
from pumpwatch.errors import ExchangeUnavailable

SYMBOL = "PUMPUSDT"
HOUR = 60 * MINUTE
DUE = NOW + 30 * MINUTE
"""The first funding."""
QUANTITY = Decimal(100)


class World:
    """A market at 1.0, a funding of 2 % that shorts pay, and a paper account that restarts."""

    def __init__(self, *, rate=-0.02, interval_minutes=60, minutes=40 * 60, store=None):
        self.clock = ManualClock(NOW)
        self.market = ScriptedMarketData(NOW)
        self.store = store or MemoryPaperStore()
        self.price([(1.0, 1.0, 1.0, 1.0)] * minutes)
        self.market.list_instrument(instrument(SYMBOL, funding_interval_minutes=interval_minutes))
        self.market.set_funding(SYMBOL, rate, DUE)
        self.restart()

    def price(self, rows):
        self.market.set_candles(candles(SYMBOL, rows))

    def restart(self):
        money = {"equity": Decimal(1000), "taker_fee": Decimal(0), "slippage": Decimal(0)}
        self.broker = PaperBroker(self.market, self.store, self.clock, **money)
        return self.broker

    def enter(self, side=Side.SELL, **changes):
        stop = Decimal("1.5") if side is Side.SELL else Decimal("0.5")
        terms = {"side": side, "quantity": QUANTITY, "stop_loss": stop, "take_profit": None}
        terms |= {"limit_price": None}
        self.broker.place(an_entry(**(terms | changes)))
        return self

    def go_to(self, time):
        self.clock.time = self.market.now = time

    def look(self, time):
        """Look at `time`; return what the market was asked for."""
        self.go_to(time)
        self.market.calls.clear()
        self.broker.positions()
        return list(self.market.calls)

    def paid(self):
        fills = self.broker.fills(SYMBOL, since=0)
        return [(one.time, one.fee) for one in fills if one.kind is FillKind.FUNDING]


def close_to(value, expected):
    return abs(value - Decimal(expected)) < Decimal("0.0001")


def test_the_notional_is_at_the_mark_price_of_that_minute():
    world = World()
    world.price([(1.0, 1.0, 1.0, 1.0)] * 30 + [(1.4, 1.45, 1.4, 1.4)] * 30)
    snapshot = world.market.snapshot
    world.market.snapshot = lambda symbol="": marked(snapshot(symbol))
    world.enter()
    world.look(DUE + 5 * MINUTE)
    ((_, fee),) = world.paid()
    assert close_to(fee, Decimal("0.02") * QUANTITY * Decimal("1.4") * Decimal("1.1"))


def marked(snapshot):
    return replace(snapshot, mark_price=snapshot.last_price * 1.1)


def test_the_rate_shortly_before_counts():
    world = World(rate=-0.001).enter()
    world.market.set_funding(SYMBOL, -0.03, DUE)
    world.look(DUE - 90_000)
    world.market.set_funding(SYMBOL, 0.5, DUE)
    world.look(DUE + 30_000)
    ((_, fee),) = world.paid()
    assert close_to(fee, 3)


@settings(deadline=None, max_examples=40)
@given(looks=st.lists(st.tuples(st.integers(0, 6 * 60 * 60), st.booleans()), max_size=12))
def test_when_one_looks_does_not_change_what_is_paid(looks):
    """Looks at any second, with cold starts between them or not."""
    world = World(minutes=8 * 60).enter()
    for second, cold in sorted(looks):
        if cold:
            world.restart()
        world.look(NOW + second * 1000)
    world.look(NOW + 6 * HOUR)
    assert [time for time, _ in world.paid()] == [DUE + n * HOUR for n in range(6)]
    assert close_to(world.broker.account().wallet_balance, 1000 - 6 * 2)


def test_a_funding_whose_candles_are_missing_is_paid_all_the_same():
    world = World(minutes=20).enter()
    world.look(DUE + MINUTE)
    assert [time for time, _ in world.paid()] == [DUE]


def test_a_position_closed_after_the_funding_has_paid_it():
    world = World().enter()
    world.look(DUE - 300)
    world.go_to(DUE + 300)
    world.broker.place(an_exit(quantity=QUANTITY))
    assert list(world.broker.positions()) == []
    assert [time for time, _ in world.paid()] == [DUE]


def test_a_stop_that_fired_before_the_funding_ends_it():
    world = World()
    world.price([(1.0, 1.0, 1.0, 1.0)] * 20 + [(1.0, 1.6, 1.0, 1.6)] * 40)
    world.enter()
    world.look(DUE + 10 * MINUTE)
    assert list(world.broker.positions()) == []
    assert world.paid() == []


def test_a_stop_that_fired_after_the_funding_does_not_spare_it():
    world = World()
    world.price([(1.0, 1.0, 1.0, 1.0)] * 35 + [(1.0, 1.6, 1.0, 1.6)] * 40)
    world.enter()
    world.look(DUE + 10 * MINUTE)
    kinds = [fill.kind for fill in world.broker.fills(SYMBOL, since=0)]
    assert kinds == [FillKind.TRADE, FillKind.FUNDING, FillKind.TRADE]
    slipped = 100 * SLIP * Decimal("0.6")
    assert close_to(world.broker.account().equity, 1000 - 2 - Decimal("50.01") - slipped)


class CountingStore(MemoryPaperStore):
    """Keeps how many fills each commit had: the table takes 100 writes at a time."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def commit(self, before, after, *, orders=(), fills=()):
        self.sizes.append(len(fills))
        return super().commit(before, after, orders=orders, fills=fills)


def test_a_long_absence_is_stored_in_pieces_that_fit_a_transaction():
    world = World(interval_minutes=1, rate=0.0001, store=CountingStore()).enter()
    world.look(DUE + 249 * MINUTE)
    expected = [NOW + n * MINUTE for n in range(1, 280)]
    assert [time for time, _ in world.paid()] == expected
    assert max(world.store.sizes) <= 90
    assert world.broker.positions()[0].quantity == QUANTITY


def test_many_positions_that_pay_and_are_stopped_at_once_fit_too():
    world = World(store=CountingStore())
    symbols = [f"P{number}USDT" for number in range(60)]
    for symbol in symbols:
        rows = [(1.0, 1.0, 1.0, 1.0)] * 35 + [(1.0, 1.6, 1.0, 1.6)] * 10
        world.market.set_candles(candles(symbol, rows))
        world.market.set_funding(symbol, -0.02, DUE)
        world.enter(order_id=symbol, symbol=symbol, quantity=Decimal(1))
    world.look(DUE + 10 * MINUTE)
    assert list(world.broker.positions()) == []
    assert max(world.store.sizes) <= 90
    assert sum(world.store.sizes) == 3 * len(symbols)


def test_a_look_asks_for_candles_only():
    world = World().enter()
    assert world.market.calls == ["order_book", "candles", "snapshot"]
    asked = [world.look(NOW + minute * MINUTE) for minute in range(1, 28)]
    assert asked == [["candles"]] * 27


def test_a_funding_costs_one_snapshot_before_and_one_with_the_contracts_after_it():
    world = World().enter()
    times = [DUE + minute * MINUTE for minute in range(-2, 4)]
    assert [world.look(time + 500) for time in times] == [
        ["candles", "snapshot"],
        ["candles"],
        ["candles", "instruments", "snapshot"],
        ["candles"],
        ["candles"],
        ["candles"],
    ]


def test_without_positions_nothing_is_asked():
    assert World().look(NOW + MINUTE) == []


def test_funding_that_could_not_be_read_is_learnt_at_the_next_look():
    world = World()
    world.market.failures["snapshot"] = ExchangeUnavailable("no answer")
    world.enter()
    assert world.look(NOW + 2000) == ["candles"]
    del world.market.failures["snapshot"]
    assert world.look(NOW + MINUTE) == ["candles", "snapshot"]
    world.look(DUE)
    assert [time for time, _ in world.paid()] == [DUE]


def test_contracts_that_cannot_be_read_lose_no_funding():
    world = World().enter()
    world.market.failures["instruments"] = ExchangeUnavailable("no answer")
    with pytest.raises(ExchangeUnavailable):
        world.look(DUE + 1000)
    del world.market.failures["instruments"]
    world.look(DUE + 61_000)
    assert [time for time, _ in world.paid()] == [DUE]


@pytest.mark.parametrize("rate", [float("nan"), float("inf")])
def test_a_rate_that_is_no_number_is_charged_to_nobody(rate):
    world = World(rate=rate).enter()
    world.look(DUE)
    assert world.paid() == []


def test_a_symbol_the_market_does_not_name_has_no_known_funding():
    world = World()
    snapshot = world.market.snapshot
    world.market.snapshot = lambda symbol="": replace(snapshot(symbol), symbols=("OTHERUSDT",))
    world.enter()
    world.look(DUE)
    assert world.paid() == []


def terms(**changes):
    one = Decimal(1)
    known = PaperFunding(
        rate=Decimal("-0.02"), next_time=DUE, mark_price=one, last_price=one, seen=NOW
    )
    return replace(known, **changes)


AHEAD, BEHIND = terms(next_time=DUE + HOUR, seen=DUE + 50), terms(seen=DUE - 50)
EARLIER, LATER = (
    terms(next_time=moved, seen=DUE - HOUR // 2, rate=Decimal("0.01"))
    for moved in (DUE - HOUR // 4, DUE + HOUR)
)
RENEWALS = {
    "a market past the funding makes us forget nothing": (terms(), AHEAD, DUE - 50, terms()),
    "a market not past it charges nothing twice": (AHEAD, BEHIND, DUE + 50, AHEAD),
    "nothing known, and the market behind": (None, BEHIND, DUE + 50, None),
    "an earlier schedule": (terms(), EARLIER, DUE - HOUR // 2, EARLIER),
    "a later schedule": (terms(), LATER, DUE - HOUR // 2, LATER),
    "no answer": (terms(), None, NOW, terms()),
}


@pytest.mark.parametrize(("known", "fresh", "now", "after"), RENEWALS.values(), ids=RENEWALS)
def test_funding_is_renewed_by_two_clocks(known, fresh, now, after):
    assert renewed(known, fresh, now) == after


@pytest.mark.parametrize(
    ("known", "now", "wanted"),
    [
        (None, NOW, True),
        (terms(), NOW, False),
        (terms(), DUE - 120_001, False),
        (terms(), DUE - 120_000, True),
        (terms(seen=DUE - 120_000), DUE - 1, False),
        (terms(seen=DUE - 1), DUE, True),
    ],
)
def test_the_market_is_asked_when_nothing_is_known_shortly_before_and_after(known, now, wanted):
    assert wants_terms(known, now) is wanted
