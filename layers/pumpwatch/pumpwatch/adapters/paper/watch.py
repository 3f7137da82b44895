"""Bring paper positions up to date: what the market did to them since they were checked last."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Fill, Side
from pumpwatch.errors import RetryLater, SkipSymbol
from pumpwatch.ports import MarketData

from .account import PaperFunding, PaperPosition, PaperState, without
from .book import slipped
from .fills import Followed, Triggered, follow
from .funding import funding_fill, renewed, terms_in, wants_terms
from .ledger import pnl

logger = logging.getLogger(__name__)

ZERO = Decimal(0)
USUAL_INTERVAL = 480
"""Minutes between two fundings of a contract that is not listed any more."""
MOST_FILLS = 90
"""Most fills of one update: they are stored in one transaction of at most 100 writes."""


@dataclass(frozen=True, slots=True)
class Update:
    """The account after an update, and the fills that led there."""

    state: PaperState
    fills: tuple[Fill, ...]
    complete: bool
    """False when a position must be followed further: update again."""


class Watch:
    """Follows paper positions along the market's candles and funding.

    An update asks for candles only. The market's snapshot is asked for when a position opens, in
    the last two minutes before a funding, and after it, then with the contracts for their interval.
    """

    def __init__(self, market: MarketData, *, taker_fee: Decimal, slippage: Decimal) -> None:
        self._market = market
        self._fee = taker_fee
        self._slippage = slippage
        self._asked: int | None = None

    def update(self, state: PaperState, now: int) -> Update:
        """Follow every position up to `now`, milliseconds UTC.

        A symbol without candles is left as it is and logged. Raises what the market raises when
        candles or contracts cannot be read: nothing is lost, the next update starts where this did.
        """
        positions = [state.positions[symbol] for symbol in sorted(state.positions)]
        answers = self._market.candles([_since_checked(position, now) for position in positions])
        intervals = self._intervals(state, now)
        snapshot = self._snapshot(now) if self._wanted(state, now) else None
        after, fills, complete = state, list[Fill](), True
        for position in positions:
            symbol = position.symbol
            series = answers[symbol]
            if not isinstance(series, CandleSeries):
                facts = {"symbol": symbol, "reason": str(series)}
                logger.warning("paper position not checked", extra=facts)
                continue
            room = MOST_FILLS - len(fills)
            if room <= 1:
                complete = False
                break
            followed = follow(
                position,
                series,
                now=now,
                leverage=state.leverage(symbol),
                funding_interval=intervals.get(symbol, USUAL_INTERVAL) * MINUTE,
                most_charges=room - 1,
            )
            after, booked = self._booked(after, followed, snapshot, now)
            fills += booked
            complete = complete and followed.complete
        return Update(after, tuple(fills), complete)

    def opened(self, symbol: str, side: Side, price: Decimal, now: int) -> PaperPosition:
        """Return a new position that knows which part of its first minute came before it."""
        request = CandleRequest(symbol, MINUTE, now - now % MINUTE, now)
        series = self._market.candles([request]).get(symbol)
        high = low = None
        if isinstance(series, CandleSeries) and len(series.open_time):
            high, low = (Decimal(repr(float(value))) for value in series.values[-1, 1:3])
        return PaperPosition(
            symbol=symbol,
            side=side,
            quantity=ZERO,
            entry_price=price,
            stop_loss=None,
            take_profit=None,
            last_price=price,
            checked=now,
            seen_high=high,
            seen_low=low,
            created=now,
            updated=now,
            funding=renewed(None, _terms(self._snapshot(now, symbol), symbol), now),
        )

    def _wanted(self, state: PaperState, now: int) -> bool:
        known = [position.funding for position in state.positions.values()]
        if any(wants_terms(funding, now) for funding in known if funding is not None):
            return True
        # It may never be said: a contract may have been delisted.
        waited = self._asked is None or now - self._asked >= MINUTE
        return None in known and waited

    def _snapshot(self, now: int, symbol: str = "") -> MarketSnapshot | None:
        # The answer about one symbol is a thousandth as long. Without any, funding is learnt later.
        self._asked = now
        try:
            return self._market.snapshot(symbol)
        except (RetryLater, SkipSymbol) as error:
            logger.warning("funding of paper positions not read", extra={"reason": str(error)})
            return None

    def _intervals(self, state: PaperState, now: int) -> Mapping[str, int]:
        if not state.funding_due(now):
            return {}
        listed = self._market.instruments()
        return {
            symbol: listed[symbol].funding_interval_minutes
            for symbol in state.positions
            if symbol in listed and listed[symbol].funding_interval_minutes > 0
        }

    def _booked(
        self, state: PaperState, followed: Followed, snapshot: MarketSnapshot | None, now: int
    ) -> tuple[PaperState, list[Fill]]:
        position = followed.position
        symbol = position.symbol
        paid = sum((charge.fee for charge in followed.charges), ZERO)
        fills = [funding_fill(position, charge) for charge in followed.charges]
        state = replace(state, realised=state.realised - paid)
        if followed.fired is not None:
            fill = self._closing(position, followed.fired)
            fills.append(fill)
            return _without(state, position, fill), fills
        if followed.complete:
            funding = renewed(position.funding, _terms(snapshot, symbol), now)
            position = replace(position, funding=funding)
        return replace(state, positions={**state.positions, symbol: position}), fills

    def _closing(self, position: PaperPosition, fired: Triggered) -> Fill:
        side = position.side.opposite
        price = slipped(fired.price, side, self._slippage)
        name = f"paper-{position.symbol}-{position.created}-{fired.trigger or fired.kind.value}"
        return Fill(
            execution_id=name,
            order_id="",
            symbol=position.symbol,
            side=side,
            kind=fired.kind,
            price=price,
            quantity=position.quantity,
            fee=position.quantity * price * self._fee,
            time=fired.time,
            exchange_order_id=name,
            closed_quantity=position.quantity,
            trigger=fired.trigger,
        )


def _since_checked(position: PaperPosition, now: int) -> CandleRequest:
    minute = position.checked - position.checked % MINUTE
    return CandleRequest(position.symbol, MINUTE, minute, now)


def _without(state: PaperState, closed: PaperPosition, fill: Fill) -> PaperState:
    realised = pnl(closed.side, closed.quantity, closed.entry_price, fill.price) - fill.fee
    return replace(
        state,
        realised=state.realised + realised,
        positions=without(state.positions, closed.symbol),
    )


def _terms(snapshot: MarketSnapshot | None, symbol: str) -> PaperFunding | None:
    return None if snapshot is None else terms_in(snapshot, symbol)
