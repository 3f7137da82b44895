from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from unit.reports.run_results import MINUTE, small_result

from pumpwatch_workbench.pages.candle_charts import Chart, candle_chart, decimals_of, event_chart
from pumpwatch_workbench.pages.event_rows import window_of
from pumpwatch_workbench.pages.line_charts import (
    POINTS_AT_MOST,
    curve_chart,
    equity_chart,
    percentile,
    realised_profit,
)
from pumpwatch_workbench.pages.plots import Plot, Series


def marks(chart: Chart) -> list[str]:
    return [mark["text"] for mark in chart["marks"]]


def test_an_event_chart_marks_onset_signals_entry_exit_stop_and_target():
    result = small_result()
    row = result.rows()[0]
    trade = row.trade
    assert trade is not None
    chart = event_chart(row, result.candles["AAAUSDT"])
    exit_mark = "take profit 0.52500"
    assert marks(chart) == ["onset", "rising", "peaked", "over", "short 0.56000", exit_mark]
    by_name = {mark["text"]: mark for mark in chart["marks"]}
    assert by_name["onset"]["time"] == row.time
    assert by_name["rising"]["time"] == row.time + 24_000
    entry, end = by_name["short 0.56000"], by_name[exit_mark]
    assert (entry["time"], entry["price"]) == (trade.entry_time, 0.56)
    assert (end["time"], end["price"]) == (trade.exit_time, 0.525)
    held = {"from": trade.entry_time, "until": trade.exit_time}
    assert chart["levels"] == [
        {"price": 0.61, "name": "stop 0.61000", "colour": "stop"} | held,
        {"price": 0.525, "name": "target 0.52500", "colour": "target"} | held,
    ]
    assert chart["candles"][0] == pytest.approx(list(result.candles["AAAUSDT"][0]), rel=1e-5)


def test_a_missed_pump_shows_its_onset_and_a_false_alarm_does_not():
    result = small_result()
    missed, false = result.rows()[2:]
    assert marks(event_chart(missed, result.candles["CCCUSDT"])) == ["onset"]
    assert "onset" not in marks(event_chart(false, result.candles["DDDUSDT"]))


def test_a_trade_that_was_denied_leaves_no_mark():
    result = small_result()
    row = result.rows()[1]
    assert row.trade is not None
    chart = event_chart(row, result.candles["BBBUSDT"])
    assert marks(chart) == ["onset", "rising", "peaked", "over"]
    assert chart["levels"] == []


def test_an_open_trade_has_no_exit_and_is_shown_until_the_last_candle():
    result = small_result()
    row = result.rows()[0]
    assert row.trade is not None
    candles = result.candles["AAAUSDT"]
    still_open = replace(row, trade=row.trade.with_(exit_time=None, exit_price=None))
    chart = event_chart(still_open, candles)
    assert marks(chart)[-1] == "short 0.56000"
    assert {level["until"] for level in chart["levels"]} == {None}
    assert chart["window"][1] == candles[-1].open_time + MINUTE


@pytest.mark.parametrize("minutes", [1, 12, 40])
def test_the_window_fits_the_trade_and_the_whole_event_is_kept(minutes):
    result = small_result()
    row = result.rows()[0]
    trade, candles = row.trade, result.candles["AAAUSDT"]
    assert trade is not None
    assert trade.entry_time is not None
    trade = trade.with_(exit_time=trade.entry_time + minutes * MINUTE)
    chart = candle_chart(candles, signals=row.detected.signals if row.detected else (), trade=trade)
    first, until = chart["window"]
    assert first == trade.signal_time - 15 * MINUTE - max(0, 30 * MINUTE - _span(trade)) // 2
    assert until - first == max(30 * MINUTE, _span(trade))
    assert chart["whole"] == [candles[0].open_time, candles[-1].open_time + MINUTE]


def _span(trade):
    return 25 * MINUTE + trade.exit_time - trade.signal_time


def test_where_the_window_shows_everything_there_is_nothing_to_open():
    candles = small_result().candles["AAAUSDT"][:12]
    chart = candle_chart(candles, moments={"alarm": candles[3].open_time})
    assert chart["window"] == [candles[0].open_time, candles[-1].open_time + MINUTE]
    assert chart["whole"] is None
    assert candle_chart(())["candles"] == []


def test_the_candles_are_cut_from_20_minutes_before_to_60_after():
    result = small_result()
    row = result.rows()[0]
    candles = result.candles["AAAUSDT"]
    far = [candle._replace(open_time=candle.open_time + 90 * MINUTE) for candle in candles]
    window = window_of(row, [*candles, *far])
    assert window[0].open_time >= row.time - 21 * MINUTE
    assert window[-1].open_time <= row.time + 60 * MINUTE
    assert len(window) == 81


@pytest.mark.parametrize(
    ("price", "decimals"), [(0.0123, 6), (0.5, 5), (46.0, 3), (60_000.0, 0), (0.0, 2)]
)
def test_a_price_has_five_significant_digits(price, decimals):
    assert decimals_of(price) == decimals


def test_a_percentile_of_nothing_is_nothing():
    assert percentile((), 50) is None


def test_a_long_curve_is_thinned_out_between_its_ends():
    points = [(n, Decimal(n)) for n in range(10 * POINTS_AT_MOST)]
    thin = curve_chart([("a", points)])["lines"][0]["points"]
    assert POINTS_AT_MOST * 0.9 <= len(thin) <= POINTS_AT_MOST
    assert (thin[0], thin[-1]) == ([0, 0], [points[-1][0], points[-1][0]])
    for few in (points[:0], points[:1], points[:7]):
        assert len(curve_chart([("a", few)])["lines"][0]["points"]) == len(few)


def test_profit_begins_at_nothing_and_adds_up_what_closed_together():
    trades = [trade for trade in small_result().trades if trade.exit_time]
    first, second = (trade.with_(exit_time=9, created=n) for n, trade in enumerate(trades[:2], 3))
    later = first.with_(exit_time=7, realised_pnl=Decimal(1))
    assert realised_profit([first, second, later]) == [
        (3, 0),
        (7, 1),
        (9, 1 + first.realised_pnl + second.realised_pnl),
    ]
    assert realised_profit([]) == []


def test_several_curves_have_names_and_differ_in_more_than_colour():
    chart = curve_chart([("journal", [(0, Decimal(1))]), ("simulation", [(9, Decimal(2))])])
    assert [line["name"] for line in chart["lines"]] == ["journal", "simulation"]
    assert len({line["style"] for line in chart["lines"]}) == 2
    assert chart["window"] == [0, 9]


def test_equity_starts_at_its_level():
    chart = equity_chart([(0, Decimal(10_000)), (60_000, Decimal("10003.25"))])
    assert chart["lines"][0]["points"] == [[0, 10_000], [60_000, 10_003.25]]
    assert [(level["price"], level["name"]) for level in chart["levels"]] == [(10_000, "start")]
    assert equity_chart(())["levels"] == []


def test_a_plot_begins_at_nothing_and_names_round_values_once():
    line = Series("a", [(1, 0.5), (180, 1.0)], 1)
    drawn = Plot([line], "tick", "share")
    assert [words for _, words in drawn.ticks()] == ["0", "50", "100", "150"]
    assert drawn.path(line) == "M0.53 50.00L95.24 0.00"
    steps = Plot([Series("a", [(-60, 0.5), (0.2, 1)], 0, steps=True)], "seconds", "share")
    assert next(steps.ticks()) == (0, "\N{MINUS SIGN}60")
    assert steps.path(steps.series[0]).endswith("H99.98V0.00")
    assert [words for _, words in Plot([], "tick", "share").ticks()][-1] == "1.0"


def test_a_single_point_is_a_mark_and_lines_differ_by_their_dashes():
    mark, line = Series("", [(1, 1)], 1), Series("b", [(1, 1), (2, 1)], 1)
    assert 'stroke-linecap="round" stroke-dasharray=""' in mark.stroke
    assert 'stroke="var(--signal)"' in mark.stroke
    assert 'stroke="var(--signal)"' in line.stroke
    assert 'stroke-dasharray="7 4"' in line.stroke
    assert Plot([mark], "x", "y").path(mark).endswith("h0")
