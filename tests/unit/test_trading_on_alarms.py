"""What trades on labelled pumps would have made: entries, exits and costs on hand-made trades."""

import numpy as np
import pytest

from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.research.evaluation.labelled import Segment
from studies.trading_on_alarms import (
    COSTS,
    FADE_LIMIT,
    RIDE_LIMIT,
    RIDE_STOP,
    RIDE_TARGET,
    RULES,
    STOP_ABOVE,
    Alarm,
    alarms_from,
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
QUIET = RULES.patience
STALLED = PEAK - RULES.peaked_share * (PEAK - 1.0)
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


def test_a_timed_ride_has_a_stop_and_no_target():
    risen = alarm((1_000, 10.0), (2_000, 15.0), (16_000, 12.0), (16_001, 99.0))
    assert ride(risen, 15) == pytest.approx(12.0 / 10.0 - 1 - COSTS)
    fallen = alarm((1_000, 10.0), (2_000, 9.0), (16_000, 12.0))
    assert ride(fallen, 15) == pytest.approx(-0.1 - COSTS)


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


def test_a_patient_fade_waits_though_the_rise_has_stalled():
    trades = [*RISEN, (1_000, 1.6), (61_000, 1.5), (62_000, TARGET)]
    assert fade(alarm(*trades), 5) == pytest.approx(1 - TARGET / 1.6 - COSTS)
    assert fade(alarm(*trades), 5, QUIET // 1000) == pytest.approx(1 - TARGET / 1.5 - COSTS)


def test_a_rise_without_a_new_high_for_a_while_has_stalled():
    high = PEAK - 0.01
    trades = [
        (-1_000, PEAK),
        (2_000, high),
        (QUIET - 2_000, high),
        (QUIET + 1_000, 1.8),
    ]
    ended = fade(alarm(*trades, (QUIET + 2_000, TARGET)), 5)
    assert ended == pytest.approx(1 - TARGET / 1.8 - COSTS)
    # A new high ten seconds after the alarm: the entry comes ten seconds later.
    newer = [
        *trades,
        (10_000, PEAK + 0.1),
        (QUIET + 11_000, 1.9),
        (QUIET + 12_000, 1.0),
    ]
    made = fade(alarm(*sorted(newer)), 5)
    target = PEAK + 0.1 - 0.8 * (PEAK + 0.1 - 1.0)
    assert made == pytest.approx(1 - target / 1.9 - COSTS)


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


HEAD = "segment,symbol,time\n"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "alarms.csv"


def test_alarms_are_read_at_their_second_with_the_price_of_a_minute_before(file):
    """A segment without trades is left out: nothing could be bought there."""
    segment = market([(-70_000, 1.0), (-61_000, 1.1), (-59_000, 1.5), (0, 2.0)])
    silent = Segment(2, START, START, symbol="CALMBTC", candles=segment.candles)
    file.write_text(
        f"{HEAD}1,PUMPBTC,2020-09-14T14:07:35.250Z\n2,CALMBTC,2020-09-14T14:07:35.250Z\n"
    )
    (found,) = alarms_from(file, [segment, silent])
    assert found.segment is segment
    assert found.time == 1_600_092_455_250
    file.write_text(f"{HEAD}1,PUMPBTC,{np.datetime64(ALARM, 'ms')}Z\n")
    assert alarms_from(file, [segment])[0].base == 1.1


def test_the_table_has_a_line_for_each_thing_that_is_done():
    head, rule, *rows = lines([alarm((1_000, 10.0), (20_000, 10.0))])
    assert head.startswith("| what |")
    assert rule.startswith("| --- |")
    assert len(rows) == 4 + 2 + 2
    # Bought at the price it stays at: the costs are lost, and nobody wins.
    assert rows[0] == "| bought, held 15 s | 1 | -0.4 % | -0.4 % | 0 % | -0 % |"


def test_without_alarms_nothing_was_made():
    assert all("| 0 | | | | |" in row for row in list(lines([]))[2:])
