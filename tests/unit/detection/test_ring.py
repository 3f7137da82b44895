"""The ring of snapshots, and how tickers become turnover in it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.domain.detection.base import Carry
from pumpwatch.domain.detection.screen import Past
from pumpwatch.domain.market.ring import KEPT, LONGEST_GAP, Ring
from pumpwatch.domain.moments import DAY, SECOND
from pumpwatch.usecases.detect.market_ring import FALL_LASTS, MarketRing

NAN = float("nan")
T = 1_767_225_600_000


def at(*seconds):
    return T + np.array(seconds, dtype=np.int64) * SECOND


def ring(*snapshots):
    """Return the ring of (second, prices, added) snapshots."""
    made = Ring.empty(len(snapshots[0][1]))
    for second, last, added in snapshots:
        made = made.pushed(T + second * SECOND, np.array(last, float), np.array(added, float))
    return made


def test_snapshots_add_up():
    made = ring((0, [1, 5], [9, 9]), (5, [2, 6], [10, 1]), (10, [3, 7], [20, 2]))
    assert (made.time == at(0, 5, 10)).all()
    assert made.last.tolist() == [[1, 2, 3], [5, 6, 7]]
    assert made.flow.tolist() == [[0, 10, 30], [0, 1, 3]], "what was before the first is not known"


def test_what_is_older_than_the_ring_is_dropped():
    made = ring(*((second, [1], [1]) for second in range(0, 700, 20)))
    assert made.time[-1] - made.time[0] <= KEPT
    assert made.flow[0, -1] - made.flow[0, 0] == len(made.time) - 1


@pytest.mark.parametrize("second", [10, 9, -50])
def test_a_snapshot_that_is_not_later_changes_nothing(second):
    made = ring((0, [1], [1]), (10, [2], [5]))
    again = made.pushed(T + second * SECOND, np.array([9.0]), np.array([9.0]))
    assert again is made


def test_a_gap_that_is_too_long_begins_it_anew():
    last = LONGEST_GAP // SECOND
    assert len(ring((0, [1], [1]), (last, [2], [5])).time) == 2
    assert ring((0, [1], [1]), (last + 1, [2], [5])).flow.tolist() == [[0]]


def test_a_symbol_that_is_missed_is_filled_in_evenly_and_forgotten_after_a_long_gap():
    made = ring(
        (0, [1, 1], [0, 0]), (5, [1, NAN], [1, NAN]), (10, [1, NAN], [1, NAN]), (15, [1, 3], [1, 6])
    )
    assert made.flow[1].tolist() == [0, 2, 4, 6]
    assert made.last[1].tolist() == [1, 1, 1, 3]
    long = ring(
        *((second, [1, 1 if second == 0 else NAN], [1, NAN]) for second in range(0, 40, 5)),
        (40, [1, 3], [1, 6]),
    )
    assert np.isnan(long.flow[1, :-1]).all()
    assert long.flow[1, -1] == 0


def test_turnover_and_prices_between_snapshots():
    made = ring((0, [1], [0]), (10, [2], [100]), (20, [3], [40]))
    assert made.flow_at(at(0, 5, 10, 15, 20)).tolist() == [[0, 50, 100, 120, 140]]
    assert np.isnan(made.flow_at(at(-1, 21))).all()
    assert made.last_at(at(-9, 4, 5, 6, 10, 15, 30)).tolist() == [[1, 1, 1, 2, 2, 2, 3]]


def test_an_empty_ring_and_one_snapshot_say_what_they_know():
    empty = Ring.empty(2)
    assert np.isnan(empty.flow_at(at(0, 5))).all()
    assert np.isnan(empty.last_at(at(0, 5))).all()
    alone = ring((0, [4], [7]))
    assert alone.flow_at(at(0))[0, 0] == 0
    assert np.isnan(alone.flow_at(at(1))).all()


def test_symbols_are_chosen_by_row_and_unknown_ones_are_not_known():
    made = ring((0, [1, 5], [0, 0]), (5, [2, 6], [10, 1])).select(np.array([1, -1]))
    assert made.last[0].tolist() == [5, 6]
    assert np.isnan(made.last[1]).all()
    assert np.isnan(made.flow[1]).all()
    assert np.isnan(Ring.empty(0).select(np.array([-1])).last).all()


# --- tickers -------------------------------------------------------------------------------


def past(flows=None, count=1):
    """Return a history of yesterday's minutes from `T` - a day on; None: nothing is known."""
    known = np.full((count, 5), np.inf) if flows is None else np.array([flows] * count, float)
    first = np.full(count, T - DAY)
    return Past(Carry.none(count), first, first, first, known)


def fed(tickers, *, before=None, symbols=("A",)):
    """Return the ring after (second, price, turnover of 24 hours) tickers of one symbol."""
    made = MarketRing()
    made.follow(list(symbols))
    for second, last, turnover in tickers:
        columns = np.array([last], float), np.array([turnover], float)
        made.push(T + round(second * SECOND), *columns, before or past())
    return made


def test_turnover_is_the_rise_of_the_ticker():
    made = fed([(0, 1, 1000), (5, 2, 1010), (10, 3, 1040)])
    assert made.ring.flow.tolist() == [[0, 10, 40]]


def test_what_left_the_day_is_added_minute_by_minute():
    left = past([60, 600, 0, np.inf, 0])
    made = fed([(0, 1, 1000), (30, 1, 1000), (60, 1, 1000)], before=left)
    assert made.ring.flow.tolist() == [[0, 30, 60]]
    across = fed([(50, 1, 1000), (70, 1, 1000)], before=left)
    assert across.ring.flow.tolist() == [[0, 10 + 100]]
    unknown = fed([(170, 1, 1000), (190, 1, 1005)], before=left)
    assert unknown.ring.flow.tolist() == [[0, 5]]


def test_a_ticker_that_goes_back_is_not_counted_twice():
    made = fed([(0, 1, 1000), (5, 1, 1100), (10, 1, 1030), (15, 1, 1110), (20, 1, 1120)])
    assert made.ring.flow.tolist() == [[0, 100, 100, 110, 120]]


def test_a_fall_that_lasts_is_the_new_level():
    seconds = range(0, FALL_LASTS // SECOND + 30, 10)
    made = fed([(0, 1, 1000), *((10 + second, 1, 500 + second) for second in seconds)])
    flow = made.ring.flow[0]
    assert flow[6] == 0, "for a minute nothing counts"
    assert flow[-1] - flow[-2] == 10
    assert made.fallen[0] == 0


def test_a_symbol_that_was_missed_counts_what_flowed_meanwhile():
    made = fed([(0, 1, 1000), (5, NAN, NAN), (10, 1, 1200)])
    assert made.ring.flow.tolist() == [[0, 100, 200]]
    late = fed([(0, 1, 1000), *((s, NAN, NAN) for s in range(5, 40, 5)), (40, 1, 9000)])
    assert late.ring.flow[0, -1] == 0
    assert np.isnan(late.ring.flow[0, :-1]).all()


def test_it_follows_the_symbols_of_the_state():
    made = fed([(0, 1, 1000), (5, 2, 1010)])
    made.follow(["B", "A"])
    assert made.ring.flow[1].tolist() == [0, 10]
    assert np.isnan(made.turnover[0])
    made.push(T + 10 * SECOND, np.array([7.0, 3.0]), np.array([50.0, 1040.0]), past(count=2))
    assert made.ring.flow[:, -1].tolist() == [0, 40]


def slow(tickers):
    """Return what flowed until each ticker of one symbol, in plain steps; None: not known."""
    flows, level, since, total, seen, before = [], None, None, None, None, None
    for second, last, turnover in tickers:
        if last is None:
            flows.append(None)
            continue
        if seen is None or second - seen > LONGEST_GAP // SECOND:
            total, level, since = 0.0, turnover, None
        elif since is not None and second - since > FALL_LASTS // SECOND:
            # The fall is believed: the rise since the last ticker counts.
            total += max(0.0, turnover - before)
            level = max(turnover, before)
            since = second if turnover < before else None
        else:
            total += max(0.0, turnover - level)
            level = max(level, turnover)
            since = (since if since is not None else second) if turnover < level else None
        flows.append(total)
        seen, before = second, turnover
    return flows


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 25), st.one_of(st.none(), st.integers(0, 2000))),
        min_size=1,
        max_size=14,
    )
)
def test_any_tickers_add_up_as_plain_steps_say(steps):
    second, tickers = 0, []
    for wait, turnover in steps:
        second += wait
        tickers.append((second, None if turnover is None else 1.0, turnover))
    made = fed([(t, NAN if p is None else p, NAN if v is None else v) for t, p, v in tickers])
    expected = slow(tickers)[-len(made.ring.time) :]
    flow = made.ring.flow[0]
    known = [place for place, value in enumerate(expected) if value is not None]
    for earlier, later in pairwise(known):
        if not np.isnan(flow[earlier]):
            added = expected[later] - expected[earlier]
            assert flow[later] - flow[earlier] == pytest.approx(added)
    assert (np.diff(flow[~np.isnan(flow)]) >= 0).all()


def test_what_is_saved_is_read_again():
    made = fed([(second, 1 + second / 7, 1e9 + 3 * second) for second in range(0, 400, 5)])
    again = MarketRing.from_arrays(made.to_arrays("x"), "x")
    assert again.symbols == made.symbols
    assert (again.ring.time == made.ring.time).all()
    assert again.ring.last == pytest.approx(made.ring.last, rel=1e-6)
    first = made.ring.flow[:, :1]
    assert again.ring.flow == pytest.approx(made.ring.flow - first, rel=1e-6)
    for name in ("turnover", "turnover_time", "fallen", "fallen_since", "judged_since"):
        assert (getattr(again, name) == getattr(made, name)).all()


def test_of_close_snapshots_some_are_saved_and_the_last_one_always():
    made = fed([(second, 1, 1000 + second) for second in range(301)])
    saved = MarketRing.from_arrays(made.to_arrays("x"), "x").ring
    assert saved.time[-1] == made.ring.time[-1]
    assert (np.diff(saved.time) == 5 * SECOND).all()
    assert saved.flow[0, -1] - saved.flow[0, 0] == 300


def test_a_thousand_symbols_take_little_room():
    count = 1000
    made = MarketRing()
    made.follow([f"A{number}USDT" for number in range(count)])
    random = np.random.default_rng(0)
    for second in range(0, 400, 5):
        last, turnover = random.uniform(1, 2, count), 1e6 + second * random.uniform(0, 9, count)
        made.push(T + second * SECOND, last, turnover, past(count=count))
    arrays = made.to_arrays("x")
    assert sum(np.asarray(column).nbytes for column in arrays.values()) < 700_000
    assert arrays["last"].dtype == arrays["flow"].dtype == np.float32
