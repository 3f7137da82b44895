"""Results of a backtest's trades in figures, and reasons to doubt them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from pumpwatch_workbench.calendar_sums import MONTHS, calendar_of
from pumpwatch_workbench.export import Tables, tables_of
from pumpwatch_workbench.pages.words import counted
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.scores import (
    HIT_AFTER,
    HIT_BEFORE,
    IGNORED_AFTER,
    IGNORED_BEFORE,
)
from pumpwatch_workbench.research.evaluation.shares import wilson_interval

from .digest import trades_sha256
from .engine import BacktestOutcome, FoundSignal
from .equity import EquityCurve, equity_curve, time_in_market

ZERO = Decimal(0)
FEW_TRADES = 30
"""Trades below which the interval of a win rate is some 35 points wide."""
ENOUGH = 10
"""Trades below which a high share of wins is no surprise, and a Sharpe ratio says nothing."""
WIN_RATE = 0.75
SHARPE = 4.0
PROFIT_FACTOR = 4.0
ONE_TRADE = Decimal("0.5")
THIN = "the candle was too thin or too wild to fill anything"


@dataclass(frozen=True, slots=True)
class Results:
    """Figures of a backtest. Money in USDT after all costs, shares as fractions."""

    signals: int
    entries: int
    """Entry orders that were sent."""
    filled_share: float | None
    """Quantity filled over quantity asked for, of the entries that were filled."""
    trades: int
    """Entries that were filled, at least in part: all of them are closed at the end."""
    won: int
    win_rate_interval: tuple[float, float] | None
    """95 %, Wilson's."""
    net_profit: Decimal
    start_equity: Decimal
    gross_won: float
    gross_lost: float
    fees: Decimal
    funding: Decimal
    max_drawdown: float
    exposure: float
    """Share of the time in which a position was open."""
    sharpe: float | None
    false_signal_share: float | None
    """Share of signals that belong to no labelled pump; None without labels."""
    trades_sha256: str
    curve: EquityCurve
    tables: Tables
    months: list[dict[str, Any]]
    denials: tuple[tuple[str, int], ...]
    """Reasons why signals were not traded, the most frequent first."""

    @property
    def win_rate(self) -> float | None:
        """Return the share of closed trades that made a profit; None without trades."""
        return self.won / self.trades if self.trades else None

    @property
    def fill_rate(self) -> float | None:
        """Return the share of entry orders that were filled, at least in part."""
        return self.trades / self.entries if self.entries else None

    @property
    def profit_factor(self) -> float | None:
        """Return what winning trades made over what losing ones lost; None without a loss."""
        return self.gross_won / self.gross_lost if self.gross_lost > 0 else None

    @property
    def net_profit_share(self) -> float:
        """Return the net profit as a share of the equity at the start."""
        return float(self.net_profit / self.start_equity)

    def to_json(self) -> dict[str, object]:
        """Return the figures as plain values; what cannot be known is None."""
        low, high = self.win_rate_interval or (None, None)
        return {
            "signals": self.signals,
            "entries": self.entries,
            "filled": self.trades,
            "fill_rate": self.fill_rate,
            "filled_share": self.filled_share,
            "trades": self.trades,
            "won": self.won,
            "win_rate": self.win_rate,
            "win_rate_low": low,
            "win_rate_high": high,
            "net_profit_usdt": float(self.net_profit),
            "net_profit_share": self.net_profit_share,
            "final_equity_usdt": float(self.start_equity + self.net_profit),
            "fees_usdt": float(self.fees),
            "funding_usdt": float(self.funding),
            "max_drawdown": self.max_drawdown,
            "profit_factor": self.profit_factor,
            "exposure": self.exposure,
            "sharpe": self.sharpe,
            "false_signal_share": self.false_signal_share,
            "denied": dict(self.denials),
            "months": self.months,
            "trades_sha256": self.trades_sha256,
        }


def results_of(outcome: BacktestOutcome, labels: Sequence[LabelledPump] | None = None) -> Results:
    """Return the figures of a backtest; `labels` are the known pumps, None where there are none."""
    trades = outcome.trades
    start = outcome.settings.trade.paper_equity_usdt
    begin, end = outcome.coverage.begin, outcome.coverage.end
    curve = equity_curve(outcome.closed, start=float(start), begin=min(begin, end))
    points = zip(curve.time.tolist(), curve.equity.tolist(), strict=True)
    tables = tables_of((*trades, *outcome.dropped), outcome.events(), points)
    profits = [trade.realised_pnl for trade in trades]
    gained = [profit for profit in profits if profit > 0]
    lost = [-profit for profit in profits if profit < 0]
    unfilled = sum(trade.denial == THIN for trade in outcome.dropped)
    denials = Counter(trade.denial.partition(":")[0] for trade in outcome.dropped)
    return Results(
        signals=len(outcome.signals),
        entries=len(trades) + unfilled,
        filled_share=_filled_share(outcome),
        trades=len(trades),
        won=len(gained),
        win_rate_interval=wilson_interval(len(gained), len(trades)),
        net_profit=sum(profits, ZERO),
        start_equity=start,
        gross_won=float(sum(gained, ZERO)),
        gross_lost=float(sum(lost, ZERO)),
        fees=sum((trade.fees for trade in trades), ZERO),
        funding=sum((trade.funding for trade in trades), ZERO),
        max_drawdown=float(curve.drawdown.max()),
        exposure=time_in_market(outcome.closed) / (end - begin) if end > begin else 0.0,
        sharpe=curve.sharpe(end) if len(trades) >= ENOUGH else None,
        false_signal_share=None if labels is None else false_share(outcome.signals, labels),
        trades_sha256=trades_sha256(trades),
        curve=curve,
        tables=tables,
        months=calendar_of(tables, begin, end, MONTHS),
        denials=tuple(denials.most_common()),
    )


def _filled_share(outcome: BacktestOutcome) -> float | None:
    shares = [float(position.trade.quantity / position.planned) for position in outcome.closed]
    return float(np.mean(shares)) if shares else None


def false_share(signals: Sequence[FoundSignal], labels: Sequence[LabelledPump]) -> float | None:
    """Return false alarms over false alarms and hits, among the alarms that gave a signal.

    A hit is an alarm in (onset - 60 s, onset + 300 s] of a counted pump. Alarms in [onset - 1 h,
    onset + 6 h] of any pump are neither. None when there is nothing to judge, or to judge by.
    """
    if not any(label.counted for label in labels):
        return None
    hits = false = 0
    for segment, alarm in sorted({(signal.segment, signal.alarm_time) for signal in signals}):
        known = [label for label in labels if label.segment == segment]
        if any(
            label.counted and label.onset - HIT_BEFORE < alarm <= label.onset + HIT_AFTER
            for label in known
        ):
            hits += 1
        elif not any(
            label.onset - IGNORED_BEFORE <= alarm <= label.onset + IGNORED_AFTER for label in known
        ):
            false += 1
    return false / (hits + false) if hits + false else None


def suspicions(outcome: BacktestOutcome, results: Results) -> list[str]:
    """Return what makes the result doubtful, each as a sentence; none when nothing does."""
    doubts = []
    if results.trades < FEW_TRADES:
        doubts.append(
            f"{counted(results.trades, 'trade is', 'trades are')} too few to tell skill from luck."
        )
    if results.trades >= ENOUGH and (results.win_rate or 0) > WIN_RATE:
        doubts.append(
            f"{results.win_rate:.0%} of the trades won, more than strategies that last: look at "
            "how the stops are filled."
        )
    if results.sharpe is not None and results.sharpe > SHARPE:
        doubts.append(
            f"A Sharpe ratio of {results.sharpe:.1f} is more than real accounts reach: real fills "
            "are worse."
        )
    if results.trades >= ENOUGH and (results.profit_factor or 0) > PROFIT_FACTOR:
        doubts.append(
            f"A profit factor of {results.profit_factor:.1f} seldom survives live trading."
        )
    if results.trades >= ENOUGH and results.gross_lost == 0:
        doubts.append("Not a single trade lost: something of the costs is missing.")
    best = max((trade.realised_pnl for trade in outcome.trades), default=Decimal(0))
    if results.net_profit > 0 and best > ONE_TRADE * results.net_profit:
        doubts.append("One trade made more than half of the profit.")
    return doubts
