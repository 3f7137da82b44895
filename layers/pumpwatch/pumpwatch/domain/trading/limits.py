"""Hard limits: what every entry must pass, whatever the strategy wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import utc_text

from .exits import BEFORE_DELISTING
from .funding import FundingTerms, funding_cost
from .orders import Account, OrderStatus, Position, Side
from .plans import Denied, EntryPlan, Quote
from .trades import Trade

MAINTENANCE_MARGIN = Decimal("0.05")
"""Share of the notional at which a position is taken to be liquidated. Small contracts ask for 1 %
to 2.5 %; more moves the estimate toward the entry, so the check errs on the safe side."""


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """The limits in force; the fields are named and bounded as in `TradeSettings`."""

    risk_fraction: Decimal
    max_notional_usdt: Decimal
    max_exposure_fraction: Decimal
    max_open_positions: int
    leverage: Decimal
    max_spread: Decimal
    slippage_tolerance: Decimal
    max_funding_fraction: Decimal
    liquidation_margin: Decimal
    taker_fee: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """The account's positions and the entries on their way, as the limits see them, in USDT."""

    equity: Decimal
    available: Decimal
    exposure: Decimal
    """Notional of all positions of the account, and of what is ours but not listed (yet)."""
    open_trades: int

    @classmethod
    def of(cls, account: Account, positions: Sequence[Position], trades: Iterable[Trade]) -> Book:
        """Return the account's book.

        What a live trade should hold and the list of positions does not show counts as well: the
        entry is on its way, or the list lags.
        """
        live = [trade for trade in trades if trade.state.live]
        listed = {position.symbol: position.quantity for position in positions}
        exposure = sum((position.notional for position in positions), Decimal(0))
        return cls(
            equity=account.equity,
            available=account.available,
            exposure=exposure + sum((_not_listed(trade, listed) for trade in live), Decimal(0)),
            open_trades=len(live),
        )


def _not_listed(trade: Trade, listed: Mapping[str, Decimal]) -> Decimal:
    """Return the notional that a trade should hold beyond what is listed, USDT."""
    missing = max(trade.quantity - listed.get(trade.symbol, Decimal(0)), Decimal(0))
    known = (trade.entry_price, trade.planned_price, trade.signal_price)
    return missing * max(price for price in known if price is not None)


def check_symbol(
    symbol: str,
    *,
    trades: Sequence[Trade],
    positions: Sequence[Position],
    open_orders: Sequence[OrderStatus],
) -> Denied | None:
    """Deny a symbol that is taken: a position belongs to at most one trade.

    Whatever the account shows beside our live trades is a stranger's, another installation's too.
    """
    if any(position.symbol == symbol and position.hedge for position in positions):
        return Denied("the account holds this symbol in hedge mode: switch it to one-way mode")
    if any(trade.symbol == symbol and trade.state.live for trade in trades):
        return Denied("another trade of this symbol is still live")
    if any(position.symbol == symbol for position in positions):
        return Denied("the account holds a position in this symbol that is not ours")
    if any(order.symbol == symbol for order in open_orders):
        return Denied("the account has an open order in this symbol that is not ours")
    return None


def check_account(book: Book, limits: RiskLimits) -> Denied | None:
    """Deny when the account as a whole has no room."""
    if book.equity <= 0:
        return Denied("the account has no equity")
    if book.open_trades >= limits.max_open_positions:
        return Denied(f"{limits.max_open_positions} positions are open, as many as allowed")
    if book.exposure >= limits.max_exposure_fraction * book.equity:
        return Denied("the exposure has reached its cap")
    return None


def check_plan(
    plan: EntryPlan,
    quote: Quote,
    instrument: Instrument,
    funding: FundingTerms | None,
    limits: RiskLimits,
    *,
    now: int,
) -> Denied | None:
    """Deny a plan that this market, this contract or its funding makes unsafe."""
    if quote.spread > limits.max_spread:
        return Denied(f"the spread of {quote.spread:.4f} is above {limits.max_spread}")
    if limits.leverage > instrument.max_leverage:
        return Denied(f"the contract allows a leverage of {instrument.max_leverage} at most")
    end = instrument.delivery_time
    if end is not None and now + plan.time_limit >= end - BEFORE_DELISTING:
        return Denied(f"the contract is delisted at {utc_text(end)}, too soon for the time limit")
    if funding is None:
        return Denied("funding is not known: its rate, its next time or its interval is missing")
    cost = funding_cost(funding, plan.side, now, now + plan.time_limit)
    if cost > limits.max_funding_fraction:
        return Denied(
            f"funding due within the time limit costs {cost:.4f} of the notional, "
            f"more than {limits.max_funding_fraction}"
        )
    return _check_liquidation(plan, quote, limits)


def _check_liquidation(plan: EntryPlan, quote: Quote, limits: RiskLimits) -> Denied | None:
    room = 1 / limits.leverage - MAINTENANCE_MARGIN - limits.liquidation_margin
    if plan.side is Side.BUY:
        entry = quote.ask * (1 + limits.slippage_tolerance)
        beyond = plan.stop_loss < entry * (1 - room)
    else:
        entry = quote.bid * (1 - limits.slippage_tolerance)
        beyond = plan.stop_loss > entry * (1 + room)
    if beyond:
        return Denied("the stop lies too near to the liquidation price, or beyond it")
    return None
