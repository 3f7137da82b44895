"""An open position of the slow loop, and everything that can happen to it in a minute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState
from pumpwatch_workbench.research.backtest.settings import Assumptions, BacktestSettings

from .recording import HIGH, LOW, OPEN, TURNOVER, Recording, Row

TAKEN_OUT_AFTER, SETTLED_AFTER = 60, 120
"""Minutes; the rules for exits that thin candles delay, stated in docs/backtest.md."""


@dataclass
class ReferenceHolding:
    """An open position and what has happened to it so far."""

    trade: Trade
    contract: Instrument
    minute: int
    """Open time of the minute it was entered in."""
    entry_value: Decimal
    left: Decimal
    fees: Decimal
    funding_rate: Decimal
    next_funding: int
    entry_open: Decimal
    best: Decimal
    trailing: Decimal | None
    funding: Decimal = Decimal(0)
    exit_value: Decimal = Decimal(0)
    reason: ExitReason | None = None
    due: int = 0
    """Open time of the minute from which it is taken out."""
    weights: Counter[ExitReason] = field(default_factory=Counter)


class Exits:
    """The exits of positions."""

    def __init__(self, settings: BacktestSettings) -> None:
        self.settings = settings

    def test_minute(self, holding: ReferenceHolding, recording: Recording, minute: int) -> None:
        """Pay the funding of a minute, then see what its candle fires, the worst first."""
        row = recording.row_at(minute)
        if row is None or minute < holding.minute:
            return
        opened, high, low = (Decimal(repr(value)) for value in row[:3])
        self.pay_funding(holding, minute + MINUTE - 1, (minute, opened))
        fired = self._fired(holding, opened, high, low)
        if fired is None:
            short = holding.trade.side is Side.SELL
            holding.best = min(holding.best, low) if short else max(holding.best, high)
            return
        holding.reason, price = fired
        holding.due = minute
        self.take_out(holding, row, minute, price, minute + MINUTE - 1)

    def _fired(
        self, holding: ReferenceHolding, opened: Decimal, high: Decimal, low: Decimal
    ) -> tuple[ExitReason, Decimal] | None:
        trade, leverage = holding.trade, self.settings.trade.leverage
        short = trade.side is Side.SELL
        sign = 1 if short else -1
        worst, best = (high, low) if short else (low, high)
        room = 1 / leverage - Decimal("0.01")
        entry = holding.entry_value / trade.quantity
        # The exchange's own price has eight decimals.
        edge = Decimal(int(entry * (1 + sign * room) * 10**8)) / 10**8
        levels = [(trade.stop_loss, ExitReason.STOP_LOSS)]
        if edge > 0:
            levels.append((edge, ExitReason.LIQUIDATION))
        if holding.trailing is not None:
            so_far = min(holding.best, opened) if short else max(holding.best, opened)
            levels.append((so_far + sign * holding.trailing, ExitReason.TRAILING_STOP))
        for level, reason in sorted(levels, key=lambda level: sign * (level[0] or 0)):
            if level is not None and sign * (worst - level) >= 0:
                return reason, max(level, opened) if short else min(level, opened)
        target = trade.take_profit
        if holding.trailing is not None:
            reach = best if target is None else (max(best, target) if short else min(best, target))
            pulled = min(holding.best, reach) if short else max(holding.best, reach)
            if short and opened < holding.best:
                pulled = min(pulled, opened)
            if not short and opened > holding.best:
                pulled = max(pulled, opened)
            level = pulled + sign * holding.trailing
            if sign * (worst - level) >= 0:
                return ExitReason.TRAILING_STOP, level
        if target is not None and sign * (best - target) <= 0:
            return ExitReason.TAKE_PROFIT, target
        return None

    def pay_funding(
        self, holding: ReferenceHolding, until: int, opening: tuple[int, Decimal] | None
    ) -> None:
        """Pay what is due up to a time; `opening` is a minute's open time and price."""
        interval = holding.contract.funding_interval_minutes * MINUTE
        while holding.next_funding <= until:
            price = holding.entry_open
            if opening is not None and holding.next_funding >= opening[0]:
                price = opening[1]
            holding.funding += holding.trade.quantity * price * holding.funding_rate
            holding.next_funding += interval

    def take_out(
        self, holding: ReferenceHolding, row: Row, minute: int, price: Decimal, time: int
    ) -> None:
        """Fill as much of the exit in a minute as its turnover allows."""
        assumed = self.settings.assumed
        part = min(holding.left, capacity(row, holding.contract, assumed))
        worse = assumed.spread / 2 + slippage(row, part * Decimal(repr(row[OPEN])), assumed)
        if minute >= holding.due + TAKEN_OUT_AFTER * MINUTE:
            part = holding.left
        if part <= 0:
            return
        if holding.trade.side is Side.SELL:
            filled_at = price * (1 + worse)
        else:
            filled_at = price * max(Decimal(0), 1 - worse)
        self._leave(holding, part, filled_at, time, holding.reason)

    def settle(self, holding: ReferenceHolding, recording: Recording, tick: int) -> None:
        """Take out what is left at the last close known."""
        price = Decimal(repr(recording.price_at(tick)))
        if holding.left > 0:
            self._leave(holding, holding.left, price, tick - 1, ExitReason.SETTLEMENT)

    def _leave(
        self,
        holding: ReferenceHolding,
        part: Decimal,
        price: Decimal,
        time: int,
        reason: ExitReason | None,
    ) -> None:
        value = part * price
        holding.exit_value += value
        holding.fees += value * self.settings.trade.taker_fee
        holding.left -= part
        holding.weights[reason or ExitReason.SETTLEMENT] += part  # type: ignore[assignment]
        holding.trade = holding.trade.with_(exit_time=time)

    def closed(self, holding: ReferenceHolding) -> Trade:
        """Return the trade of a position of which nothing is left."""
        trade = holding.trade
        gain = holding.exit_value - holding.entry_value
        gross = gain if trade.side is Side.BUY else -gain
        return trade.with_(
            state=TradeState.CLOSED,
            exit_price=holding.exit_value / trade.quantity,
            exit_reason=max(holding.weights, key=lambda reason: holding.weights[reason]),
            fees=holding.fees,
            funding=holding.funding,
            realised_pnl=gross - holding.fees - holding.funding,
        )


def capacity(row: Row, contract: Instrument, assumed: Assumptions) -> Decimal:
    """Return how much a minute's turnover lets us trade."""
    turnover = Decimal(repr(row[TURNOVER]))
    most = assumed.max_turnover_share * turnover / Decimal(repr(row[OPEN]))
    return most // contract.quantity_step * contract.quantity_step


def slippage(row: Row, taken: Decimal, assumed: Assumptions) -> Decimal:
    """Return by which share an order of the value `taken` fills worse."""
    spread = Decimal(repr(row[HIGH])) - Decimal(repr(row[LOW]))
    worse = assumed.slippage_of_range * spread / Decimal(repr(row[OPEN]))
    if taken > 0:
        worse += assumed.slippage_of_turnover * taken / Decimal(repr(row[TURNOVER]))
    return worse
