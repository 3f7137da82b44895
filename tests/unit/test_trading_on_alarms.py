"""What trades on labelled pumps would have made: entries, exits and costs on hand-made trades."""

from dataclasses import replace

import numpy as np
import pytest

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.research.evaluation.labelled import Segment
from studies.trading_on_alarms import (
    COSTS,
    FADE_LIMIT,
    GAVE_BACK,
    RIDE_LIMIT,
    RIDE_STOP,
    RIDE_TARGET,
    STOP_ABOVE,
    Alarm,
    alarms_at,
    fade,
    horizon,
    lines,
    ride,
)

START = 1_600_000_020_000 // MINUTE * MINUTE
DAY = 1_440
ALARM = START + (DAY + 100) * MINUTE


def market(trades, candles=None):
    """A segment of these (milliseconds since the alarm, price) trades."""
    time = np.array([ALARM + after for after, _ in trades], dtype=np.int64)
    price = np.array([price for _, price in trades], dtype=np.float64)
    many = len(trades)
    tape = MarketTrades(time, np.ones(many, dtype=np.bool_), price, np.full(many, 10.0))
    if candles is None:
        candles = Candles.empty(["PUMPBTC"], interval=MINUTE, first=START, count=1)
    return Segment(
        1, START, START + 3 * DAY * MINUTE, symbol="PUMPBTC", candles=candles, trades=tape
    )


def alarm(*trades, base=1.0):
    return Alarm(market(trades), ALARM, base)


PEAK = 2.0
STALLED = PEAK - GAVE_BACK * (PEAK - 1.0)
STOP, TARGET = PEAK * (1 + STOP_ABOVE), PEAK - 0.8 * (PEAK - 1.0)
RISEN = ((-1_000, PEAK), (-500, STALLED))


@pytest.mark.parametrize(
    ("trades", "made"),
    [
        pytest.param(((1_000, 10.0), (2_000, 15.0)), RIDE_TARGET, id="jumps over its target"),
        pytest.param(((1_000, 10.0), (2_000, 9.0), (3_000, 20.0)), -0.1, id="beyond the stop"),
        pytest.param(
            ((1_000, 10.0), (2_000, 10.0 * (1 - RIDE_STOP))), -RIDE_STOP, id="at the stop"
        ),
        pytest.param(
            ((1_000, 10.0), (1_000 + RIDE_LIMIT, 10.1), (1_001 + RIDE_LIMIT, 10.2)),
            0.01,
            id="the last trade in its time",
        ),
        pytest.param(((999, 9.0),), None, id="nobody trades any more"),
    ],
)
def test_a_ride(trades, made):
    assert ride(alarm(*trades)) == (None if made is None else pytest.approx(made - COSTS))


def test_a_buy_fills_at_the_first_trade_a_second_later_and_is_worth_the_last_one_in_time():
    bought = alarm((999, 9.0), (1_000, 10.0), (15_900, 11.0), (16_000, 12.0), (16_001, 99.0))
    assert horizon(bought, 15) == pytest.approx(12.0 / 10.0 - 1 - COSTS)
    assert horizon(alarm((0, 9.0)), 60) is None


@pytest.mark.parametrize(
    ("trades", "end"),
    [
        pytest.param(((2_000, STOP * 1.1),), STOP * 1.1, id="beyond its stop"),
        pytest.param(((2_000, 0.5),), TARGET, id="no lower than its target"),
        pytest.param(((2_000, TARGET), (3_000, 3.0)), TARGET, id="touches its target"),
        pytest.param(
            ((1_000 + FADE_LIMIT, 1.5), (1_001 + FADE_LIMIT, 1.0)), 1.5, id="the last in its time"
        ),
    ],
)
def test_a_fade_ends(trades, end):
    made = fade(alarm(*RISEN, (1_000, 1.6), *trades), 60)
    assert made == pytest.approx(1 - end / 1.6 - COSTS)


def test_a_fade_waits_for_the_scan_that_sees_the_stall_and_fills_a_second_after_it():
    early = alarm((-1_000, PEAK), (5_500, STALLED), (10_500, 1.65), (11_000, 1.6), (50_000, 1.0))
    # Scans each 5 s: the stall is seen at 10 s, and the next trade from 11 s on is the entry.
    assert fade(early, 5) == pytest.approx(1 - TARGET / 1.6 - COSTS)
    # Scans each minute: the stall is seen at 60 s, and then nobody trades any more.
    assert fade(early, 60) is None


def test_a_rise_that_gave_back_just_the_share_has_stalled():
    trades = ((-1_000, 11.0), (-500, 8.0), (1_000, 7.0), (2_000, 5.0))
    assert fade(alarm(*trades), 60) == pytest.approx(1 - 5.0 / 7.0 - COSTS)


@pytest.mark.parametrize(
    "trades",
    [
        pytest.param(
            [(second * 1_000, 1.0 + second / 100) for second in range(-30, 3_700)],
            id="does not stall",
        ),
        pytest.param([(5 * MINUTE, 2.0)], id="no trade before the scan"),
        pytest.param([*RISEN, (1_000, 1.19), (2_000, 1.0)], id="beyond its target"),
        pytest.param([*RISEN, (1_000, STOP), (2_000, 1.0)], id="at its stop"),
        pytest.param([*RISEN, (1_000, 1.205), (2_000, 1.0)], id="too little to gain"),
    ],
)
def test_what_is_not_faded(trades):
    assert fade(alarm(*trades), 60) is None


def pumped(minute, *, count=DAY + 300, rise=1.5, flow=20_000.0, jump=32, priced=None):
    """Calm candles with one pump, and the pump minute's trades: the price jumps `priced` seconds
    into it, and the turnover `jump` seconds."""
    priced = jump if priced is None else priced
    random = np.random.default_rng(1)
    candles = Candles.empty(["PUMPBTC"], interval=MINUTE, first=START, count=count)
    close = 1.0 + 0.001 * random.standard_normal(count)
    turnover = random.lognormal(0.0, 0.5, count)
    opened = np.append(close[0], close[:-1])
    high, low = np.maximum(opened, close) * 1.0005, np.minimum(opened, close) * 0.9995
    close[minute], high[minute] = close[minute] * rise, close[minute] * rise * 1.001
    turnover[minute] *= flow
    columns = {"open": opened, "high": high, "low": low, "close": close, "turnover": turnover}
    for name, values in {**columns, "volume": turnover / close}.items():
        getattr(candles, name)[0] = values
    since = START + minute * MINUTE - ALARM
    before = [(since + second * 1_000, float(opened[minute])) for second in range(priced)]
    after = [(since + second * 1_000, float(close[minute])) for second in range(priced, 60)]
    segment = market(before + after, candles)
    tape = segment.trades
    quantity = np.where(np.arange(60) < jump, 1e-6, turnover[minute] / close[minute] / (60 - jump))
    trades = MarketTrades(tape.time, tape.bought, tape.price, quantity)
    return Segment(
        1, START, START + count * MINUTE, symbol="PUMPBTC", candles=candles, trades=trades
    )


@pytest.mark.parametrize(("seconds", "after"), [(60, 60), (10, 40), (5, 35)])
def test_a_sure_alarm_is_known_at_the_first_scan_that_sees_it(seconds, after):
    minute = DAY + 100
    (found,) = alarms_at(pumped(minute), Boosted(), seconds)
    assert found.time - (START + minute * MINUTE) == after * 1_000
    assert found.base == pytest.approx(1.0, abs=0.01)


def test_a_trade_at_the_instant_of_a_scan_is_seen_by_the_next_one():
    minute = DAY + 100
    (found,) = alarms_at(pumped(minute, jump=35), Boosted(), 5)
    assert found.time - (START + minute * MINUTE) == 40_000


def test_a_price_that_jumps_without_turnover_is_not_sure_yet():
    minute = DAY + 100
    (found,) = alarms_at(pumped(minute, priced=12), Boosted(), 5)
    assert found.time - (START + minute * MINUTE) == 35_000


def test_alarms_of_the_first_day_are_warm_up():
    assert alarms_at(pumped(DAY - 5), Boosted(), 60) == []
    later = replace(pumped(DAY + 100), start=START + 200 * MINUTE)
    assert alarms_at(later, Boosted(), 60) == []


def test_the_table_has_a_line_for_each_interval_and_what_is_done():
    quiet = Segment(2, START, START, symbol="CALMBTC", candles=market([(0, 1.0)]).candles)
    head, rule, *rows = lines([pumped(DAY + 100), quiet])
    assert head.startswith("| every |")
    assert rule.startswith("| --- |")
    assert len(rows) == 3 * (4 + 2)
    bought, *_, faded = rows[:6]
    assert bought.startswith("| 60 s, bought and held 15 s | 0 |")
    assert faded.startswith("| 60 s, fade (hypothetical) | 0 |")
    five = rows[12]
    # Bought at the price it stays at: the costs are lost, and nobody wins.
    assert five == "| 5 s, bought and held 15 s | 1 | -0.4 % | -0.4 % | 0 % | -0 % |"


def test_one_trade_too_little_to_alarm_gives_no_line():
    calm = pumped(DAY + 100, rise=1.0, flow=1.0)
    rows = list(lines([calm]))[2:]
    assert all("| 0 | | | | |" in row for row in rows)
