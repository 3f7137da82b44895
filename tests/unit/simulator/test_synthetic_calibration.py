"""The generated market holds what was measured on recorded ones; the rule is written out here."""

import numpy as np
import pytest

from pumpwatch_workbench.simulator.market.day_window import HOUR_MS
from pumpwatch_workbench.simulator.market.source import MINUTE_MS
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket

START = 1_767_225_600_000
SYMBOLS, LIVE_MINUTES, WARM_UP = 400, 180, 1_440
SEEDS = range(5)


def deviations(values, floor):
    """Return z of every row against the rows before it, shaped (minutes, symbols)."""
    alpha = 2 / (WARM_UP + 1)
    mean, variance = values[0].copy(), np.zeros(values.shape[1])
    result = np.empty_like(values)
    for row, value in enumerate(values):
        distance = value - mean
        result[row] = distance / np.sqrt(variance + floor)
        mean += alpha * distance
        variance = alpha * distance**2 + (1 - alpha) * variance
    return result


def alarms(mask):
    found = []
    for column in range(mask.shape[1]):
        silent_until = WARM_UP
        for row in np.flatnonzero(mask[:, column]).tolist():
            if row >= silent_until:
                found.append((row, column))
                silent_until = row + 30
    return found


def one_run(seed):
    of = SyntheticMarket(SYMBOLS, seed, START, LIVE_MINUTES)
    first = START - 25 * HOUR_MS
    candles = [of.minutes(index, first, of.end - MINUTE_MS) for index in range(len(of.listings))]
    full = [one for one in candles if one.open_time[0] == first]
    names = [
        listing.symbol
        for listing, one in zip(of.listings, candles, strict=True)
        if one.open_time[0] == first
    ]
    high, close, opens, turnover = (
        np.stack([getattr(one, name) for one in full], axis=1)
        for name in ("high", "close", "open", "turnover")
    )
    jump = high / opens - 1
    z = deviations(turnover, 0.01)
    days = len(full) * (high.shape[0] - WARM_UP) / 1_440
    naive = len(alarms((z > 3) & (deviations(jump, 1e-12) > 3))) / days
    strict = alarms((z > 48) & (jump > 0.07))
    hits, near, outcomes = 0, set(), []
    for event in of.planted:
        if event.symbol not in names:
            continue
        column = names.index(event.symbol)
        ends = {row: first + (row + 1) * MINUTE_MS for row, at in strict if at == column}
        near |= {(row, column) for row, end in ends.items() if end > event.onset - 3_600_000}
        hit = [row for row, end in ends.items() if -60_000 < end - event.onset <= 300_000]
        if hit:
            hits += 1
            price, coming = close[hit[0], column], slice(hit[0] + 1, hit[0] + 16)
            against = high[coming, column].max() / price - 1
            outcomes.append((against, 1 - close[hit[0] + 15, column] / price))
    rises = [(event.size, (event.peak - event.onset) / 1_000) for event in of.planted]
    return naive, len(set(strict) - near) / days, hits, rises, outcomes


@pytest.fixture(scope="module")
def runs():
    return [one_run(seed) for seed in SEEDS]


def test_a_naive_rule_alarms_about_as_often_as_on_recorded_markets(runs):
    assert 2.0 < np.mean([run[0] for run in runs]) < 3.7


def test_a_strict_rule_is_rarely_but_sometimes_wrong(runs):
    assert 0.001 < np.mean([run[1] for run in runs]) < 0.03


def test_a_strict_rule_finds_most_pumps_but_not_all(runs):
    planted = sum(len(run[3]) for run in runs)
    assert planted > 35
    assert 0.55 < sum(run[2] for run in runs) / planted < 0.9


def test_pumps_have_recorded_sizes_and_peak_within_half_a_minute_or_so(runs):
    sizes, seconds = np.array([rise for run in runs for rise in run[3]]).T
    assert 0.12 < np.median(sizes) < 0.26
    assert np.quantile(sizes, 0.9) > 1.6 * np.median(sizes)
    assert 20 < np.median(seconds) < 48


def test_a_short_at_the_alarm_first_suffers_and_gains_in_the_end(runs):
    against, gain = np.array([outcome for run in runs for outcome in run[4]]).T
    assert 0.04 < against.mean() < 0.13
    assert np.quantile(against, 0.9) > 0.07
    assert 0.04 < gain.mean() < 0.14
