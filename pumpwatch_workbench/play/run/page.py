"""The run report as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.candle_charts import Chart, event_chart
from pumpwatch_workbench.pages.cards import chart_card, trade_facts
from pumpwatch_workbench.pages.event_rows import EventRow, window_of
from pumpwatch_workbench.pages.files import write_page
from pumpwatch_workbench.pages.line_charts import equity_chart, equity_words
from pumpwatch_workbench.pages.trade_tables import trade_state_words, trades_table
from pumpwatch_workbench.pages.words import (
    NOTHING,
    clock,
    date_and_clock,
    duration,
    percent,
    seconds,
    turnover_words,
)
from pumpwatch_workbench.play.run.result import INVARIANTS, RunResult, SignalSteps
from pumpwatch_workbench.play.run.tables import (
    VERDICT_WORDS,
    dropped_table,
    events_table,
    kind_words,
    tiles,
)

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


def notice(result: RunResult) -> tuple[str, str]:
    """Return what a reader must know before believing a figure: a headline and why."""
    return _NOTICES[result.kind]


def render_page(result: RunResult) -> str:
    """Return the whole page: styles, scripts and data inside, nothing to fetch."""
    rows = result.rows()
    anchors = _anchors(result, rows)
    charts: dict[str, Chart] = {"equity": equity_chart(result.equity)} if result.equity else {}
    cards = []
    for row, anchor in zip(rows, anchors, strict=True):
        if anchor:
            charts[anchor] = event_chart(row, window_of(row, result.candles[row.symbol]))
            verdict = VERDICT_WORDS[row.verdict]
            cards.append(chart_card(anchor, row.symbol, verdict, _facts(result, row)))
    headline, explanation = notice(result)
    return render(
        __file__,
        charts,
        result=result,
        title=_title(result),
        subtitle=_subtitle(result),
        headline=headline,
        explanation=explanation,
        invariants=INVARIANTS,
        tiles=tiles(result),
        events_table=events_table(result, anchors),
        trades_table=trades_table(
            result.entered, "Every trade that held a position", when=clock, levels=True
        ),
        dropped_table=dropped_table(result),
        cards=cards,
        charts_left_out=sum(row.symbol in result.candles for row in rows) - len(cards),
        equity_words=equity_words(result.equity, "Equity", "open positions at their mark price"),
    )


def write_run_report(result: RunResult, path: Path) -> Path:
    """Write the run's page and return its absolute path. Raises `BadInput`."""
    return write_page(render_page(result), path)


def _anchors(result: RunResult, rows: tuple[EventRow, ...]) -> list[str]:
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
        f"a scan every {result.scan_interval} s",
        f"{duration(result.ended - result.started)} of market time"
        f" from {date_and_clock(result.started)} to {date_and_clock(result.ended)} UTC",
    ]
    if result.wall_seconds is not None:
        parts.append(f"run in {seconds(result.wall_seconds)}")
    return " · ".join(parts)


def _facts(result: RunResult, row: EventRow) -> list[tuple[str, str]]:
    planted, detected, trade = row.planted, row.detected, row.trade
    facts = []
    if planted:
        facts.append(("Onset", clock(planted.onset)))
        facts.append(("Size", percent(planted.size)))
        facts.append(("Kind", kind_words(planted)))
        if planted.original_onset is not None:
            origin = f"segment {planted.segment}, {date_and_clock(planted.original_onset)} UTC"
            facts.append(("Recorded", origin))
    if detected:
        facts.append(("Seen", clock(detected.alarm_time)))
        facts.append(("Delay", seconds(detected.delay_seconds)))
        facts.append(("Turnover", turnover_words(detected.detector, detected.strength)))
    if trade and trade.entry_time is not None:
        facts.append(("Signal to order", _steps_words(trade, result.steps.get(trade.signal_id))))
        facts += trade_facts(trade)
    elif detected:
        reason = f": {trade.denial}" if trade and trade.denial else ""
        facts.append(("Trade", trade_state_words(trade) + reason))
    return facts


def _steps_words(trade: Trade, steps: SignalSteps | None) -> str:
    """Return how long after the scan that signalled each step of an entry was."""
    if steps is None:
        return NOTHING
    woken, sent, acknowledged = (
        seconds((time - trade.signal_time) / 1000)
        for time in (steps.woken, steps.sent, steps.acknowledged)
    )
    return f"woken after {woken}, sent after {sent}, acknowledged after {acknowledged}"
