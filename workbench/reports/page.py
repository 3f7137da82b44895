"""The run report as one self-contained HTML page."""

from __future__ import annotations

from dataclasses import dataclass

from pumpwatch.domain.orders import Side
from workbench.reports.assembly import render, script_json
from workbench.reports.chart_style import Figure
from workbench.reports.charts import (
    equity_chart,
    event_chart,
    requests_chart,
    tick_chart,
    window_of,
)
from workbench.reports.formats import (
    NOTHING,
    clock,
    date_and_clock,
    duration,
    percent,
    price,
    seconds,
    signed_money,
)
from workbench.reports.tables import (
    VERDICT_WORDS,
    dropped_table,
    events_table,
    exit_words,
    result_words,
    tiles,
    trades_table,
)
from workbench.run.result import INVARIANTS, EventRow, RunResult

__all__ = ["CHARTS_AT_MOST", "notice", "render_page", "script_json"]

CHARTS_AT_MOST = 100
"""Event charts on one page; planted pumps come first. Keeps the page under 6 MB."""

_NOTICES = {
    "synthetic": (
        "Profit on a simulated market proves nothing.",
        "One program made the prices, the pumps in them and the fills. This page shows that"
        " detection, orders, stops and metrics work together. It does not show what the strategy"
        " would earn.",
    ),
    "replay": (
        "A hypothetical: nobody could have made these trades.",
        "The candles are recorded, but these pairs could not be shorted, there is no data on"
        " funding or borrowing, and spread, depth and fills are simulated. Profit here proves"
        " nothing.",
    ),
}


@dataclass(frozen=True, slots=True)
class EventCard:
    """One event's chart with its facts; `description` is read out in place of the chart."""

    anchor: str
    symbol: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    description: str


def notice(result: RunResult) -> tuple[str, str]:
    """Return what a reader must know before believing a figure: a headline and why."""
    return _NOTICES[result.kind]


def render_page(result: RunResult) -> str:
    """Return the whole page: styles, scripts, Plotly and data inside, nothing to fetch."""
    rows = result.rows()
    anchors = _anchors(result, rows)
    figures: dict[str, Figure] = {
        "equity": equity_chart(result.equity),
        "ticks": tick_chart(result.tick_seconds),
        "requests": requests_chart(result.tick_requests),
    }
    cards = []
    for row, anchor in zip(rows, anchors, strict=True):
        if anchor:
            figures[anchor] = event_chart(row, window_of(row, result.candles[row.symbol]))
            cards.append(_card(row, anchor))
    headline, explanation = notice(result)
    return render(
        "run_report.html",
        figures,
        result=result,
        title=_title(result),
        subtitle=_subtitle(result),
        headline=headline,
        explanation=explanation,
        invariants=INVARIANTS,
        tiles=tiles(result),
        events_table=events_table(result, anchors),
        trades_table=trades_table(result),
        dropped_table=dropped_table(result),
        cards=cards,
        charts_left_out=sum(row.symbol in result.candles for row in rows) - len(cards),
        equity_words=_equity_words(result),
    )


def _anchors(result: RunResult, rows: tuple[EventRow, ...]) -> list[str]:
    """Return an id per row that gets a chart, and an empty text for the others."""
    drawable = [n for n, row in enumerate(rows) if result.candles.get(row.symbol)]
    drawable.sort(key=lambda n: rows[n].planted is None)
    chosen = set(drawable[:CHARTS_AT_MOST])
    return [f"event-{n + 1}" if n in chosen else "" for n in range(len(rows))]


def _title(result: RunResult) -> str:
    market = "simulated market" if result.kind == "synthetic" else "recorded pumps"
    return f"Pumpwatch run report: {market}"


def _subtitle(result: RunResult) -> str:
    parts = [
        f"{result.symbols} symbols",
        f"seed {result.seed}",
        f"detector {result.detector}",
        f"strategy {result.strategy}",
        f"{duration(result.ended - result.started)} of market time"
        f" from {date_and_clock(result.started)} to {date_and_clock(result.ended)} UTC",
    ]
    if result.wall_seconds is not None:
        parts.append(f"run in {seconds(result.wall_seconds)}")
    return " · ".join(parts)


def _card(row: EventRow, anchor: str) -> EventCard:
    verdict = VERDICT_WORDS[row.verdict]
    facts = tuple(fact for fact in _facts(row) if fact[1] != NOTHING)
    spoken = "; ".join(f"{name} {value}" for name, value in facts)
    description = f"One-minute candles of {row.symbol}. {verdict}. {spoken}."
    return EventCard(anchor, row.symbol, verdict, facts, description)


def _facts(row: EventRow) -> list[tuple[str, str]]:
    planted, detected, trade = row.planted, row.detected, row.trade
    facts = []
    if planted:
        facts.append(("Onset", clock(planted.onset)))
        facts.append(("Size", percent(planted.size)))
        if planted.original_onset is not None:
            origin = f"segment {planted.segment}, {date_and_clock(planted.original_onset)} UTC"
            facts.append(("Recorded", origin))
    if detected:
        facts.append(("Alarm", clock(detected.alarm_time)))
        facts.append(("Delay", seconds(detected.delay_seconds)))
        facts.append(("Strength", f"{detected.strength:,.0f}"))
    if trade and trade.entry_time is not None:
        side = "Short" if trade.side is Side.SELL else "Long"
        facts.append((side, f"{clock(trade.entry_time)} at {price(trade.entry_price)}"))
        if trade.exit_time is not None:
            facts.append(("Exit", f"{clock(trade.exit_time)} at {price(trade.exit_price)}"))
        facts.append(("Ended by", exit_words(trade)))
        facts.append(("Stop", price(trade.stop_loss)))
        facts.append(("Target", price(trade.take_profit)))
        facts.append(("Result", f"{signed_money(trade.realised_pnl)} USDT"))
    elif detected:
        reason = f": {trade.denial}" if trade and trade.denial else ""
        facts.append(("Trade", result_words(row) + reason))
    return facts


def _equity_words(result: RunResult) -> str:
    if not result.equity:
        return "No equity was recorded."
    first, last = result.equity[0][1], result.equity[-1][1]
    return f"Equity from {first:,.2f} to {last:,.2f} USDT, open positions at their mark price."
