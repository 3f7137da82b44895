"""The journal's figures, its page and its document, on a week whose every figure is known."""

import json
import math
from dataclasses import replace
from decimal import Decimal

import pytest
from support.journals import a_period
from support.records import NOW, a_signal, an_order

from pumpwatch_workbench.operations.journal.document import document_of
from pumpwatch_workbench.operations.journal.figures import figures_of
from pumpwatch_workbench.operations.journal.page import render_journal
from pumpwatch_workbench.pages.tables import ROWS_AT_MOST


@pytest.fixture
def figures():
    return figures_of(a_period())


def test_trades_and_orders_are_counted(figures):
    trading = figures.trading
    assert (trading.closed, trading.won, trading.open_now, trading.denied) == (4, 2, 1, 2)
    assert trading.win_rate == 0.5
    assert (trading.entries_sent, trading.entries_filled) == (6, 5)
    assert trading.fill_rate == pytest.approx(5 / 6)
    assert (figures.events, figures.signals) == (1, 2)


def test_money_is_exact(figures):
    trading, spent = figures.trading, figures.spending
    assert trading.realised == Decimal("8.0")
    assert (spent.fees, spent.funding) == (Decimal("1.00"), Decimal("0.4"))
    assert (trading.largest_win, trading.largest_loss) == (Decimal("12.5"), Decimal(-4))


def test_errors_of_the_exchange_are_told_by_endpoint_and_code(figures):
    kline, tickers = figures.api
    assert (tickers.endpoint, tickers.requests, tickers.failures) == ("market/tickers", 100, 10)
    assert tickers.codes == (("rate_limited", 10),)
    assert tickers.error_rate == 0.1
    assert (kline.endpoint, kline.failures) == ("market/kline", 1)


def test_runs_are_summed_up(figures):
    runs, machine = figures.runs, figures.machine
    assert (runs.ticks, runs.late, runs.failed) == (10, 1, 1)
    assert (runs.alerts_raised, runs.alerts_delivered) == (20, 10)
    assert machine.detect_seconds.p50 == pytest.approx(0.55)
    assert machine.detect_seconds.largest == 1.0
    assert machine.memory_mib == 159.0
    assert runs.equity == Decimal(10_009)
    assert figures.trading.stop_verified.largest == 2.0


def test_times_from_signal_to_outcome_are_the_orders_own():
    sent = replace(an_order("signal-0"), intended=NOW + 400, settled=NOW + 1_900)
    again = replace(an_order("signal-0", 1), intended=NOW + 9_000, settled=None)
    trading = figures_of(a_period(orders=[sent, again])).trading
    assert trading.signal_to_order.count == 1, "a second attempt is no delay of the first"
    assert trading.signal_to_order.p50 == 0.4
    assert (trading.order_to_outcome.count, trading.order_to_outcome.p50) == (1, 1.5)


def test_histograms_give_bounds(figures):
    latency, slippage = figures.histograms
    assert (latency.count, latency.p50, latency.p95, latency.p99) == (100, 0.1, 0.5, math.inf)
    assert (slippage.name, slippage.count) == ("pumpwatch_trade_entry_slippage_ratio", 1)
    assert (slippage.p50, slippage.p99) == (0.005, 0.005)


def test_the_same_denial_with_other_figures_is_the_same_reason(figures):
    assert [count for _, count in figures.trading.denials] == [2]
    assert figures.repairs == (("stop_set", 1),)


def test_what_a_table_does_not_record_is_said_and_not_shown_as_zero():
    figures = figures_of(a_period(runs=None, totals={}))
    assert figures.runs is None
    assert figures.machine is None
    text = " ".join(figures.not_recorded)
    assert "no run records" in text
    assert "nothing was counted" in text
    page = render_journal(a_period(runs=None, totals={}), figures)
    assert "not recorded" in page


@pytest.mark.parametrize(
    ("mode", "notice"),
    [("paper", "Paper trading: no money"), ("demo", "Demo account: no real money"), ("live", "")],
)
def test_the_page_says_where_no_money_moved(mode, notice):
    period = a_period(mode=mode)
    page = render_journal(period, figures_of(period))
    assert notice in page
    assert ("money moved" in page) == bool(notice)


def test_the_page_says_what_happened():
    period = a_period()
    page = render_journal(period, figures_of(period))
    for words in (
        "Pumpwatch report: paper",
        "Paper trading: no money moved.",
        "losing streak",
        "the drawdown is too deep",
        "rate limited 10",
        "no answer 1",
        "the spread of … is above …",
        'href="#event-1"',
        'id="event-1"',
        "15.0 % to 85.0 %",
        "2 of 4 closed trades",
    ):
        assert words in page, words
    assert page.count('data-figure="event-1"') == 1


def test_without_run_records_the_profit_is_drawn_from_the_trades():
    period = a_period(runs=None)
    page = render_journal(period, figures_of(period))
    assert "Realised profit from 0.00 to 8.00 USDT, highest 12.50, lowest 0.00" in page
    assert page.count('data-figure="equity"') == 1


def test_an_empty_week_is_a_page_too():
    empty = a_period(
        trades=[], orders=[], signals=[], repairs=[], locks=[], halts=[], runs=[], candles={}
    )
    page = render_journal(empty, figures_of(empty))
    assert "No pump was detected." in page
    assert "No position was opened." in page


def test_names_from_outside_cannot_become_markup():
    evil = replace(a_signal(), symbol="<script>alert(1)</script>")
    page = render_journal(a_period(signals=[evil]), figures_of(a_period()))
    assert "<script>alert(1)" not in page


def test_a_long_table_shows_the_latest_and_says_how_many_it_leaves_out():
    many = [
        a_signal(event_id=f"event-{number}", time=NOW + number)
        for number in range(ROWS_AT_MOST + 7)
    ]
    page = render_journal(a_period(signals=many), figures_of(a_period()))
    assert "7 earlier ones are only in --json" in page


def test_the_document_is_json_with_money_as_text():
    period = a_period()
    document = json.loads(json.dumps(document_of(period, figures_of(period))))
    assert document["kpis"]["realised"] == "8"
    assert document["kpis"]["win_rate"] == 0.5
    assert document["kpis"]["api"][1]["error_rate"] == 0.1
    assert len(document["trades"]) == 7
    assert document["trades"][0]["realised_pnl"] == "12.5"
    assert document["halts"][0]["ended"] == NOW + 60_000
    assert document["events"][0]["symbol"] == "PUMPUSDT"
    assert document["kpis"]["memory_mib"] == 159.0
    assert document["kpis"]["entry_slippage"]["trades"] == 0
    rates = {one["name"]: one for one in document["key_figures"]}
    assert (rates["Win rate"]["value"], rates["Win rate"]["n"]) == (0.5, 4)
    assert rates["Detection: pumps found"]["value"] is None
