"""Key figures: their number of observations, their interval, and nothing where there is nothing."""

from dataclasses import replace
from decimal import Decimal

import pytest
from support.journals import a_period, closed_trade
from support.records import NOW, an_order

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, RepairNote
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.journal.agreement import Agreement
from pumpwatch_workbench.operations.journal.figures import figures_of
from pumpwatch_workbench.operations.journal.kpi_tables import kpi_table
from pumpwatch_workbench.operations.journal.kpis import kpis_of
from pumpwatch_workbench.operations.journal.page_tables import costs_table, journal_tiles
from pumpwatch_workbench.operations.journal.period import AwsEstimate, of_mode
from pumpwatch_workbench.operations.journal.runs import machine_of
from pumpwatch_workbench.operations.journal.spending import spending_of
from pumpwatch_workbench.operations.journal.stack import aws_estimate

HOUR = 3_600_000


def by_name(figures):
    return {one.name: one for one in kpis_of(figures)}


def nothing(**more):
    empty = {"trades": [], "orders": [], "signals": [], "repairs": [], "locks": [], "halts": []}
    return figures_of(a_period(**{**empty, "runs": [], "totals": {}, "candles": {}, **more}))


def test_each_rate_says_of_how_many_it_is_and_how_sure_that_is():
    found = by_name(figures_of(a_period()))
    win = found["Win rate"]
    assert (win.value, win.n, win.counted) == (0.5, 4, "closed trades")
    assert win.interval == pytest.approx((0.150, 0.850), abs=5e-4)
    api = found["API error rate"]
    assert (api.value, api.n) == (pytest.approx(11 / 101), 101)
    alerts = found["Alerts delivered"]
    assert (alerts.value, alerts.n) == (0.5, 20)


@pytest.mark.parametrize("runs", [[], None])
def test_without_observations_no_figure_is_a_number(runs):
    figures = nothing(runs=runs)
    for one in kpis_of(figures):
        assert (one.value, one.n, one.interval) == (None, 0, None), one.name
    values = [row[1].text for row in kpi_table(figures).rows]
    assert set(values) == {"no data"}
    words = " ".join(tile.value for tile in journal_tiles(figures))
    assert "no data" in words
    assert "nan" not in words.lower()


def test_headroom_is_what_the_ticks_leave_of_time_core_and_memory():
    runs = [
        RunRecord(NOW + n * 60_000, 5.0, 1.0, cpu_seconds=3.0, memory_mib=200.0 + n)
        for n in range(20)
    ]
    found = machine_of(runs, 1_000.0)
    assert found.interval_seconds == 60.0
    assert found.time_headroom == pytest.approx(0.9)
    assert found.cpu_headroom == pytest.approx(0.95)
    assert found.memory_headroom == pytest.approx(0.781)


def test_headroom_needs_an_interval_and_a_limit():
    alone = machine_of([RunRecord(NOW, 5.0, 1.0, memory_mib=None)], 1_000.0)
    assert (alone.time_headroom, alone.cpu_headroom, alone.memory_headroom) == (None, None, None)
    unlimited = machine_of([RunRecord(NOW, memory_mib=100.0)], None)
    assert unlimited.memory_headroom is None
    assert unlimited.tick_seconds is None, "a run that failed took no time that counts"


def test_slippage_is_against_us_above_zero_on_either_side():
    short = closed_trade(0, Decimal(1)).with_(
        planned_price=Decimal("1.12"), entry_price=Decimal("1.10"), quantity=Decimal(100)
    )
    long = short.with_(side=Side.BUY)
    unplanned = short.with_(planned_price=None)
    assert spending_of(a_period(trades=[short])).entry_slippage.usdt == Decimal("2.00")
    assert spending_of(a_period(trades=[long])).entry_slippage.usdt == Decimal("-2.00")
    found = spending_of(a_period(trades=[short, long, unplanned])).entry_slippage
    assert (found.trades, found.usdt, found.share) == (2, 0, 0.0)


def test_only_stops_that_fired_have_slipped():
    stopped = closed_trade(0, Decimal(-9)).with_(
        stop_loss=Decimal("1.2"),
        exit_price=Decimal("1.23"),
        exit_reason=ExitReason.STOP_LOSS,
        quantity=Decimal(100),
    )
    target = replace(stopped, exit_reason=ExitReason.TAKE_PROFIT)
    found = spending_of(a_period(trades=[stopped, target])).stop_slippage
    assert (found.trades, found.usdt) == (1, Decimal("3.00"))
    assert found.share == pytest.approx(0.025)


def test_aws_is_estimated_for_the_period_and_called_an_estimate():
    estimate = aws_estimate(60, 73 * HOUR)
    assert estimate.dollars == pytest.approx(estimate.dollars_a_month / 10)
    spent = spending_of(a_period(aws=AwsEstimate(0.347, 3.47, 1_000, 60)))
    rows = {row[0].text: [cell.text for cell in row] for row in costs_table(spent).rows}
    assert rows["AWS"][1] == "0.35 US dollars"
    assert "no bill" in rows["AWS"][3]
    assert rows["Slippage of entries"][1:3] == ["no data", "0"]
    assert {row[0].text: row[1].text for row in costs_table(spending_of(a_period())).rows}[
        "AWS"
    ] == "none"


def test_agreement_is_shown_with_its_intervals():
    found = by_name(figures_of(a_period(), Agreement(4, 3, 1, 0, 2, 0, None)))
    recall, precision = found["Detection: pumps found"], found["Detection: alarms that were pumps"]
    assert (recall.value, recall.n) == (0.75, 4)
    assert "1 early, 0 missed" in recall.note
    assert (precision.value, precision.n) == (0.6, 5)
    assert precision.interval[0] < 0.6 < precision.interval[1]


def test_a_report_is_about_the_trades_of_one_mode():
    whole = a_period()
    first, *others = whole.trades
    mixed = replace(
        whole,
        trades=[first.with_(mode="paper"), *(trade.with_(mode="live") for trade in others)],
        orders=[an_order(first.signal_id), *(an_order(trade.signal_id) for trade in others)],
        repairs=[(first.signal_id, RepairNote(NOW, "opened", "")), *whole.repairs],
    )
    live, paper = of_mode(mixed, None), of_mode(mixed, "paper")
    assert live.source == "a test, live mode; 1 of paper mode left out"
    assert [trade.signal_id for trade in live.trades] == [trade.signal_id for trade in others]
    assert first.signal_id not in {order.signal_id for order in live.orders}
    assert live.repairs == list(whole.repairs)
    assert paper.source == f"a test, paper mode; {len(others)} of live mode left out"
    assert [trade.signal_id for trade in paper.trades] == [first.signal_id]
    assert [order.signal_id for order in paper.orders] == [first.signal_id]
    assert of_mode(whole, None).trades == whole.trades
    assert of_mode(whole, None).source == "a test, paper mode"
    assert of_mode(replace(whole, mode=""), None).source == "a test, mode not recorded"


def test_a_report_without_trades_is_about_the_mode_of_its_store():
    empty = of_mode(replace(a_period(), mode="live", trades=[], orders=[]), None)
    assert (empty.mode, empty.source) == ("live", "a test, live mode")
