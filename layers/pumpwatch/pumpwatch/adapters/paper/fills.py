"""Stops, targets and funding of a paper position between two updates. All pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from pumpwatch.domain.market.candles import CandleSeries
from pumpwatch.domain.trading.orders import FillKind, Side

from .account import PaperPosition
from .funding import Charge, charge, rolled
from .ledger import better, liquidation_price, trailing_level

ZERO = Decimal(0)
EIGHT_HOURS = 8 * 3_600_000
SLIP = Decimal("0.05")
"""Share of the minute's range by which a stop fills worse: the price moves on after the trigger."""


@dataclass(frozen=True, slots=True)
class Triggered:
    """A protection that fired, at which price (before slippage) and when."""

    kind: FillKind
    trigger: str
    price: Decimal
    time: int


@dataclass(frozen=True, slots=True)
class Followed:
    """A position after the candles up to now: what it paid in funding, and what closed it."""

    position: PaperPosition
    """The position now, or when it was closed."""
    fired: Triggered | None = None
    charges: tuple[Charge, ...] = ()
    complete: bool = True
    """False when `most_charges` were reached: follow the position again from here."""


def follow(
    position: PaperPosition,
    series: CandleSeries,
    *,
    now: int,
    leverage: Decimal,
    funding_interval: int = EIGHT_HOURS,
    most_charges: int = 50,
    slip: Decimal = SLIP,
) -> Followed:
    """Test the protections against the candles since the last check, and charge funding on the way.

    The worst comes first: in a minute that reached both, the stop fires. A price that was past the
    stop when the minute opened is filled there, not at the stop, either `slip` of the minute's
    range worse; a target never gets better than its own price. In the minute of the last check only
    extremes beyond those seen then count: they came later. Candles are of the last price, also for
    a stop that watches the mark price.

    A trailing stop is tested twice: where it stood when the minute opened, beside the fixed one,
    and where the minute's most favourable price has pulled it, as if that price had come first and
    the worst one after it (up to the target: beyond it the position would be closed). Funding is
    charged at the rate seen last. Times and `funding_interval` in milliseconds.
    """
    start = position.checked - position.checked % series.interval
    charge_until = partial(_charged, interval=funding_interval, most=most_charges)
    paid: tuple[Charge, ...] = ()
    for row, opened in enumerate(series.open_time.tolist()):
        if opened < start or opened > now:
            continue
        whole = tuple(Decimal(repr(float(value))) for value in series.values[row, :4])
        time = max(position.checked, min(opened + series.interval - 1, now))
        position, paid = charge_until(position, paid, time, at=(opened, whole[0]))
        if _due(position, time) is not None:
            return Followed(position, None, paid, complete=False)
        candle = _rest_of_minute(position, whole) if opened == start else whole
        fired = _fired(position, candle, leverage, slip)
        if fired is not None:
            return Followed(position, replace(fired, time=time), paid)
        position = _moved(position, candle, whole, time)
    position, paid = charge_until(position, paid, now, at=None)
    return Followed(position, None, paid, complete=_due(position, now) is None)


def _due(position: PaperPosition, until: int) -> int | None:
    """Return when the first funding was due that is not charged yet, None if after `until`."""
    terms = position.funding
    return terms.next_time if terms is not None and terms.next_time <= until else None


def _charged(
    position: PaperPosition,
    paid: tuple[Charge, ...],
    until: int,
    *,
    at: tuple[int, Decimal] | None,
    interval: int,
    most: int,
) -> tuple[PaperPosition, tuple[Charge, ...]]:
    """Charge what is due up to `until`; `at` is a candle's open time and opening price."""
    while (due := _due(position, until)) is not None and len(paid) < most:
        price = at[1] if at is not None and due >= at[0] else None
        paid = (*paid, charge(position, due, price))
        position = rolled(position, due + interval)
    return position, paid


def _moved(
    position: PaperPosition, candle: Sequence[Decimal], whole: Sequence[Decimal], time: int
) -> PaperPosition:
    best = position.best_price
    if best is not None:
        best = better(position.side, best, candle[2 if position.side is Side.SELL else 1])
    return replace(
        position,
        last_price=whole[3],
        checked=time,
        seen_high=whole[1],
        seen_low=whole[2],
        best_price=best,
    )


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
    position: PaperPosition, candle: Sequence[Decimal], leverage: Decimal, slip: Decimal
) -> Triggered | None:
    """Return what the candle fires, worst first; its time is not known here."""
    opened, high, low, _ = candle
    short = position.side is Side.SELL
    worst, best = (high, low) if short else (low, high)
    sign = 1 if short else -1

    def slipped(price: Decimal) -> Decimal:
        worse = price + slip * (worst - best)
        return min(worse, worst) if short else max(worse, worst)

    if position.best_price is not None:
        # The opening price came first, whatever the order of the others.
        position = replace(position, best_price=better(position.side, position.best_price, opened))
    for level, kind, word in sorted(_losing(position, leverage), key=lambda level: sign * level[0]):
        if sign * (worst - level) >= 0:
            reached = max(level, opened) if short else min(level, opened)
            return Triggered(kind, word, reached if not word else slipped(reached), 0)
    pulled = _pulled_level(position, best)
    if pulled is not None and sign * (worst - pulled) >= 0:
        return Triggered(FillKind.TRADE, "trailing_stop", slipped(pulled), 0)
    target = position.take_profit
    if target is not None and sign * (best - target) <= 0:
        return Triggered(FillKind.TRADE, "take_profit", target, 0)
    return None


def _losing(position: PaperPosition, leverage: Decimal) -> list[tuple[Decimal, FillKind, str]]:
    trailing = trailing_level(position.side, position.best_price, position.trailing_stop)
    levels = [
        (position.stop_loss, FillKind.TRADE, "stop_loss"),
        (trailing, FillKind.TRADE, "trailing_stop"),
        (liquidation_price(position.holding, leverage), FillKind.LIQUIDATION, ""),
    ]
    return [(level, kind, word) for level, kind, word in levels if level is not None]


def _pulled_level(position: PaperPosition, best: Decimal) -> Decimal | None:
    """Return where the trailing stop stands once the most favourable price has come."""
    if position.best_price is None:
        return None
    if position.take_profit is not None:
        best = better(position.side.opposite, best, position.take_profit)
    pulled = better(position.side, position.best_price, best)
    return trailing_level(position.side, pulled, position.trailing_stop)
