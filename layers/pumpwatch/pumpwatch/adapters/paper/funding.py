"""Funding on paper: what the market says of it, when it falls due, what it costs. All pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.domain.trading.orders import Fill, FillKind, Side

from .account import PaperFunding, PaperPosition

LAST_LOOK = 120_000
"""Milliseconds before a funding from which on its rate is read once more: it moves until then."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One funding payment: when it fell due, at which mark price, and the fee (positive = paid)."""

    time: int
    price: Decimal
    fee: Decimal


def terms_in(snapshot: MarketSnapshot, symbol: str) -> PaperFunding | None:
    """Return a symbol's funding in the snapshot; None where it is absent or no number."""
    if symbol not in snapshot.symbols:
        return None
    row = snapshot.symbols.index(symbol)
    rate, mark, last = (
        float(column[row])
        for column in (snapshot.funding_rate, snapshot.mark_price, snapshot.last_price)
    )
    next_time = int(snapshot.next_funding[row])
    if not math.isfinite(rate) or not (0 < mark < math.inf and 0 < last < math.inf):
        return None
    return PaperFunding(
        rate=Decimal(repr(rate)),
        next_time=next_time,
        mark_price=Decimal(repr(mark)),
        last_price=Decimal(repr(last)),
        seen=snapshot.time,
    )


def wants_terms(known: PaperFunding | None, now: int) -> bool:
    """Return whether the market must be asked: nothing known, a funding due, or due shortly."""
    if known is None or known.next_time <= now:
        return True
    final = known.next_time - LAST_LOOK
    return known.seen < final <= now


def renewed(
    known: PaperFunding | None, fresh: PaperFunding | None, now: int
) -> PaperFunding | None:
    """Return what is known after an update, where all that fell due up to `now` has been charged.

    The exchange's clock and ours differ a little: a market that has gone on to the next funding
    must not make us forget the present one, nor may one that has not yet make us charge it twice.
    """
    if fresh is None or fresh.next_time <= now:
        return known
    if known is not None and now < known.next_time <= fresh.seen:
        return known
    return fresh


def charge(position: PaperPosition, time: int, opened: Decimal | None) -> Charge:
    """Return the payment of the position's funding that fell due at `time`.

    The notional is at the mark price: the last price then (`opened`; None when it is not known)
    times mark over last as they were seen last.
    """
    terms = position.funding
    if terms is None:
        raise ValueError(f"the funding of {position.symbol} is not known")
    mark = terms.mark_price if opened is None else opened * terms.mark_price / terms.last_price
    fee = position.quantity * mark * terms.rate
    return Charge(time, mark, fee if position.side is Side.BUY else -fee)


def funding_fill(position: PaperPosition, paid: Charge) -> Fill:
    """Return the payment as an execution; its id says which position and which funding."""
    return Fill(
        execution_id=f"paper-{position.symbol}-{position.created}-funding-{paid.time}",
        order_id="",
        symbol=position.symbol,
        side=position.side,
        kind=FillKind.FUNDING,
        price=paid.price,
        quantity=position.quantity,
        fee=paid.fee,
        time=paid.time,
    )


def rolled(position: PaperPosition, next_time: int) -> PaperPosition:
    """Return the position with its next funding moved."""
    if position.funding is None:
        return position
    return replace(position, funding=replace(position.funding, next_time=next_time))
