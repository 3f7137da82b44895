"""A backtest's report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.candles import FloatArray, IntArray
from pumpwatch.domain.orders import Side
from pumpwatch.domain.trades import Trade
from workbench.backtest.account import Position
from workbench.backtest.engine import Outcome
from workbench.backtest.results import Results
from workbench.reports.assembly import render
from workbench.reports.chart_style import Figure, horizontal_line, level_label
from workbench.reports.charts import trade_chart
from workbench.reports.formats import (
    NOTHING,
    date_and_clock,
    money,
    number,
    percent,
    price,
    signed_money,
)
from workbench.reports.tables import Cell, Column, Table, Tile, exit_words
from workbench.run.result import CandleRow

__all__ = ["BacktestReport", "backtest_tiles", "denials_table", "months_table", "render_backtest"]

CHARTS_AT_MOST = 60
POINTS_AT_MOST = 3_000
AFTER = 15
"""Minutes shown after an exit."""


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What a report is made of."""

    source: str
    """Where the candles are from, as the reader knows it."""
    outcome: Outcome
    results: Results
    suspicions: Sequence[str]
    quote_price: float = 1.0
    """USDT per unit of the candles' own quote currency."""


@dataclass(frozen=True, slots=True)
class TradeCard:
    """One trade's chart with its facts; `description` is read out in place of the chart."""

    anchor: str
    symbol: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    description: str


def render_backtest(report: BacktestReport) -> str:
    """Return the whole page."""
    outcome, results = report.outcome, report.results
    curve = results.curve
    start = results.start_equity
    figures: dict[str, Figure] = {
        "equity": _curve(curve.time, curve.equity, ",.0f", " USDT", start=float(start)),
        "drawdown": _curve(curve.time, -curve.drawdown, ".1%", ""),
    }
    alarms = {one.signal.signal_id: one.alarm_time for one in outcome.signals}
    ordered = sorted(outcome.closed, key=lambda one: (one.trade.entry_time or 0, one.trade.symbol))
    shown = sorted(ordered, key=lambda one: -abs(one.trade.realised_pnl))[:CHARTS_AT_MOST]
    anchors = {one.trade.signal_id: f"trade-{n + 1}" for n, one in enumerate(ordered)}
    cards = []
    for one in ordered:
        if one in shown:
            anchor = anchors[one.trade.signal_id]
            figures[anchor] = trade_chart(one.trade, _rows(one), alarms[one.trade.signal_id])
            cards.append(_card(one, anchor))
    linked = {card.anchor for card in cards}
    return render(
        "backtest_report.html",
        figures,
        title=f"Pumpwatch backtest: {outcome.settings.trade.strategy_name} on {report.source}",
        subtitle=_subtitle(report),
        suspicions=report.suspicions,
        tiles=backtest_tiles(report),
        equity_words=f"Equity from {start:,.2f} to {results.final_equity:,.2f} USDT.",
        drawdown_words=f"Deepest fall {_share(results.max_drawdown)} of the highest equity.",
        months=months_table(results),
        trades=_trades_table(ordered, anchors, linked),
        denials=denials_table(results),
        assumptions=_assumptions(report),
        cards=cards,
        charts_left_out=len(ordered) - len(cards),
    )


def backtest_tiles(report: BacktestReport) -> tuple[Tile, ...]:
    """Return the summary's figures, the most wanted first."""
    results, interval = report.results, "no trade"
    if results.win_rate_interval is not None:
        low, high = results.win_rate_interval
        interval = f"95 %: {_share(low)} to {_share(high)}"
    profit = f"{signed_money(results.net_profit)} USDT"
    return (
        Tile("Net profit", profit, f"{percent(results.net_profit_share)}, all costs included"),
        Tile("Trades", number(results.trades), f"of {results.signals} signals"),
        Tile("Win rate", _share(results.win_rate), interval),
        Tile("Fill rate", _share(results.fill_rate), f"of {results.entries} entry orders"),
        Tile("Largest drawdown", _share(results.max_drawdown), "of the highest equity"),
        Tile("Profit factor", _ratio(results.profit_factor), "won over lost"),
        Tile("Sharpe ratio", _ratio(results.sharpe), "daily, 365 days"),
        Tile("Exposure", _share(results.exposure), "of the time with a position"),
        Tile("False signals", _share(results.false_signal_share), "belong to no labelled pump"),
        Tile("Fees", f"{money(results.fees)} USDT", f"and {money(results.funding)} of funding"),
    )


def months_table(results: Results) -> Table:
    """Return profit and loss by calendar month."""
    columns = (
        Column("Month"),
        Column("Trades", numeric=True),
        Column("Won", numeric=True),
        Column("Result, USDT", numeric=True),
        Column("Share", numeric=True),
        Column("Drawdown", numeric=True, wide=True),
    )
    rows = tuple(
        (
            Cell(one.name),
            Cell(number(one.trades)),
            Cell(number(one.won)),
            Cell(signed_money(one.profit), "good" if one.profit > 0 else "bad"),
            Cell(percent(one.profit_share)),
            Cell(_share(one.drawdown)),
        )
        for one in results.months
    )
    return Table("Months by the exits of their trades, UTC.", columns, rows)


def denials_table(results: Results) -> Table:
    """Return why signals were not traded."""
    columns = (Column("Reason", prose=True), Column("Signals", numeric=True))
    rows = tuple((Cell(reason), Cell(number(count))) for reason, count in results.denials)
    return Table("Signals that gave no trade.", columns, rows)


def _subtitle(report: BacktestReport) -> str:
    coverage = report.outcome.coverage
    detect = report.outcome.settings.detect
    days = coverage.candles / 1440
    changed = ", ".join(f"{k} {v}" for k, v in report.outcome.settings.changed.items())
    return " · ".join(
        [
            f"{len(coverage.symbols)} symbols, {days:,.0f} symbol-days"
            f" from {date_and_clock(coverage.begin)} to {date_and_clock(coverage.end)} UTC",
            f"detector {detect.detector}, {report.outcome.alarms} alarms",
            changed or "default settings",
        ]
    )


def _assumptions(report: BacktestReport) -> list[str]:
    assumed = report.outcome.settings.assumed
    fee = report.outcome.settings.trade.taker_fee
    lines = [
        f"Fees {_share(float(fee))} a side; spread {_share(float(assumed.spread))}; slippage"
        f" {_share(float(assumed.slippage_of_range))} of the candle's range, plus"
        f" {float(assumed.slippage_of_turnover):g} times the share of its turnover that we take.",
        f"An order fills at the open {assumed.delay_candles} candle(s) after the one that gave the"
        f" signal, with at most {_share(float(assumed.max_turnover_share))} of its turnover.",
        "Where one candle reached stop and target, the stop counts.",
        f"Each funding costs {_share(float(assumed.funding_rate))} of the notional, whatever the"
        " side: real rates are not in the candles and turn far against shorts in pumps.",
    ]
    if report.quote_price != 1.0:
        lines.append(
            f"Prices and turnovers were multiplied by {report.quote_price:g}: what a unit of their"
            " quote currency is taken to be worth, USDT."
        )
    return lines


def _curve(
    time: IntArray,
    values: FloatArray,
    form: str,
    unit: str,
    *,
    start: float | None = None,
) -> Figure:
    chosen = np.unique(np.linspace(0, len(time) - 1, POINTS_AT_MOST).astype(np.int64))
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": time[chosen].tolist(),
        "y": [float(f"{value:.6g}") for value in values[chosen].tolist()],
        "line": {"color": "var(--trade)", "width": 1.75, "shape": "hv"},
        "hovertemplate": f"%{{x|%Y-%m-%d %H:%M}}  %{{y:{form}}}{unit}<extra></extra>",
    }
    layout: Figure = {
        "xaxis": {"type": "date"},
        "yaxis": {"tickformat": form, "nticks": 6},
    }
    if start is not None:
        layout |= {"shapes": [horizontal_line(start)], "annotations": [level_label("start", start)]}
    return {"data": [trace], "layout": layout}


def _rows(position: Position) -> list[CandleRow]:
    window, trade = position.window, position.trade
    end = min(len(window), window.index_of(trade.exit_time or 0) + AFTER)
    return [
        CandleRow(int(window.open_time[row]), *window.values[row, [0, 1, 2, 3, 5]].tolist())
        for row in window.known(0, end)
    ]


def _card(position: Position, anchor: str) -> TradeCard:
    trade = position.trade
    side = "Short" if trade.side is Side.SELL else "Long"
    facts = (
        (side, f"{date_and_clock(trade.entry_time)} at {price(trade.entry_price)}"),
        ("Exit", f"{date_and_clock(trade.exit_time)} at {price(trade.exit_price)}"),
        ("Ended by", exit_words(trade)),
        ("Stop", price(trade.stop_loss)),
        ("Target", price(trade.take_profit)),
        ("Result", f"{signed_money(trade.realised_pnl)} USDT"),
    )
    spoken = "; ".join(f"{name} {value}" for name, value in facts)
    description = f"One-minute candles of {trade.symbol}. {spoken}."
    return TradeCard(anchor, trade.symbol, exit_words(trade), facts, description)


def _trades_table(ordered: Sequence[Position], anchors: dict[str, str], linked: set[str]) -> Table:
    columns = (
        Column("Symbol"),
        Column("Side"),
        Column("Entered"),
        Column("Entry", numeric=True, wide=True),
        Column("Quantity", numeric=True, wide=True),
        Column("Exited", wide=True),
        Column("Exit", numeric=True, wide=True),
        Column("Why"),
        Column("Fees", numeric=True, wide=True),
        Column("Result, USDT", numeric=True),
    )
    rows = tuple(_trade_cells(one.trade, anchors[one.trade.signal_id], linked) for one in ordered)
    return Table("Every closed trade. Results are after all costs; times UTC.", columns, rows)


def _trade_cells(trade: Trade, anchor: str, linked: set[str]) -> tuple[Cell, ...]:
    return (
        Cell(trade.symbol, href=f"#{anchor}" if anchor in linked else ""),
        Cell("short" if trade.side is Side.SELL else "long"),
        Cell(date_and_clock(trade.entry_time)),
        Cell(price(trade.entry_price)),
        Cell(number(trade.quantity)),
        Cell(date_and_clock(trade.exit_time)),
        Cell(price(trade.exit_price)),
        Cell(exit_words(trade)),
        Cell(money(trade.fees)),
        Cell(signed_money(trade.realised_pnl), "good" if trade.realised_pnl > 0 else "bad"),
    )


def _share(value: float | None) -> str:
    """Return a share without a sign, with more digits below one per cent."""
    if value is None:
        return NOTHING
    places = 1 if value == 0 or value >= 0.01 else 3  # noqa: PLR2004
    return f"{value * 100:.{places}f} %"


def _ratio(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
