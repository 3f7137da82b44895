"""The looks at a recorded market are those that live scans of it would make."""

from dataclasses import replace

import numpy as np
import pytest
from support.labelled_markets import BEGIN, COUNT, load_pump_events, write_folder
from support.random_looks import snapshots

from pumpwatch.domain.detection.burst_traits import burst_traits, usual_minute
from pumpwatch.domain.detection.bursts import Look, bursts, day_before
from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch_workbench.research.evaluation.looks import looks

DAY = 1440 * MINUTE
LIVE = BEGIN + DAY + 7 * SECOND


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    (one,), _ = load_pump_events(write_folder(tmp_path_factory.mktemp("market"), 1))
    return one


def live_look(segment, time, interval):
    """Return the look of a live scan, None where the snapshots show no burst."""
    ring = snapshots(segment.trades, time, interval=interval)
    ended = int(np.searchsorted(segment.candles.open_time, time // MINUTE * MINUTE))
    candles = segment.candles.between(0, ended)
    columns = day_before(candles, time)
    if columns is None:
        return None
    usual = usual_minute(candles.turnover[:, columns])
    if not bursts(ring, time, usual)[0] > 0:
        return None
    return Look(time, ring, candles, segment.trades.shown_at(time))


@pytest.mark.parametrize(
    ("interval", "phase"), [(5 * SECOND, 0), (5 * SECOND, 1234), (15 * SECOND, 0), (SECOND, 400)]
)
def test_recorded_looks_are_those_of_live_scans_at_the_same_moments(segment, interval, phase):
    recorded = {look.time: look for look in looks(segment, interval, phase, LIVE)}
    assert len(recorded) > 12
    assert {time % interval for time in recorded} == {phase}
    moments = np.array(sorted(recorded))
    near = moments[:, None] + interval * np.arange(-30, 31)
    far = np.arange(LIVE + (phase - LIVE) % interval, BEGIN + COUNT * MINUTE, 101 * interval)
    judged = 0
    for time in np.union1d(near[:: max(1, 5 * SECOND // interval)], far).tolist():
        if not LIVE <= time < BEGIN + COUNT * MINUTE:
            continue
        live = live_look(segment, time, interval)
        assert (live is not None) == (time in recorded), time
        if live is None:
            continue
        step = 5 * SECOND if interval <= 5 * SECOND else 15 * SECOND
        one, other = burst_traits(live, step), burst_traits(recorded[time], step)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(one[0], other[0], rtol=1e-9, atol=1e-9)
            assert one[1] == other[1]
            judged += 1
    assert judged > 5


def test_looks_come_in_order_of_time_and_not_before_they_shall_begin(segment):
    every = [look.time for look in looks(segment, 5 * SECOND, 0, LIVE)]
    assert every == sorted(set(every))
    later = [look.time for look in looks(segment, 5 * SECOND, 0, every[3])]
    assert later == every[3:]
    assert [look.time for look in looks(segment, 5 * SECOND, 5 * SECOND, LIVE)] == every


def test_a_look_sees_nothing_of_what_comes_after_it(segment):
    for look in looks(segment, 5 * SECOND, 0, LIVE):
        assert look.ring.time[-1] == look.time
        assert look.candles.open_time[-1] + MINUTE <= look.time
        at = np.searchsorted(segment.trades.time, look.time)
        assert look.ring.last[0, -1] == segment.trades.price[at - 1]


def test_a_market_without_trades_has_no_looks(segment):
    assert list(looks(replace(segment, trades=None), 5 * SECOND, 0, LIVE)) == []


@pytest.mark.parametrize("cut", [1, 17, 60, 143])
def test_where_a_recording_begins_changes_no_look(segment, cut):
    begin = int(segment.candles.open_time[cut])
    trades = segment.trades.between(begin, BEGIN + COUNT * MINUTE)
    candles = segment.candles.between(cut, segment.candles.shape[1])
    part = replace(segment, start=begin, candles=candles, trades=trades)
    live = LIVE + cut * MINUTE
    whole = {look.time: burst_traits(look) for look in looks(segment, 5 * SECOND, 0, live)}
    later = {look.time: burst_traits(look) for look in looks(part, 5 * SECOND, 0, live)}
    assert len(whole) > 10
    assert whole.keys() == later.keys()
    for time, traits in whole.items():
        assert (traits is None) == (later[time] is None)
        if traits is not None:
            np.testing.assert_allclose(traits[0], later[time][0], rtol=1e-9, atol=1e-9)
            assert traits[1] == later[time][1]
