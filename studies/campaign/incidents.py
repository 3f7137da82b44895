"""Incidents of a world: which symbol one happens to, and with which figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch_workbench.simulator.market.source import Listing
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident

from .exchange import CampaignExchange
from .plan import Plan, Trouble

HALF = 0.5
MOST_CLOSED_IN_PART = Decimal("0.6")
ON_OURS = frozenset(
    {
        "auto_deleverage",
        "delist",
        "drop_stop",
        "funding",
        "halt_symbol",
        "liquidate",
        "manual_close",
        "move_stop",
        "odd_ours",
        "untold_close",
    }
)
"""What looks for a position."""
ON_OTHERS = frozenset({"hedge_stranger", "odd_stranger"})
"""What looks for a symbol without a position, best one that is about to have one."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What an incident's figures are chosen for."""

    size: Decimal
    """Between 0 and 1, drawn with the trouble."""
    held: Decimal
    listing: Listing


def incident_for(trouble: Trouble, symbol: str, exchange: CampaignExchange) -> Incident:
    """Return the incident with the figures that suit what is held in a symbol."""
    index = exchange.indices[symbol]
    place = _Place(
        size=Decimal(repr(round(trouble.size, 3))),
        held=exchange.engine.ledger.position(index).size,
        listing=exchange.market.listings[index],
    )
    return FIGURES.get(trouble.kind, _plain)(trouble.kind, place)


def symbol_for(trouble: Trouble, plan: Plan, exchange: CampaignExchange) -> str | None:
    """Return a symbol that it matters to, held or about to be; None when nothing is held."""
    held = sorted(one.symbol for one in exchange.engine.ledger.held())
    if trouble.kind in ON_OURS:
        return _one_of(held, trouble.size) if held else None
    soon = [s.symbol for tick, s in plan.signals if trouble.tick <= tick <= trouble.tick + 1]
    known = [symbol for symbol in soon if symbol in exchange.indices]
    if trouble.kind in ON_OTHERS:
        held = []
    return _one_of(held + known or sorted(exchange.indices), trouble.size)


def _one_of(symbols: Sequence[str], size: float) -> str:
    return symbols[int(size * len(symbols))]


def _plain(kind: str, place: _Place) -> Incident:
    return Incident(kind, place.listing.symbol)


def _part_of_a_position(kind: str, place: _Place) -> Incident:
    part = place.held * place.size if place.size < MOST_CLOSED_IN_PART else None
    return Incident(kind, place.listing.symbol, quantity=part)


def _gap(kind: str, place: _Place) -> Incident:
    jump = place.size * Decimal("0.6") - Decimal("0.25")
    return Incident(kind, place.listing.symbol, fraction=jump)


def _funding(kind: str, place: _Place) -> Incident:
    rate = place.size * Decimal("0.04") - Decimal("0.03")
    return Incident(kind, place.listing.symbol, fraction=rate)


def _partial_fill(kind: str, place: _Place) -> Incident:
    return Incident(kind, place.listing.symbol, fraction=max(Decimal("0.01"), place.size))


def _refused_stops(kind: str, place: _Place) -> Incident:
    return Incident(kind, place.listing.symbol, times=1 + int(3 * place.size))


def _new_filters(kind: str, place: _Place) -> Incident:
    listing = place.listing
    step = listing.quantity_step * (5 if place.size < HALF else 10)
    return Incident(
        kind,
        listing.symbol,
        quantity_step=step,
        min_quantity=step,
        min_notional=listing.min_notional * 2,
    )


FIGURES: Mapping[str, Callable[[str, _Place], Incident]] = {
    "auto_deleverage": _part_of_a_position,
    "manual_close": _part_of_a_position,
    "price_gap": _gap,
    "funding": _funding,
    "partial_fill": _partial_fill,
    "refuse_stop": _refused_stops,
    "change_filters": _new_filters,
}
