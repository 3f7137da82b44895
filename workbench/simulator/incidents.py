"""What can happen on an exchange besides orders: each kind by name, at the engine's present time.

`POST /simulator/incidents` takes them as JSON; a campaign applies them in process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_type_hints

from workbench.simulator.engine.engine import Engine
from workbench.simulator.engine.records import Order, Position, Side, opposite
from workbench.simulator.engine.requests import OrderRequest
from workbench.simulator.engine.stops import sync_stops
from workbench.simulator.live_market import LiveMarket
from workbench.simulator.prices import floor_to
from workbench.simulator.refusals import Refused

__all__ = ["KINDS", "Incident", "IncidentError", "apply_incident", "incidents_from_json"]

CENTRE = Decimal("0.5")
FAR = Decimal("0.05")
"""Distance of a stranger's resting order from the price."""


class IncidentError(ValueError):
    """An incident is described wrongly or cannot happen now; the text says why."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that happens. Which fields matter depends on the kind; see `docs/simulator.md`."""

    kind: str
    symbol: str
    quantity: Decimal | None = None
    """Base coins; None: everything there is."""
    price: Decimal | None = None
    """USDT; None: the mark price."""
    fraction: Decimal | None = None
    """A funding rate, a jump of the price, a share that is filled, a share of the book's depth."""
    side: str = ""
    times: int = 1
    milliseconds: int = 60_000
    tick_size: Decimal | None = None
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None
    min_notional: Decimal | None = None


def incidents_from_json(document: object) -> list[Incident]:
    """Read `{"incidents": [{"kind", "symbol", ...}]}`. Raises IncidentError."""
    rows = document.get("incidents") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise IncidentError('expected {"incidents": [...]}')
    return [_incident(row) for row in rows]


def apply_incident(engine: Engine, incident: Incident) -> None:
    """Let it happen at the engine's present time.

    Raises IncidentError when it cannot: an unknown symbol, no position to close, a market that
    nothing can happen to.
    """
    work = KINDS.get(incident.kind)
    if work is None:
        raise IncidentError(f"no incident {incident.kind!r}; there are {', '.join(sorted(KINDS))}")
    symbols = [listing.symbol for listing in engine.market.listings]
    if incident.symbol not in symbols:
        raise IncidentError(f"no symbol {incident.symbol!r} on this exchange")
    try:
        work(engine, symbols.index(incident.symbol), incident)
    except Refused as refusal:
        raise IncidentError(f"{incident.kind}: {refusal.text}") from None
    engine.prices.forget()
    engine.ledger.version += 1


# --- to a position ---------------------------------------------------------------------------


def _held(engine: Engine, index: int, incident: Incident) -> Position:
    position = engine.ledger.position(index)
    if position.side is None:
        raise IncidentError(f"{incident.kind}: there is no position in {incident.symbol}")
    return position


def _part(engine: Engine, index: int, asked: Decimal | None, size: Decimal) -> Decimal:
    step = engine.market.listings[index].quantity_step
    return size if asked is None else min(size, max(floor_to(asked, step), step))


def _forced(engine: Engine, index: int, incident: Incident, create_type: str) -> None:
    """Close a position by an order that the exchange itself makes."""
    position = _held(engine, index, incident)
    assert position.side is not None  # noqa: S101 - held
    price = incident.price or engine.mark(index)
    identity, sequence = engine.ledger.next_id("order")
    order = Order(
        order_id=identity,
        link_id="",
        index=index,
        symbol=position.symbol,
        side=opposite(position.side),
        kind="Market",
        quantity=_part(engine, index, incident.quantity, position.size),
        price=price,
        time_in_force="IOC",
        created=engine.time,
        updated=engine.time,
        sequence=sequence,
        last_price_on_created=price,
        reduce_only=True,
        create_type=create_type,
    )
    engine.matching.force(order, price, engine.time)


def _auto_deleverage(engine: Engine, index: int, incident: Incident) -> None:
    _forced(engine, index, incident, "CreateByAdl_PassThrough")


def _liquidate(engine: Engine, index: int, incident: Incident) -> None:
    _held(engine, index, incident)
    for order in engine.ledger.open_orders(index):
        engine.ledger.settle(order, "Cancelled", engine.time, cancel="CancelByPrepareLiq")
    _forced(engine, index, incident, "CreateByLiq")


def _funding(engine: Engine, index: int, incident: Incident) -> None:
    rate = incident.fraction if incident.fraction is not None else Decimal("-0.02")
    engine.ledger.pay_funding(_held(engine, index, incident), rate, engine.time)


def _drop_stop(engine: Engine, index: int, incident: Incident) -> None:
    position = _held(engine, index, incident)
    position.stop_loss = None
    sync_stops(engine.ledger, position, engine.time)


# --- by somebody else on the account ---------------------------------------------------------


def _side(incident: Incident, default: Side) -> Side:
    if incident.side not in ("", "Buy", "Sell"):
        raise IncidentError(f"a side is Buy or Sell, not {incident.side!r}")
    return "Buy" if (incident.side or default) == "Buy" else "Sell"


def _manual_close(engine: Engine, index: int, incident: Incident) -> None:
    position = _held(engine, index, incident)
    assert position.side is not None  # noqa: S101 - held
    quantity = _part(engine, index, incident.quantity, position.size)
    side = opposite(position.side)
    engine.create(OrderRequest(index, side, "Market", quantity, reduce_only=True))


def _small(engine: Engine, index: int, incident: Incident, price: Decimal) -> Decimal:
    """Return the quantity asked for, else the smallest that is worth an order."""
    listing = engine.market.listings[index]
    if incident.quantity is not None:
        return incident.quantity
    steps = (listing.min_notional * 2 / price) // listing.quantity_step + 1
    return max(listing.min_quantity, steps * listing.quantity_step)


def _manual_open(engine: Engine, index: int, incident: Incident) -> None:
    quantity = _small(engine, index, incident, engine.mark(index))
    engine.create(OrderRequest(index, _side(incident, "Buy"), "Market", quantity))


def _manual_order(engine: Engine, index: int, incident: Incident) -> None:
    listing, last = engine.market.listings[index], engine.prices.last(index, engine.time)
    side = _side(incident, "Buy")
    away = last * (1 - FAR if side == "Buy" else 1 + FAR)
    price = incident.price or max(floor_to(away, listing.tick_size), listing.tick_size)
    quantity = _small(engine, index, incident, price)
    engine.create(OrderRequest(index, side, "Limit", quantity, price=price))


# --- to the market ---------------------------------------------------------------------------


def _live(engine: Engine) -> LiveMarket:
    if not isinstance(engine.market, LiveMarket):
        raise IncidentError("nothing can happen to this market: it is no LiveMarket")
    return engine.market


def _price_gap(engine: Engine, index: int, incident: Incident) -> None:
    fraction = incident.fraction if incident.fraction is not None else Decimal("0.2")
    if fraction <= -1:
        raise IncidentError("price_gap: a price cannot fall by everything")
    _live(engine).jump(index, float(fraction), engine.time)


def _halt_symbol(engine: Engine, index: int, incident: Incident) -> None:
    _live(engine).halt(index, engine.time)


def _resume_symbol(engine: Engine, index: int, incident: Incident) -> None:
    _live(engine).resume(index, engine.time)


def _delist(engine: Engine, index: int, incident: Incident) -> None:
    market, last = _live(engine), engine.prices.last(index, engine.time)
    for order in engine.ledger.open_orders(index):
        engine.ledger.settle(order, "Cancelled", engine.time, cancel="CancelByDelist")
    if engine.ledger.position(index).side is not None:
        settled = Incident("delist", incident.symbol, price=incident.price or last)
        _forced(engine, index, settled, "CreateBySettle")
    market.delist(index, engine.time)


def _funding_rate(engine: Engine, index: int, incident: Incident) -> None:
    rate = incident.fraction if incident.fraction is not None else Decimal("-0.02")
    if abs(rate) >= 1:
        raise IncidentError("funding_rate: the rate is a share of the notional, below 1")
    _live(engine).set_funding(index, float(rate), engine.time)


def _thin_book(engine: Engine, index: int, incident: Incident) -> None:
    fraction = incident.fraction if incident.fraction is not None else Decimal("0.01")
    _live(engine).thin_out(index, float(fraction), engine.time + incident.milliseconds)


def _change_filters(engine: Engine, index: int, incident: Incident) -> None:
    names = ("tick_size", "quantity_step", "min_quantity", "min_notional")
    changes = {name: value for name in names if (value := getattr(incident, name)) is not None}
    if not changes or any(value <= 0 for value in changes.values()):
        raise IncidentError(f"change_filters needs one of {', '.join(names)}, above 0")
    _live(engine).change(index, **changes)


# --- to the next order -----------------------------------------------------------------------


def _drop_next_stop(engine: Engine, index: int, incident: Incident) -> None:
    engine.interventions.drop_stop_of_next_entry.add(index)


def _refuse_stop(engine: Engine, index: int, incident: Incident) -> None:
    engine.interventions.refused_stops[index] = incident.times


def _partial_fill(engine: Engine, index: int, incident: Incident) -> None:
    fraction = incident.fraction if incident.fraction is not None else CENTRE
    if not 0 < fraction < 1:
        raise IncidentError("partial_fill: the fraction must lie between 0 and 1")
    engine.interventions.fill_fractions[index] = fraction


def _band_cancel(engine: Engine, index: int, incident: Incident) -> None:
    engine.interventions.fill_fractions[index] = Decimal(0)


Work = Callable[[Engine, int, Incident], None]
KINDS: Mapping[str, Work] = {
    "auto_deleverage": _auto_deleverage,
    "band_cancel": _band_cancel,
    "change_filters": _change_filters,
    "delist": _delist,
    "drop_next_stop": _drop_next_stop,
    "drop_stop": _drop_stop,
    "funding": _funding,
    "funding_rate": _funding_rate,
    "halt_symbol": _halt_symbol,
    "liquidate": _liquidate,
    "manual_close": _manual_close,
    "manual_open": _manual_open,
    "manual_order": _manual_order,
    "partial_fill": _partial_fill,
    "price_gap": _price_gap,
    "refuse_stop": _refuse_stop,
    "resume_symbol": _resume_symbol,
    "thin_book": _thin_book,
}


# --- reading ---------------------------------------------------------------------------------


def _incident(row: object) -> Incident:
    if not isinstance(row, dict):
        raise IncidentError(f"an incident is an object, not {row!r}")
    known = {one.name for one in fields(Incident)}
    unknown = sorted(set(row) - known)
    if unknown:
        raise IncidentError(f"an incident has no {', '.join(unknown)}")
    for name in ("kind", "symbol"):
        if not isinstance(row.get(name), str):
            raise IncidentError(f"an incident needs a {name}, such as {name} of docs/simulator.md")
    if row["kind"] not in KINDS:
        raise IncidentError(f"no incident {row['kind']!r}; there are {', '.join(sorted(KINDS))}")
    hints = get_type_hints(Incident)
    values: dict[str, Any] = {name: _value(name, hints[name], row[name]) for name in row}
    return Incident(**values)


def _value(name: str, hint: object, value: object) -> object:
    if hint is str:
        if not isinstance(value, str):
            raise IncidentError(f"an incident's {name} must be a text, not {value!r}")
        return value
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise IncidentError(
                f"an incident's {name} must be a whole number from 0, not {value!r}"
            )
        return value
    if value is None and type(None) in get_args(hint):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise IncidentError(f"an incident's {name} must be a number, not {value!r}")
    return number
