from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import plotly.graph_objects as go
import pytest
from unit.reports.run_results import MINUTE, small_result

from pumpwatch_workbench.pages.candle_charts import event_chart, window_of
from pumpwatch_workbench.pages.chart_style import TEMPLATE, Figure
from pumpwatch_workbench.pages.line_charts import (
    POINTS_AT_MOST,
    curve_chart,
    equity_chart,
    percentile,
    requests_chart,
    thinned,
    tick_chart,
)


def resolved(figure: Figure) -> Figure:
    """Return the figure as the page's script draws it, any colour in place of the variables."""

    def with_colours(value: object) -> object:
        if isinstance(value, str) and value.startswith("var(--"):
            return "#123456"
        if isinstance(value, dict):
            return {key: with_colours(item) for key, item in value.items()}
        return [with_colours(item) for item in value] if isinstance(value, list) else value

    styled = figure["layout"] | {"template": TEMPLATE}
    drawn = with_colours({"data": figure["data"], "layout": styled})
    assert isinstance(drawn, dict)
    return drawn


def marks(figure: Figure) -> list[str]:
    return [trace["name"] for trace in figure["data"]]


def test_plotly_accepts_every_chart():
    result = small_result()
    charts = [event_chart(row, result.candles[row.symbol]) for row in result.rows()]
    charts += [equity_chart(result.equity), tick_chart(result.tick_seconds)]
    charts += [requests_chart(result.tick_requests), equity_chart(()), tick_chart(())]
    for chart in charts:
        go.Figure(resolved(chart))


def test_an_event_chart_marks_onset_signals_entry_exit_stop_and_target():
    result = small_result()
    row = result.rows()[0]
    figure = event_chart(row, result.candles["AAAUSDT"])
    assert marks(figure) == [
        "price",
        "turnover",
        "signal: rising",
        "signal: peaked",
        "signal: over",
        "stop",
        "target",
        "entry",
        "exit",
    ]
    by_name = {trace["name"]: trace for trace in figure["data"]}
    trade = row.trade
    assert trade is not None
    assert by_name["entry"]["x"] == [trade.entry_time]
    assert by_name["entry"]["y"] == [float(trade.entry_price or 0)]
    assert by_name["exit"]["x"] == [trade.exit_time]
    assert by_name["stop"]["y"] == [0.61, 0.61]
    assert by_name["target"]["y"] == [0.525, 0.525]
    assert by_name["signal: rising"]["x"] == [row.time + 24_000]
    assert figure["layout"]["shapes"][0]["x0"] == row.time


def test_a_missed_pump_shows_its_onset_and_a_false_alarm_does_not():
    result = small_result()
    missed, false = result.rows()[2:]
    assert marks(event_chart(missed, result.candles["CCCUSDT"])) == ["price", "turnover"]
    assert "shapes" in event_chart(missed, result.candles["CCCUSDT"])["layout"]
    assert "shapes" not in event_chart(false, result.candles["DDDUSDT"])["layout"]


def test_a_trade_that_was_denied_leaves_no_mark():
    result = small_result()
    row = result.rows()[1]
    assert row.trade is not None
    assert "entry" not in marks(event_chart(row, result.candles["BBBUSDT"]))


def test_an_open_trade_has_no_exit_and_its_stop_reaches_the_last_candle():
    result = small_result()
    row = result.rows()[0]
    assert row.trade is not None
    still_open = replace(row, trade=row.trade.with_(exit_time=None, exit_price=None))
    figure = event_chart(still_open, result.candles["AAAUSDT"])
    assert "exit" not in marks(figure)
    stop = next(trace for trace in figure["data"] if trace["name"] == "stop")
    assert stop["x"][1] == result.candles["AAAUSDT"][-1].open_time + MINUTE


def test_the_window_is_cut_from_20_minutes_before_to_60_after():
    result = small_result()
    row = result.rows()[0]
    candles = result.candles["AAAUSDT"]
    far = [candle._replace(open_time=candle.open_time + 90 * MINUTE) for candle in candles]
    window = window_of(row, [*candles, *far])
    assert window[0].open_time >= row.time - 21 * MINUTE
    assert window[-1].open_time <= row.time + 60 * MINUTE
    assert len(window) == 81


def test_tick_durations_are_shown_in_milliseconds_with_p50_and_p95():
    figure = tick_chart([0.1, 0.2, 0.3])
    assert figure["data"][0]["y"] == [100, 200, 300]
    assert [label["text"] for label in figure["layout"]["annotations"]] == [
        "p50 200 ms",
        "p95 290 ms",
    ]
    assert [line["y0"] for line in figure["layout"]["shapes"]] == [200, pytest.approx(290)]


def test_a_percentile_of_nothing_is_nothing():
    assert percentile((), 50) is None
    assert tick_chart(())["layout"]["shapes"] == []


def test_a_long_curve_is_thinned_out_between_its_ends():
    points = [(n, Decimal(n)) for n in range(10 * POINTS_AT_MOST)]
    found = thinned(points)
    assert len(found) == POINTS_AT_MOST
    assert (found[0], found[-1]) == (points[0], points[-1])
    assert thinned(points[:7]) == points[:7]


def test_several_curves_have_names_and_differ_in_more_than_colour():
    figure = curve_chart([("journal", [(0, Decimal(1))]), ("simulation", [(0, Decimal(2))])])
    assert figure["layout"]["showlegend"]
    assert len({trace["line"]["dash"] for trace in figure["data"]}) == 2


def test_levels_of_a_held_trade_are_within_the_axis_and_have_room_for_their_names():
    result = small_result()
    row = result.rows()[0]
    assert row.trade is not None
    far = replace(row, trade=row.trade.with_(stop_loss=Decimal("0.9")))
    low, high = event_chart(far, result.candles["AAAUSDT"])["layout"]["yaxis"]["range"]
    assert low < 0.49
    assert high > 0.92


def test_equity_starts_at_its_dotted_line():
    figure = equity_chart([(0, Decimal(10_000)), (60_000, Decimal("10003.25"))])
    assert figure["data"][0]["y"] == [10_000, 10_003.25]
    assert figure["layout"]["shapes"][0]["y0"] == 10_000
