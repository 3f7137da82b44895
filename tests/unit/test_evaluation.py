"""Event-level scoring: the data's rules one by one, and the published baseline on the data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.labelled_markets import load_pump_events

from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch_workbench.research.evaluation.kamps_kleinberg import KampsKleinberg
from pumpwatch_workbench.research.evaluation.scores import (
    DAY,
    HIT_AFTER_HOURLY,
    LabelledPump,
    Segment,
    emitted,
    hit_after,
    hourly,
    raise_alarms,
    score,
)

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("PUMPWATCH_PUMP_EVENTS", ROOT / "../shared/data/pump-events"))
needs_data = pytest.mark.skipif(
    not (DATA / "candles.parquet").exists(),
    reason="the labelled pumps are not here: set PUMPWATCH_PUMP_EVENTS to their folder",
)

ONSET = 2 * DAY
NOTHING = Candles.empty(["AUSDT"], interval=MINUTE, first=0, count=0)


def scored(*alarms, onset=ONSET, counted=True, days=4, **more):
    segment = Segment(7, 0, days * DAY, symbol="AUSDT", candles=NOTHING)
    return score([segment], [LabelledPump(7, "AUSDT", onset, counted)], {7: alarms}, **more)


@pytest.mark.parametrize(
    ("alarm", "hits", "early", "missed"),
    [
        (ONSET - 3_600_001, 0, 0, 1),
        (ONSET - 3_600_000, 0, 1, 0),
        (ONSET - 60_000, 0, 1, 0),
        (ONSET - 59_999, 1, 0, 0),
        (ONSET + 300_000, 1, 0, 0),
        (ONSET + 300_001, 0, 0, 1),
    ],
)
def test_hit_lies_within_a_minute_before_and_five_after_the_onset(alarm, hits, early, missed):
    found = scored(alarm)
    assert (found.hits, found.early, found.missed) == (hits, early, missed)


def test_hour_candles_have_until_an_hour_after_the_onset():
    assert scored(ONSET + 3_700_000, hit_after=HIT_AFTER_HOURLY).hits == 1
    assert scored(ONSET + 3_700_001, hit_after=HIT_AFTER_HOURLY).hits == 0


@pytest.mark.parametrize(
    ("alarm", "false_alarms"),
    [
        (ONSET - HOUR - 1, 1),
        (ONSET - HOUR, 0),
        (ONSET + 6 * HOUR, 0),
        (ONSET + 6 * HOUR + 1, 1),
        (DAY - 1, 0),
        (DAY, 1),
    ],
)
def test_alarms_near_an_event_and_in_the_warm_up_are_not_false(alarm, false_alarms):
    assert scored(alarm).false_alarms == false_alarms


def test_uncounted_event_is_neither_hit_nor_missed_but_its_alarms_are_ignored():
    found = scored(ONSET + 1000, counted=False)
    assert (found.events, found.false_alarms) == (0, 0)


def test_event_within_the_warm_up_is_not_counted():
    assert scored(onset=DAY - 1).events == 0


def test_alarm_silences_those_in_the_half_hour_after_it():
    times = [0, 1, 30 * MINUTE - 1, 30 * MINUTE, 45 * MINUTE, 60 * MINUTE]
    assert emitted(times, from_time=0) == [0, 30 * MINUTE, 60 * MINUTE]
    assert scored(ONSET - 61_000, ONSET + 1000).early == 1


def test_event_has_one_hit_and_its_delay_is_from_onset_to_alarm():
    found = scored(ONSET + 50_000, ONSET + 40 * MINUTE)
    assert (found.hits, found.delays, found.false_alarms) == (1, (50.0,), 0)


def test_clean_days_leave_out_warm_up_and_the_union_of_ignored_spans():
    assert scored(days=4).clean_symbol_days == pytest.approx(3 - 7 / 24)
    segment = Segment(7, 0, 4 * DAY, symbol="AUSDT", candles=NOTHING)
    events = [LabelledPump(7, "AUSDT", ONSET + shift) for shift in (0, HOUR, 40 * HOUR)]
    clean = score([segment], events, {}).clean_symbol_days
    # The third event's span is cut off at the end of the segment.
    assert clean == pytest.approx(3 - 8 / 24 - 7 / 24)


def test_scores_follow_from_the_counts():
    found = scored(ONSET, DAY + HOUR, DAY + 2 * HOUR, DAY + 3 * HOUR)
    assert (found.precision, found.recall, found.f1) == (0.25, 1.0, pytest.approx(0.4))
    assert found.false_alarms_per_symbol_day == pytest.approx(3 / (3 - 7 / 24))
    silent = scored()
    assert (silent.to_json()["precision"], silent.recall, silent.f1) == (None, 0, 0)
    assert np.isnan(silent.median_delay)


def test_minutes_become_whole_hours():
    candles = Candles.empty(["AUSDT"], interval=MINUTE, first=50 * MINUTE, count=160)
    for number, name in enumerate(("open", "high", "low", "close", "volume", "turnover")):
        getattr(candles, name)[0] = np.arange(160) + 1000.0 * number
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        getattr(candles, name)[0, 70:] = np.nan
        getattr(candles, name)[0, 10] = np.nan
    hours = hourly(candles)
    assert list(hours.open_time) == [HOUR, 2 * HOUR]
    assert (hours.open[0, 0], hours.high[0, 0], hours.low[0, 0]) == (11.0, 1069.0, 2011.0)
    assert (hours.close[0, 0], hours.volume[0, 0]) == (3069.0, 59 * 4040.0)
    assert np.isnan(hours.close[0, 1])
    assert hourly(candles.between(0, 30)).shape == (1, 0)


def write_pumps(folder):
    files = {
        "segments.csv": "segment,symbol,start,end\n"
        "3,ADX,1970-01-01T00:00:30Z,1970-01-01T00:06:30Z\n",
        "events.csv": "segment,symbol,onset,counted\n3,ADX,1970-01-01T00:03:10Z,1\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    rows = {"segment": [3, 3], "open_time": [60_000, 180_000], "trades": [1, 2]}
    rows |= {name: [1.0, 2.0] for name in ("open", "high", "low", "close", "volume", "turnover")}
    pl.DataFrame(rows).write_parquet(folder / "candles.parquet")


def test_minutes_without_a_trade_get_the_last_close_and_no_volume(tmp_path):
    write_pumps(tmp_path)
    (segment,), (event,) = load_pump_events(tmp_path)
    assert (segment.start, segment.end, event.onset) == (30_000, 390_000, 190_000)
    assert list(segment.candles.open_time) == [60_000 * n for n in (1, 2, 3, 4, 5)]
    assert list(segment.candles.high[0]) == [1, 1, 2, 2, 2]
    assert list(segment.candles.turnover[0]) == [1, 0, 2, 0, 0]


@pytest.fixture(scope="module")
def pumps():
    return load_pump_events(DATA)


def score_of(rule, segments, events):
    return score(segments, events, raise_alarms(rule, segments), hit_after=hit_after(rule))


@needs_data
def test_published_ewma_reaches_its_scores_on_real_pumps(pumps):
    found = score_of(Ewma(epsilon=1e-6), *pumps)
    assert found.events == 81
    assert found.clean_symbol_days == pytest.approx(1343, abs=0.5)
    assert found.f1 == pytest.approx(0.78, abs=0.02)
    assert found.precision == pytest.approx(0.87, abs=0.02)
    assert found.recall == pytest.approx(0.72, abs=0.02)
    assert found.median_delay == 55


@needs_data
def test_hourly_baselines_score_as_their_papers_lead_to_expect(pumps):
    kamps = score_of(KampsKleinberg(), *pumps)
    assert kamps.recall > 0.9
    assert 0.2 < kamps.false_alarms_per_symbol_day < 0.3
    assert score_of(Karbalaii(), *pumps).recall < 0.05
