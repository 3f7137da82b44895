from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

from unit.reports.run_results import detected, replay_result, small_result

from pumpwatch_workbench.pages.event_rows import DetectedEvent, Verdict
from pumpwatch_workbench.play.run.result import RunResult

KEYS = [
    "symbols",
    "ticks",
    "events_planted",
    "events_detected",
    "false_events",
    "orders",
    "fills",
    "positions_without_stop_seconds_max",
    "realised_pnl_usdt",
    "detect_delay_p50_seconds",
    "tick_seconds_p50",
    "tick_requests_p50",
    "metrics_pushed",
    "scans",
    "announced_planted",
    "announced_detected",
    "order_delay_p50_seconds",
]


def empty_result() -> RunResult:
    return replace(
        small_result(),
        planted=(),
        events=(),
        trades=(),
        equity=(),
        tick_seconds=(),
        tick_requests=(),
        candles={},
        ticks=0,
    )


def test_the_json_object_has_exactly_the_promised_keys_in_their_order():
    assert list(small_result().to_json()) == KEYS
    assert list(empty_result().to_json()) == KEYS


def test_the_json_object_counts_hits_and_false_events_only():
    report = small_result().to_json()
    assert report["events_planted"] == 3
    assert report["events_detected"] == 1
    assert report["false_events"] == 1
    assert report["detect_delay_p50_seconds"] == 24.0
    assert report["tick_requests_p50"] == 5.0
    assert (report["announced_planted"], report["announced_detected"]) == (1, 1)
    assert report["scans"] == 1_980


def test_profit_and_loss_is_an_exact_decimal_string():
    assert small_result().to_json()["realised_pnl_usdt"] == "-18.155"
    tiny = replace(
        small_result(),
        trades=(small_result().trades[0].with_(realised_pnl=Decimal("1E-9")),),
    )
    assert tiny.to_json()["realised_pnl_usdt"] == "0.000000001"


def test_the_delay_of_an_order_is_from_its_scan_to_its_acknowledgement():
    result = small_result()
    assert result.order_delay_p50 == 0.84
    assert replace(result, steps={}).order_delay_p50 is None


def test_hits_are_counted_by_kind():
    result = small_result()
    assert result.counted(announced=True) == (1, 1)
    assert result.counted(announced=False) == (0, 2)


def test_a_median_of_nothing_is_null_in_json():
    report = json.loads(json.dumps(empty_result().to_json(), allow_nan=False))
    assert report["detect_delay_p50_seconds"] is None
    assert report["tick_seconds_p50"] is None
    assert report["tick_requests_p50"] is None
    assert report["realised_pnl_usdt"] == "0"


def test_the_median_delay_of_an_even_number_of_hits_lies_between_the_middle_two():
    result = small_result()
    hit = result.events[0]
    later = replace(hit, event_id="other", alarm_time=hit.alarm_time + 10_000)
    assert replace(result, events=(hit, later)).delay_p50 == 29.0


def test_rows_hold_every_planted_pump_and_every_alarm_in_order_of_time():
    rows = small_result().rows()
    assert [(row.symbol, row.verdict) for row in rows] == [
        ("AAAUSDT", Verdict.HIT),
        ("BBBUSDT", Verdict.EARLY),
        ("CCCUSDT", Verdict.MISSED),
        ("DDDUSDT", Verdict.FALSE),
    ]
    assert rows[0].trade is not None
    assert rows[2].detected is None
    assert rows[3].planted is None


def test_a_hit_wins_over_an_early_alarm_of_the_same_pump():
    result = small_result()
    pump = result.planted[1]
    hit = detected("BBBUSDT", pump.onset + 20_000, 0.012, 0.1, Verdict.HIT, pump.onset)
    rows = replace(result, events=(*result.events, hit)).rows()
    of_pump = [row for row in rows if row.symbol == "BBBUSDT"]
    assert [row.verdict for row in of_pump] == [Verdict.EARLY, Verdict.HIT]
    assert of_pump[1].planted == pump
    assert of_pump[0].planted is None


def test_an_ignored_event_is_no_hit_and_leaves_its_pump_missed():
    result = small_result()
    pump = result.planted[2]
    ignored = detected("CCCUSDT", pump.onset + 900_000, 3.0, 0.1, Verdict.IGNORED, pump.onset)
    changed = replace(result, events=(ignored,))
    verdicts = [row.verdict for row in changed.rows() if row.symbol == "CCCUSDT"]
    assert verdicts == [Verdict.MISSED, Verdict.IGNORED]
    assert changed.to_json()["events_detected"] == 0


def test_the_signals_of_an_event_may_come_in_any_order():
    event = small_result().events[0]
    shuffled = DetectedEvent.from_signals(event.signals[::-1], Verdict.HIT, event.onset)
    assert shuffled == event


def test_a_replay_keeps_where_each_pump_was_recorded():
    rows = replay_result(6).rows()
    assert [row.planted.segment for row in rows if row.planted] == [f"{n:03d}" for n in range(6)]
    assert all(row.planted and row.planted.original_onset for row in rows)
