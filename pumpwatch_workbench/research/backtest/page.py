"""A backtest's report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.strategies import with_evidence
from pumpwatch_workbench.calendar_sums import calendar_table
from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.candle_charts import candle_chart
from pumpwatch_workbench.pages.cards import chart_card, trade_facts
from pumpwatch_workbench.pages.event_rows import CandleRow
from pumpwatch_workbench.pages.line_charts import curve_chart, equity_chart, equity_words
from pumpwatch_workbench.pages.tables import PageTable, Tile, counts_table
from pumpwatch_workbench.pages.terminal import print_tables, tiles_grid
from pumpwatch_workbench.pages.trade_tables import exit_words, trades_table
from pumpwatch_workbench.pages.words import (
    counted,
    date_and_clock,
    money,
    number,
    percent,
    ratio,
    share,
    signed_money,
)

from .account import SimulatedTrade
from .engine import BacktestOutcome
from .results import Results

CHARTS_AT_MOST = 60
AFTER = 15
"""Minutes shown after an exit."""


def render_backtest(
    source: str, outcome: BacktestOutcome, results: Results, doubts: Sequence[str], quote: float = 1
) -> str:
    """Return the whole page; `quote` is the USDT per unit of the recordings' quote currency."""
    ordered = sorted(
        outcome.closed, key=lambda each: (each.trade.entry_time or 0, each.trade.symbol)
    )
    curve = results.curve
    times = curve.time.tolist()
    equity = list(zip(times, curve.equity.tolist(), strict=True))
    falls = list(zip(times, (-100 * curve.drawdown).tolist(), strict=True))
    charts = {"equity": equity_chart(equity), "drawdown": curve_chart([("drawdown, %", falls)])}
    cards, anchors = [], {}
    signals = {signal.signal.signal_id: signal for signal in outcome.signals}
    for place, position in _shown(ordered):
        trade, signal = position.trade, signals[position.trade.signal_id]
        anchor = anchors[trade.signal_id] = f"trade-{place}"
        alarm = {"alarm": signal.alarm_time}
        charts[anchor] = candle_chart(
            _rows(position), signals=[signal.signal], trade=trade, moments=alarm
        )
        facts = trade_facts(trade, date_and_clock)
        cards.append(chart_card(anchor, trade.symbol, exit_words(trade), facts))
    return render(
        __file__,
        charts,
        title=f"Pumpwatch backtest: {outcome.settings.trade.strategy_name} on {source}",
        subtitle=_subtitle(outcome),
        suspicions=doubts,
        tiles=backtest_tiles(results),
        equity_words=equity_words(equity, "Equity", "all costs included"),
        drawdown_words=f"Deepest fall {share(results.max_drawdown)} below the highest equity.",
        months=calendar_table("Month", results.months),
        trades=trades_table(
            [position.trade for position in ordered], "Every closed trade", anchors=anchors
        ),
        denials=denials_table(results),
        assumptions=_assumptions(outcome, quote),
        cards=cards,
        charts_left_out=len(ordered) - len(cards),
    )


def _shown(ordered: Sequence[SimulatedTrade]) -> list[tuple[int, SimulatedTrade]]:
    """Return the trades that get a chart, those with the largest results, with their numbers."""
    numbered = list(enumerate(ordered, start=1))
    largest = sorted(numbered, key=lambda two: -abs(two[1].trade.realised_pnl))[:CHARTS_AT_MOST]
    return sorted(largest, key=lambda two: two[0])


def _subtitle(outcome: BacktestOutcome) -> str:
    coverage, settings = outcome.coverage, outcome.settings
    days = coverage.candles / 1440
    changed = ", ".join(f"{name} {value}" for name, value in settings.changed.items())
    return " · ".join(
        [
            f"{len(coverage.symbols)} symbols, {days:,.0f} symbol-days"
            f" from {date_and_clock(coverage.begin)} to {date_and_clock(coverage.end)} UTC",
            f"detector {settings.detect.detector}, {outcome.alarms} alarms",
            changed or "default settings",
            with_evidence(settings.trade.strategy_name),
        ]
    )


def _assumptions(outcome: BacktestOutcome, quote: float) -> list[str]:
    assumed, fee = outcome.settings.assumed, outcome.settings.trade.taker_fee
    lines = [
        f"Fees {share(float(fee))} a side; spread {share(float(assumed.spread))}; slippage"
        f" {share(float(assumed.slippage_of_range))} of the candle's range, plus"
        f" {float(assumed.slippage_of_turnover):g} times the share of its turnover that we take.",
        f"An order fills at the open {assumed.delay_candles} candle(s) after the one that gave the"
        f" signal, with at most {share(float(assumed.max_turnover_share))} of its turnover.",
        "Where one candle reached stop and target, the stop counts.",
        f"Each funding costs {share(float(assumed.funding_rate))} of the notional, whatever the"
        " side: real rates are not in the candles and turn far against shorts in pumps.",
    ]
    if quote != 1:
        lines.append(
            f"Prices and turnovers were multiplied by {quote:g}: what a unit of their"
            " quote currency is taken to be worth, USDT."
        )
    return lines


def _rows(position: SimulatedTrade) -> list[CandleRow]:
    window, trade = position.window, position.trade
    values = np.concatenate([window.lead, window.values])[:, [0, 1, 2, 3, 5]]
    first = int(window.open_time[0]) - len(window.lead) * MINUTE
    end = (trade.exit_time or 0) + AFTER * MINUTE
    rows = (CandleRow(first + n * MINUTE, *row) for n, row in enumerate(values.tolist()))
    return [row for row in rows if row.open_time < end and not np.isnan(row.close)]


def backtest_tiles(results: Results) -> tuple[Tile, ...]:
    """Return the summary's figures, the most wanted first."""
    interval = "no trade"
    if results.win_rate_interval is not None:
        low, high = results.win_rate_interval
        interval = f"95 %: {share(low)} to {share(high)} (Wilson)"
    profit = f"{signed_money(results.net_profit)} USDT"
    return (
        Tile("Net profit", profit, f"{percent(results.net_profit_share)}, all costs included"),
        Tile("Trades", number(results.trades), f"of {counted(results.signals, 'signal')}"),
        Tile("Win rate", share(results.win_rate), interval),
        Tile("Fill rate", share(results.fill_rate), f"of {results.entries} entry orders"),
        Tile("Largest drawdown", share(results.max_drawdown), "of the highest equity"),
        Tile("Profit factor", ratio(results.profit_factor), "won over lost"),
        Tile("Sharpe ratio", ratio(results.sharpe), "of daily returns, 365 days a year"),
        Tile("Exposure", share(results.exposure), "of the time with a position"),
        Tile("False signals", share(results.false_signal_share), "belong to no labelled pump"),
        Tile("Fees", f"{money(results.fees)} USDT", f"and {money(results.funding)} of funding"),
    )


def denials_table(results: Results) -> PageTable:
    """Return why signals were not traded."""
    return counts_table("Signals that gave no trade.", "Reason", results.denials)


def print_backtest(
    strategy: str, results: Results, doubts: Sequence[str], console: Console
) -> None:
    """Print months, reasons of denials, totals, and what makes the result doubtful."""
    months = calendar_table("Month", results.months)
    print_tables(console, {"Months": months, "Not traded": denials_table(results)})
    console.print(tiles_grid(backtest_tiles(results)), end="\n\n")
    console.print(with_evidence(strategy))
    for doubt in doubts:
        console.print(Text(f"Doubtful: {doubt}", style="yellow"))
    console.print(Text(f"trades_sha256 {results.trades_sha256}"), soft_wrap=True)
