"""Why a trade's result differs from the simulated one, in USDT that add up.

With q quantity, e and x entry and exit price, s = +1 for a long and -1 for a short position, f fees
and u funding, a result is s q (x - e) - f - u. For the journal's trade (j) and the simulated one
(i), r = q_j / q_i, and m(t) the market's price at a time::

    size      (r - 1) result_i
    fee       r f_i - f_j
    funding   r u_i - u_j
    delay     s q_j [m(entry_i) - m(entry_j)], and the same at the exit with the other sign
    slippage  s q_j [(e_i - m(entry_i)) - (e_j - m(entry_j))], and the same at the exit
    exit      the exit's delay, where the two ended for different reasons

They add up to result_j - result_i. m(t) runs from a candle's open to its close in a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.rounding import decimal_from
from pumpwatch.domain.trading.trades import ExitReason, Trade
from pumpwatch_workbench.research.backtest.account import SimulatedTrade
from pumpwatch_workbench.research.backtest.market import CLOSE, OPEN, Window

from .pairing import Pairing

CAUSES = ("missed", "extra", "delay", "slippage", "fee", "funding", "size", "exit")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Difference:
    """One trade's difference, journal less simulation, by cause; USDT."""

    symbol: str
    time: int
    """Time of the signal, milliseconds UTC."""
    total: Decimal
    causes: dict[str, Decimal]
    note: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the difference as plain values."""
        return {
            "symbol": self.symbol,
            "time": self.time,
            "total_usdt": float(self.total),
            "causes_usdt": {name: float(value) for name, value in self.causes.items()},
            "note": self.note,
        }


def attribute(
    pairing: Pairing, simulated_drops: Sequence[Trade], journal: Sequence[Trade]
) -> list[Difference]:
    """Return the differences of all trades, in order of their signals."""
    live_drops = {trade.event_id: trade.denial for trade in journal if trade.denial}
    own_drops = {trade.event_id: trade.denial for trade in simulated_drops}
    differences = [attribute_pair(position, trade) for position, trade in pairing.both]
    for position in pairing.missed:
        lost = -position.trade.realised_pnl
        reason = live_drops.get(position.trade.event_id, "no signal in the journal")
        differences.append(_single(position.trade, "missed", lost, f"missed: {reason}"))
    for trade in pairing.extra:
        reason = own_drops.get(trade.event_id, "no signal in the simulation")
        differences.append(_single(trade, "extra", trade.realised_pnl, f"extra: {reason}"))
    return sorted(differences, key=lambda difference: (difference.time, difference.symbol))


def attribute_pair(position: SimulatedTrade, journal: Trade) -> Difference:
    """Return what made the journal's closed trade differ from the simulated one."""
    own, window = position.trade, position.window
    quantity = journal.quantity
    share = quantity / own.quantity
    sign = quantity if journal.side is Side.BUY else -quantity
    entry = _Leg.of(own.entry_price, own.entry_time, journal.entry_price, journal.entry_time)
    leave = _Leg.of(own.exit_price, own.exit_time, journal.exit_price, journal.exit_time)
    same_end = _reason(own) == _reason(journal)
    exit_delay = -sign * leave.delay(window)
    causes = {
        "size": (share - 1) * own.realised_pnl,
        "fee": share * own.fees - journal.fees,
        "funding": share * own.funding - journal.funding,
        "delay": sign * entry.delay(window) + (exit_delay if same_end else ZERO),
        "slippage": sign * entry.slippage(window) - sign * leave.slippage(window),
        "exit": ZERO if same_end else exit_delay,
    }
    note = "" if same_end else f"{_reason(journal)} instead of {_reason(own)}"
    total = journal.realised_pnl - own.realised_pnl
    return Difference(journal.symbol, journal.signal_time, total, causes, note)


def market_price(window: Window, time: int) -> Decimal:
    """Return the market's price at a time, on a straight line from the minute's open to close."""
    index = window.index_of(time)
    if not window.is_known(index):
        return decimal_from(window.price_at(time))
    opened, closed = window.values[index, OPEN], window.values[index, CLOSE]
    share = (time - int(window.open_time[index])) / MINUTE
    return decimal_from(opened + share * (closed - opened))


@dataclass(frozen=True, slots=True)
class _Leg:
    """Price and time of one leg on both sides: simulated, then journal."""

    own_price: Decimal
    own_time: int
    price: Decimal
    time: int

    @classmethod
    def of(
        cls,
        own_price: Decimal | None,
        own_time: int | None,
        price: Decimal | None,
        time: int | None,
    ) -> _Leg:
        """Return the leg of two closed trades."""
        return cls(own_price or ZERO, own_time or 0, price or ZERO, time or 0)

    def delay(self, window: Window) -> Decimal:
        """Return how much the market fell from the simulated time to the journal's."""
        return market_price(window, self.own_time) - market_price(window, self.time)

    def slippage(self, window: Window) -> Decimal:
        """Return how much lower the journal's price was than the market, beyond the simulated."""
        own = self.own_price - market_price(window, self.own_time)
        return own - (self.price - market_price(window, self.time))


def _reason(trade: Trade) -> str:
    return (trade.exit_reason or ExitReason.UNEXPLAINED).replace("_", " ")


def _single(trade: Trade, cause: str, amount: Decimal, note: str) -> Difference:
    return Difference(trade.symbol, trade.signal_time, amount, {cause: amount}, note)
