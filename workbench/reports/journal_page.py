"""The report of a running installation as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.orders import Side
from pumpwatch.domain.signals import Signal
from pumpwatch.domain.trades import Trade
from workbench.journal.candles import alarms_of
from workbench.journal.figures import Figures
from workbench.journal.period import Period
from workbench.reports.assembly import render
from workbench.reports.chart_style import Figure
from workbench.reports.charts import equity_chart, event_chart, window_of
from workbench.reports.formats import (
    NOTHING,
    clock,
    date_and_clock,
    percent,
    price,
    signed_money,
)
from workbench.reports.journal_tables import (
    api_table,
    bounds_table,
    counts_table,
    events_table,
    journal_tiles,
    stops_table,
    times_table,
    trade_state_words,
    trades_table,
)
from workbench.reports.tables import exit_words
from workbench.run.result import DetectedEvent, EventRow, Verdict

__all__ = ["render_journal"]

POINTS_AT_MOST = 2_000
"""Points of the equity's curve."""


@dataclass(frozen=True, slots=True)
class EventCard:
    """One event's chart with its facts; `description` is read out in place of the chart."""

    anchor: str
    symbol: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    description: str


def render_journal(period: Period, figures: Figures) -> str:
    """Return the whole page: styles, scripts, Plotly and data inside, nothing to fetch."""
    alarms = alarms_of(period.signals)
    trades = {trade.event_id: trade for trade in period.trades}
    charts: dict[str, Figure] = {}
    curve = _equity(period)
    if curve:
        charts["equity"] = equity_chart(curve)
        charts["equity"]["layout"]["xaxis"]["tickformat"] = ""
    drawn = [event_id for event_id in alarms if period.candles.get(event_id)]
    anchors = {event_id: f"event-{number}" for number, event_id in enumerate(drawn, start=1)}
    cards = []
    for event_id, anchor in anchors.items():
        row = _row(alarms[event_id], period.signals, trades.get(event_id))
        charts[anchor] = event_chart(row, window_of(row, period.candles[event_id]))
        cards.append(_card(row, anchor))
    return render(
        "journal_report.html",
        charts,
        title=f"Pumpwatch report: {period.stage}",
        subtitle=f"{date_and_clock(period.since)} to {date_and_clock(period.until)} UTC"
        f" · {period.source}",
        paper=period.runs is not None,
        tiles=journal_tiles(figures),
        not_recorded=figures.not_recorded,
        equity_words=_equity_words(curve),
        events=events_table(list(alarms.values()), trades, anchors),
        cards=cards,
        charts_left_out=len(alarms) - len(cards),
        trades=trades_table(period.trades),
        denials=counts_table("Why signals gave no position.", "Reason", figures.denials),
        stops=stops_table(period),
        repairs=counts_table(
            "Differences between journal and exchange that were put right.",
            "What",
            [(name.replace("_", " "), count) for name, count in figures.repairs],
        ),
        times=times_table(figures),
        bounds=bounds_table(figures.histograms),
        api=api_table(figures.api),
    )


def _row(alarm: Signal, signals: Sequence[Signal], trade: Trade | None) -> EventRow:
    mine = [signal for signal in signals if signal.event_id == alarm.event_id]
    # Nobody has labelled it: the verdict is not shown.
    detected = DetectedEvent.from_signals(mine, Verdict.IGNORED)
    return EventRow(alarm.symbol, alarm.time, Verdict.IGNORED, None, detected, trade)


def _card(row: EventRow, anchor: str) -> EventCard:
    facts = tuple(fact for fact in _facts(row) if fact[1] != NOTHING)
    words = trade_state_words(row.trade)
    spoken = "; ".join(f"{name} {value}" for name, value in facts)
    description = f"One-minute candles of {row.symbol}. {spoken}."
    return EventCard(anchor, row.symbol, words, facts, description)


def _facts(row: EventRow) -> list[tuple[str, str]]:
    facts = [("Alarm", date_and_clock(row.time))]
    if row.detected is not None:
        facts.append(("Rise to the peak", percent(row.detected.rise)))
        facts.append(("Strength", f"{row.detected.strength:,.0f}"))
    trade = row.trade
    if trade is None:
        return facts
    if trade.entry_time is None:
        return [*facts, ("Not entered", trade.denial or NOTHING)]
    side = "Short" if trade.side is Side.SELL else "Long"
    facts.append((side, f"{clock(trade.entry_time)} at {price(trade.entry_price)}"))
    if trade.exit_time is not None:
        facts.append(("Exit", f"{clock(trade.exit_time)} at {price(trade.exit_price)}"))
        facts.append(("Result", f"{signed_money(trade.realised_pnl)} USDT"))
    facts.append(("Ended by", exit_words(trade)))
    return facts


def _equity(period: Period) -> list[tuple[int, Decimal]]:
    """Return the equity after each tick, thinned out so that the page stays small."""
    curve = [(one.time, one.equity) for one in period.runs or () if one.equity is not None]
    step = len(curve) // POINTS_AT_MOST + 1
    return curve[:-1:step] + curve[-1:] if curve else []


def _equity_words(curve: Sequence[tuple[int, Decimal]]) -> str:
    if not curve:
        return ""
    first, last = curve[0][1], curve[-1][1]
    return f"Equity from {first:,.2f} to {last:,.2f} USDT, open positions at their last price."
