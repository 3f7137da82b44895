"""Which price a paper order gets, and whether a stop or a target was reached. All pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pumpwatch.adapters.ledger import liquidation_price
from pumpwatch.adapters.paper_account import PaperPosition
from pumpwatch.domain.candles import CandleSeries
from pumpwatch.domain.market import OrderBook
from pumpwatch.domain.orders import FillKind, Side

__all__ = ["Taken", "Triggered", "follow", "slipped", "walk"]

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the book gave: the quantity, and its average price (None when nothing was taken)."""

    quantity: Decimal
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Triggered:
    """A protection that fired, at which price (before slippage) and when."""

    kind: FillKind
    trigger: str
    price: Decimal
    time: int


def walk(book: OrderBook, side: Side, quantity: Decimal, *, tolerance: Decimal | None) -> Taken:
    """Take `quantity` from the book, best level first, within `tolerance` of the best price."""
    levels = book.asks if side is Side.BUY else book.bids
    if not levels:
        return Taken(ZERO, None)
    reach = (tolerance or Decimal(1)) * levels[0][0]
    taken, value = ZERO, ZERO
    for price, offered in levels:
        if taken == quantity or abs(price - levels[0][0]) > reach:
            break
        part = min(offered, quantity - taken)
        taken += part
        value += part * price
    return Taken(taken, value / taken)


def slipped(price: Decimal, side: Side, slippage: Decimal) -> Decimal:
    """Return the price made worse for the side by a fraction."""
    return price * (1 + slippage if side is Side.BUY else 1 - slippage)


def follow(
    position: PaperPosition, series: CandleSeries, *, now: int, leverage: Decimal
) -> PaperPosition | Triggered:
    """Test the protections against the candles since the last check.

    The worst comes first: in a minute that reached both, the stop fires. A price that was past the
    stop when the minute opened is filled there, not at the stop; a target never gets better than
    its own price. In the minute of the last check only extremes beyond those seen then count: they
    came later. Candles are of the last price, also for a stop that watches the mark price.
    """
    start = position.checked - position.checked % series.interval
    for row, opened in enumerate(series.open_time.tolist()):
        if opened < start or opened > now:
            continue
        whole = tuple(Decimal(repr(float(value))) for value in series.values[row, :4])
        candle = _rest_of_minute(position, whole) if opened == start else whole
        time = max(position.checked, min(opened + series.interval - 1, now))
        fired = _fired(position, candle, leverage)
        if fired is not None:
            return replace(fired, time=time)
        position = replace(
            position, last_price=whole[3], checked=time, seen_high=whole[1], seen_low=whole[2]
        )
    return position


def _rest_of_minute(position: PaperPosition, candle: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Return what can have happened after the check, as a candle of its own."""
    _, high, low, close = candle
    before, short = position.last_price, position.side is Side.SELL
    # Extremes that were not seen at the check count only where they hurt.
    seen_high = position.seen_high if position.seen_high is not None else (ZERO if short else high)
    seen_low = position.seen_low if position.seen_low is not None else (low if short else high)
    return (
        before,
        high if high > seen_high else max(before, close),
        low if low < seen_low else min(before, close),
        close,
    )


def _fired(
    position: PaperPosition, candle: Sequence[Decimal], leverage: Decimal
) -> Triggered | None:
    opened, high, low, _ = candle
    short = position.side is Side.SELL
    worst, best = (high, low) if short else (low, high)
    sign = 1 if short else -1
    losing = [(position.stop_loss, FillKind.TRADE, "stop_loss")]
    losing += [(liquidation_price(position.holding, leverage), FillKind.LIQUIDATION, "")]
    known = [(level, kind, word) for level, kind, word in losing if level is not None]
    for level, kind, word in sorted(known, key=lambda one: sign * one[0]):
        if sign * (worst - level) >= 0:
            price = max(level, opened) if short else min(level, opened)
            return Triggered(kind, word, price, 0)
    target = position.take_profit
    if target is not None and sign * (best - target) <= 0:
        return Triggered(FillKind.TRADE, "take_profit", target, 0)
    return None
