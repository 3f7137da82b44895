"""Put journal and simulation of one period side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.research.backtest.engine import BacktestOutcome

from .attribution import CAUSES, Difference, attribute
from .pairing import Pairing, pair


@dataclass(frozen=True, slots=True)
class SideFigures:
    """One side. Money in USDT; drawdown on realised profit, as both sides know it."""

    trades: int
    won: int
    profit: Decimal
    fees: Decimal
    balance: Decimal
    drawdown: float

    @property
    def win_rate(self) -> float | None:
        """Return the share of trades that made a profit; None without trades."""
        return self.won / self.trades if self.trades else None

    def to_json(self) -> dict[str, object]:
        """Return the figures as plain values."""
        return {
            "trades": self.trades,
            "won": self.won,
            "win_rate": self.win_rate,
            "net_profit_usdt": float(self.profit),
            "fees_usdt": float(self.fees),
            "final_balance_usdt": float(self.balance),
            "max_drawdown": self.drawdown,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences, with amounts."""

    journal: SideFigures
    simulation: SideFigures
    pairing: Pairing
    differences: tuple[Difference, ...]
    open: tuple[Trade, ...]
    """Trades of the journal that are not closed yet: neither side counts them."""
    uncovered: tuple[Trade, ...]
    """Trades of the journal whose symbol is not among the candles: they cannot be judged."""

    @property
    def by_cause(self) -> dict[str, Decimal]:
        """Return the differences added up by cause, USDT; together they are the difference."""
        return {
            cause: sum(
                (difference.causes.get(cause, Decimal(0)) for difference in self.differences),
                Decimal(0),
            )
            for cause in CAUSES
        }

    @property
    def difference(self) -> Decimal:
        """Return the journal's net profit less the simulation's, USDT."""
        return self.journal.profit - self.simulation.profit

    def to_json(self) -> dict[str, object]:
        """Return the comparison as plain values."""
        return {
            "journal": self.journal.to_json(),
            "simulation": self.simulation.to_json(),
            "paired": len(self.pairing.both),
            "missed": len(self.pairing.missed),
            "extra": len(self.pairing.extra),
            "open": len(self.open),
            "uncovered": len(self.uncovered),
            "difference_usdt": float(self.difference),
            "by_cause_usdt": {name: float(value) for name, value in self.by_cause.items()},
            "trades": [difference.to_json() for difference in self.differences],
        }


def compare_with(outcome: BacktestOutcome, journal: Sequence[Trade]) -> Comparison:
    """Compare a journal's trades with the simulation of the same candles and period."""
    known = outcome.coverage.symbols
    covered = [trade for trade in journal if trade.symbol in known]
    uncovered = [
        trade for trade in journal if trade.symbol not in known and trade.entry_time is not None
    ]
    live = [trade for trade in covered if trade.state.live]
    not_yet = {trade.event_id for trade in live}
    simulated = [position for position in outcome.closed if position.trade.event_id not in not_yet]
    pairing = pair(simulated, covered)
    start = outcome.settings.trade.paper_equity_usdt
    return Comparison(
        journal=figures_of(covered, start),
        simulation=figures_of([position.trade for position in simulated], start),
        pairing=pairing,
        differences=tuple(attribute(pairing, outcome.dropped, covered)),
        open=tuple(live),
        uncovered=tuple(uncovered),
    )


def figures_of(trades: Iterable[Trade], start: Decimal) -> SideFigures:
    """Return the figures of the closed trades, the account having begun with `start` USDT."""
    closed = sorted(
        (
            trade
            for trade in trades
            if trade.state is TradeState.CLOSED and trade.entry_time is not None
        ),
        key=lambda trade: (trade.exit_time or 0, trade.signal_id),
    )
    balance = peak = start
    deepest = Decimal(0)
    for trade in closed:
        balance += trade.realised_pnl
        peak = max(peak, balance)
        deepest = max(deepest, (peak - balance) / peak)
    return SideFigures(
        trades=len(closed),
        won=sum(trade.realised_pnl > 0 for trade in closed),
        profit=balance - start,
        fees=sum((trade.fees for trade in closed), Decimal(0)),
        balance=balance,
        drawdown=float(deepest),
    )
