"""When a paper position's stop, trailing stop or target fires between two looks."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import NOW, candles

from pumpwatch.adapters.paper.account import PaperPosition
from pumpwatch.adapters.paper.fills import SLIP, Triggered, follow
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import FillKind, Side

ONE = Decimal(1)


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


def followed(position, *rows, now=NOW + 5 * MINUTE, leverage=ONE, slip=Decimal(0)):
    """What closed the position, or the position as it is then."""
    seen = follow(position, candles("AUSDT", rows), now=now, leverage=leverage, slip=slip)
    assert (seen.charges, seen.complete) == ((), True)
    return seen.fired or seen.position


QUIET = (100, 105, 95, 100)


@pytest.mark.parametrize(
    ("side", "stop", "minute", "filled"),
    [
        # A twentieth of the minute's range beyond the stop, or beyond where it opened past it.
        (Side.SELL, "120", (100, 160, 98, 150), "123.1"),
        (Side.BUY, "80", (100, 102, 40, 50), "76.9"),
        (Side.SELL, "120", (130, 160, 120, 150), "132"),
        # A calm minute costs little, and nobody is filled beyond its worst price.
        (Side.SELL, "100.5", (100, 101, 99.9, 101), "100.555"),
        (Side.SELL, "120", (100, 120.5, 40, 120), "120.5"),
    ],
)
def test_a_stop_slips_with_the_range_of_its_minute(side, stop, minute, filled):
    position = held(side=side, stop_loss=Decimal(stop), take_profit=None)
    fired = followed(position, QUIET, minute, leverage=ONE, slip=SLIP)
    assert (fired.trigger, fired.price) == ("stop_loss", Decimal(filled))


def test_a_target_does_not_slip():
    position = held(side=Side.SELL, stop_loss=Decimal(150), take_profit=Decimal(80))
    assert followed(position, (100, 101, 60, 70), slip=SLIP).price == 80


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


def trailed(side=Side.SELL, **changes):
    """A position at 100, with a stop 10 away and a trailing stop 5 behind the best price so far."""
    trailing = {"trailing_stop": Decimal(5), "best_price": Decimal(100), "take_profit": None}
    unseen = {"checked": NOW - 1, "seen_high": None, "seen_low": None}
    return held(side, **(trailing | unseen | changes))


def watched(position, *rows):
    end = NOW + len(rows) * MINUTE - 1
    return follow(position, candles("AUSDT", rows), now=end, leverage=ONE, slip=Decimal(0))


def mirrored(row):
    """The candle with up and down exchanged around 100."""
    opened, high, low, close = row
    return (200 - opened, 200 - low, 200 - high, 200 - close)


CASES = {
    "not reached": ([(100, 104.5, 99.8, 100)], None, None),
    "opened at a better price": ([(92, 98, 91, 95)], "trailing_stop", 97),
    "where it stood": ([(100, 105, 100, 101)], "trailing_stop", 105),
    "pulled by an earlier minute": ([(100, 100, 96, 96), (96, 101, 96, 99)], "trailing_stop", 101),
    "pulled within the minute": ([(100, 101, 95.5, 101)], "trailing_stop", "100.5"),
    "the level of before comes first": ([(100, 106, 90, 100)], "trailing_stop", 105),
    "opened beyond it": ([(107, 108, 99, 100)], "trailing_stop", 107),
    "a fixed stop further away comes second": ([(100, 115, 100, 112)], "trailing_stop", 105),
}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("rows", "trigger", "price"), CASES.values(), ids=CASES)
def test_the_trailing_stop_fires_at_its_level(side, rows, trigger, price):
    short = side is Side.SELL
    seen = watched(trailed(side), *(rows if short else [mirrored(row) for row in rows]))
    if trigger is None:
        assert seen.fired is None
        return
    level = Decimal(str(price))
    assert (seen.fired.kind, seen.fired.trigger) == (FillKind.TRADE, trigger)
    assert seen.fired.price == (level if short else 200 - level)
    assert seen.fired.time == NOW + len(rows) * MINUTE - 1


def test_a_minute_that_reached_target_and_trailing_stop_fires_the_stop():
    position = trailed(take_profit=Decimal(92))
    fired = watched(position, (100, 98, 90, 91)).fired
    assert (fired.trigger, fired.price) == ("trailing_stop", 97)


def test_beyond_the_target_the_trailing_stop_is_not_pulled():
    position = trailed(take_profit=Decimal(92), best_price=Decimal(94))
    fired = watched(position, (93, 96.5, 90, 91)).fired
    assert (fired.trigger, fired.price) == ("take_profit", 92)


def test_the_best_price_is_remembered():
    seen = watched(trailed(), (100, 101, 97, 98), (98, 100, 96.5, 97)).position
    assert (seen.best_price, seen.trailing_stop) == (Decimal("96.5"), 5)


def test_what_was_lowest_before_it_was_set_does_not_pull_it():
    position = trailed(
        checked=NOW + 30_000,
        seen_high=Decimal(108),
        seen_low=Decimal(90),
        best_price=Decimal(100),
    )
    assert watched(position, (100, 108, 90, 101)).fired is None


def exit_on(path, *, stop, target, best, distance):
    """Walk a short along a path; return the price that closes it, None while it lives on."""
    at = path[0]
    gapped = min(level for level in (stop, best + distance))
    if at >= gapped:
        return at
    for to in path[1:]:
        if to > at:
            level = min(stop, best + distance)
            if to >= level:
                return max(level, at)
        else:
            if target is not None and to <= target:
                return target
            best = min(best, to)
        at = to
    return None


prices = st.integers(80, 120)


@settings(deadline=None, max_examples=300)
@given(
    ends=st.tuples(prices, prices),
    wicks=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    best=st.integers(85, 110),
    distance=st.integers(1, 12),
    target=st.none() | st.integers(82, 95),
)
def test_no_order_of_the_minutes_prices_closes_worse_than_paper(
    ends, wicks, best, distance, target
):
    opened, close = ends
    high, low = max(ends) + wicks[0], min(ends) - wicks[1]
    if target is not None and opened <= target:
        return
    stop = 115
    position = trailed(
        stop_loss=Decimal(stop),
        take_profit=None if target is None else Decimal(target),
        trailing_stop=Decimal(distance),
        best_price=Decimal(best),
    )
    fired = watched(position, (opened, high, low, close)).fired
    for path in ((opened, low, high, close), (opened, high, low, close)):
        price = exit_on(path, stop=stop, target=target, best=min(best, opened), distance=distance)
        if price is not None:
            assert fired is not None
            assert fired.price >= price


@settings(deadline=None, max_examples=100)
@given(
    prices=st.lists(st.floats(80, 120), min_size=2, max_size=40),
    cuts=st.lists(st.integers(0, 39), max_size=6),
    distance=st.none() | st.integers(1, 30),
    side=st.sampled_from(list(Side)),
)
def test_looking_more_often_changes_nothing(prices, cuts, distance, side):
    """Seen once or in steps at minute ends: the same protection fires at the same price."""
    rows = [(a, max(a, b) + 0.5, min(a, b) - 0.5, b) for a, b in pairwise(prices)]
    start = held(side, checked=NOW - 1, seen_high=None, seen_low=None)
    if distance is not None:
        start = trailed(side, trailing_stop=Decimal(distance))
    once = watched(start, *rows).fired
    position, stepped = start, None
    for cut in [*sorted(cut for cut in cuts if cut < len(rows)), len(rows)]:
        if stepped is None and cut:
            seen = watched(position, *rows[:cut])
            position, stepped = seen.position, seen.fired
    assert once == stepped
