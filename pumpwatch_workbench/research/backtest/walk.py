"""A position's way from its entry to its end, minute by minute.

Stops, targets, liquidation and funding are decided by the paper account's own code
(`adapters/paper/fills.py`), worst first: in a candle that reached both, the stop fires. Minutes in
which nothing can happen are skipped; what such a minute is follows from the levels alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import numpy as np

from pumpwatch.adapters.paper.account import PaperFunding, PaperPosition
from pumpwatch.adapters.paper.fills import Triggered, follow
from pumpwatch.adapters.paper.funding import Charge
from pumpwatch.adapters.paper.ledger import liquidation_price
from pumpwatch.domain.market.candles import BoolArray, IntArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Fill, FillKind, Leg, Side, order_id_for
from pumpwatch.domain.trading.performance import summarise_fills
from pumpwatch.domain.trading.rounding import decimal_from
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState

from .fills import PartialFill, exit_part
from .market import HIGH, LOW, OPEN, Window
from .settings import BacktestSettings

LONGEST_EXIT = 60
"""Minutes after which what thin candles left of an exit is taken out whatever the turnover."""
LAST_MINUTE = 2 * LONGEST_EXIT
"""Minutes after which it is settled at the last close, when no candle came meanwhile."""
ROOM = 1e-12
ZERO = Decimal(0)


def held_position(
    trade: Trade, entry: PartialFill, window: Window, index: int, settings: BacktestSettings
) -> PaperPosition:
    """Return the position that an entry at the open of minute `index` leaves."""
    time, opened = int(window.open_time[index]), decimal_from(window.values[index, OPEN])
    rate = settings.assumed.funding_rate
    interval = window.contract.funding_interval_minutes * MINUTE
    funding = PaperFunding(
        rate=rate if trade.side is Side.BUY else -rate,
        next_time=(time // interval + 1) * interval,
        mark_price=opened,
        last_price=opened,
        seen=time,
    )
    trailing = settings.trade.trailing_stop_fraction
    return PaperPosition(
        symbol=trade.symbol,
        side=trade.side,
        quantity=entry.quantity,
        entry_price=entry.price,
        stop_loss=trade.stop_loss,
        take_profit=trade.take_profit,
        last_price=opened,
        checked=time,
        seen_high=opened,
        seen_low=opened,
        created=time,
        updated=time,
        trailing_stop=trailing * entry.price if trailing else None,
        best_price=opened if trailing else None,
        funding=funding,
    )


def finished(
    trade: Trade, entry: PartialFill, window: Window, index: int, settings: BacktestSettings
) -> tuple[Trade, int | None]:
    """Return the trade as it was closed, its entry having been filled at minute `index`.

    Beside it stands when an order to close it was sent at its time limit, None when none was.
    """
    position = held_position(trade, entry, window, index, settings)
    limit = min(window.index_of(trade.closes_at + MINUTE - 1), len(window))
    fired, charges = _first_event(position, window, index, limit, settings)
    entered = _fill(trade, "entry", entry, trade.created, settings)
    entry_id = order_id_for(trade.signal_id, Leg.ENTRY, 0)
    fills = [replace(entered, order_id=entry_id, side=trade.side)]
    fills += [_funding_fill(trade, paid, settings) for paid in charges]
    fills += _exit_fills(trade, entry.quantity, window, limit, fired, settings)
    fills.sort(key=lambda fill: fill.time)
    sent = fired is None and limit < len(window)
    return _closed(trade, fills), int(window.open_time[limit]) if sent else None


@dataclass(frozen=True, slots=True)
class _Fired:
    """The protection that fired and the minute it did."""

    index: int
    triggered: Triggered


def _first_event(
    position: PaperPosition, window: Window, index: int, limit: int, settings: BacktestSettings
) -> tuple[_Fired | None, tuple[Charge, ...]]:
    """Return what fires before minute `limit`, if anything, and the funding charged until then."""
    walked = partial(
        follow,
        slip=ZERO,  # the backtest has slippage of its own
        leverage=settings.trade.leverage,
        funding_interval=window.contract.funding_interval_minutes * MINUTE,
    )
    rows = _eventful(position, window, index, limit, settings.trade.leverage)
    end = int(window.open_time[rows[-1]]) + MINUTE - 1 if rows else position.checked
    followed = walked(position, window.series(rows), now=end)
    if followed.fired is not None:
        return _Fired(window.index_of(followed.fired.time), followed.fired), followed.charges
    if limit >= len(window):
        return None, followed.charges
    last = walked(followed.position, window.series([]), now=int(window.open_time[limit]))
    return None, followed.charges + last.charges


def _eventful(
    position: PaperPosition, window: Window, index: int, limit: int, leverage: Decimal
) -> list[int]:
    """Return the minutes from `index` to `limit` in which anything can happen."""
    known = window.known(index, limit)
    if position.trailing_stop is not None or not len(known):
        return [int(row) for row in known]
    values = window.values[known]
    short = position.side is Side.SELL
    levels = [position.stop_loss, liquidation_price(position.holding, leverage)]
    losing = [float(level) for level in levels if level is not None]
    eventful = np.zeros(len(known), dtype=np.bool_)
    funding = position.funding
    if funding is not None and funding.next_time <= int(window.open_time[known[-1]]):
        eventful |= _funded(funding.next_time, window, known)
    # Floats may be off in the last digit: a minute too many costs nothing.
    if losing and short:
        eventful |= values[:, HIGH] >= min(losing) * (1 - ROOM)
    elif losing:
        eventful |= values[:, LOW] <= max(losing) * (1 + ROOM)
    if position.take_profit is not None and short:
        eventful |= values[:, LOW] <= float(position.take_profit) * (1 + ROOM)
    elif position.take_profit is not None:
        eventful |= values[:, HIGH] >= float(position.take_profit) * (1 - ROOM)
    return [int(row) for row in known[eventful]]


def _funded(next_time: int, window: Window, rows: IntArray) -> BoolArray:
    """Return which of the minutes are the first ones known once a funding has fallen due."""
    interval = window.contract.funding_interval_minutes * MINUTE
    due = (window.open_time[rows] - next_time) // interval
    first: BoolArray = np.diff(due, prepend=-1) > 0
    return first


def _exit_fills(
    trade: Trade,
    quantity: Decimal,
    window: Window,
    limit: int,
    fired: _Fired | None,
    settings: BacktestSettings,
) -> list[Fill]:
    """Return the fills that take the position out, from the minute that ends it on."""
    side, left = trade.side.opposite, quantity
    fills: list[Fill] = []
    first = fired.index if fired is not None else limit
    end = min(len(window), first + LAST_MINUTE)
    for row in window.known(first, end).tolist():
        candle = window.values[row]
        opens = fired is None or row > fired.index
        price = decimal_from(candle[OPEN]) if opens else fired.triggered.price  # type: ignore[union-attr]
        part = exit_part(
            side,
            left,
            price,
            candle,
            window.contract,
            settings.assumed,
            whole=row >= first + LONGEST_EXIT,
        )
        if part is None:
            continue
        time = int(window.open_time[row]) + (0 if opens else MINUTE - 1)
        fills.append(_exit_fill(trade, part, time, fired, len(fills), settings))
        left -= part.quantity
        if left <= 0:
            return fills
    return [*fills, _settlement(trade, left, window, end, settings)]


def _exit_fill(
    trade: Trade,
    part: PartialFill,
    time: int,
    fired: _Fired | None,
    number: int,
    settings: BacktestSettings,
) -> Fill:
    fill = _fill(trade, f"exit-{number}", part, time, settings)
    if fired is None:
        return replace(fill, order_id=order_id_for(trade.signal_id, Leg.EXIT, 0))
    return replace(fill, kind=fired.triggered.kind, trigger=fired.triggered.trigger)


def _settlement(
    trade: Trade, left: Decimal, window: Window, minute: int, settings: BacktestSettings
) -> Fill:
    """Return the fill at the last close known at a minute: the candles end before the trade."""
    end = int(window.open_time[0]) + minute * MINUTE
    part = PartialFill(left, decimal_from(window.price_at(end)))
    fill = _fill(trade, f"exit-{minute}", part, end - 1, settings)
    return replace(fill, kind=FillKind.SETTLEMENT)


def _funding_fill(trade: Trade, paid: Charge, settings: BacktestSettings) -> Fill:
    fill = _fill(trade, f"funding-{paid.time}", PartialFill(ZERO, paid.price), paid.time, settings)
    return replace(fill, side=trade.side, kind=FillKind.FUNDING, fee=paid.fee)


def _fill(
    trade: Trade, name: str, part: PartialFill, time: int, settings: BacktestSettings
) -> Fill:
    """Return a fill that closes a part of the trade, at the taker's fee."""
    return Fill(
        execution_id=f"{trade.signal_id}-{name}",
        order_id="",
        symbol=trade.symbol,
        side=trade.side.opposite,
        kind=FillKind.TRADE,
        price=part.price,
        quantity=part.quantity,
        fee=part.quantity * part.price * settings.trade.taker_fee,
        time=time,
    )


def _closed(trade: Trade, fills: list[Fill]) -> Trade:
    summary = summarise_fills(
        trade,
        fills,
        entry_id=order_id_for(trade.signal_id, Leg.ENTRY, 0),
        exit_ids=frozenset({order_id_for(trade.signal_id, Leg.EXIT, 0)}),
    )
    return trade.with_(
        state=TradeState.CLOSED,
        quantity=summary.entered,
        entry_price=summary.entry_price,
        entry_time=summary.entry_time,
        exit_price=summary.exit_price,
        exit_time=summary.exit_time,
        exit_reason=summary.exit_reason or ExitReason.SETTLEMENT,
        realised_pnl=summary.realised(trade.side),
        fees=summary.fees,
        funding=summary.funding,
    )
