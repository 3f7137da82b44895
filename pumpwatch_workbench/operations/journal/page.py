"""The report of a running installation as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.calendar_sums import DAYS, WEEKS, calendar_table
from pumpwatch_workbench.operations.journal.figures import Figures
from pumpwatch_workbench.operations.journal.kpi_tables import (
    api_table,
    bounds_table,
    functions_table,
    kpi_table,
    times_table,
)
from pumpwatch_workbench.operations.journal.page_tables import (
    costs_table,
    events_table,
    journal_tiles,
    stops_table,
)
from pumpwatch_workbench.operations.journal.period import Period
from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.candle_charts import Chart, candle_chart
from pumpwatch_workbench.pages.cards import ChartCard, chart_card, trade_facts
from pumpwatch_workbench.pages.event_rows import DetectedEvent
from pumpwatch_workbench.pages.line_charts import equity_chart, equity_words, realised_profit
from pumpwatch_workbench.pages.tables import counts_table
from pumpwatch_workbench.pages.trade_tables import trade_state_words, trades_table
from pumpwatch_workbench.pages.words import NOTHING, date_and_clock, percent, turnover_words


def render_journal(period: Period, figures: Figures) -> str:
    """Return the whole page: styles, scripts and data inside, nothing to fetch."""
    events = period.events
    trades = {trade.event_id: trade for trade in period.trades}
    charts: dict[str, Chart] = {}
    title, words, curve = _result_over_time(period)
    if curve:
        charts["equity"] = equity_chart(curve)
    cards = _event_charts(period, trades, charts)
    anchors = {event_id: card.anchor for event_id, card in cards.items()}
    return render(
        __file__,
        charts,
        title=f"Pumpwatch report: {period.stage}",
        subtitle=f"{date_and_clock(period.since)} to {date_and_clock(period.until)} UTC"
        f" · {period.source}",
        mode=period.mode,
        tiles=journal_tiles(figures),
        kpis=kpi_table(figures),
        not_recorded=figures.not_recorded,
        equity_title=title,
        equity_words=words,
        days=calendar_table("Day", period.calendar(DAYS)),
        weeks=calendar_table("Week", period.calendar(WEEKS)),
        events=events_table(events, trades, anchors),
        cards=list(cards.values()),
        charts_left_out=len(events) - len(cards),
        trades=trades_table(period.trades, "Every trade that held a position"),
        denials=counts_table("Why signals gave no position.", "Reason", figures.trading.denials),
        stops=stops_table(period),
        repairs=counts_table(
            "Differences between journal and exchange that were put right.",
            "What",
            [(name.replace("_", " "), count) for name, count in figures.repairs],
        ),
        costs=costs_table(figures.spending),
        times=times_table(figures),
        functions=functions_table(figures.functions),
        bounds=bounds_table(figures.histograms),
        api=api_table(figures.api),
    )


def _event_charts(
    period: Period, trades: Mapping[str, Trade], charts: dict[str, Chart]
) -> dict[str, ChartCard]:
    drawn = [event for event in period.events if period.candles.get(event.event_id)]
    cards = {}
    for number, event in enumerate(drawn, start=1):
        trade, anchor = trades.get(event.event_id), f"event-{number}"
        minutes = period.candles[event.event_id]
        charts[anchor] = candle_chart(minutes, signals=event.signals, trade=trade)
        words, facts = trade_state_words(trade), _facts(event, trade)
        cards[event.event_id] = chart_card(anchor, event.symbol, words, facts)
    return cards


def _facts(event: DetectedEvent, trade: Trade | None) -> list[tuple[str, str]]:
    facts = [
        ("Alarm", date_and_clock(event.alarm_time)),
        ("Rise to the peak", percent(event.rise)),
        ("Turnover", turnover_words(event.detector, event.strength)),
    ]
    if trade is None:
        return facts
    if trade.entry_time is None:
        return [*facts, ("Not entered", trade.denial or NOTHING)]
    return facts + trade_facts(trade)


def _result_over_time(period: Period) -> tuple[str, str, list[tuple[int, Decimal]]]:
    if curve := period.equity:
        return "Equity", equity_words(curve, "Equity", "open positions at their last price"), curve
    curve = realised_profit(period.trades)
    return "Realised profit", equity_words(curve, "Realised profit", "after all costs"), curve
