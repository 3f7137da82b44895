"""The same figures for the journal and the simulation, from their closed trades alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.trading.trades import Trade, TradeState


@dataclass(frozen=True, slots=True)
class Figures:
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


def figures_of(trades: Iterable[Trade], start: Decimal) -> Figures:
    """Return the figures of the closed trades, the account having begun with `start` USDT."""
    closed = sorted(
        (one for one in trades if one.state is TradeState.CLOSED and one.entry_time is not None),
        key=lambda one: (one.exit_time or 0, one.signal_id),
    )
    balance = peak = start
    deepest = Decimal(0)
    for one in closed:
        balance += one.realised_pnl
        peak = max(peak, balance)
        deepest = max(deepest, (peak - balance) / peak)
    return Figures(
        trades=len(closed),
        won=sum(one.realised_pnl > 0 for one in closed),
        profit=balance - start,
        fees=sum((one.fees for one in closed), Decimal(0)),
        balance=balance,
        drawdown=float(deepest),
    )
