"""Every kind of incident by name, and how one is made to happen.

`POST /simulator/incidents` takes them as JSON; a campaign applies them in process.
"""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.engine.prices import floor_to
from pumpwatch_workbench.simulator.engine.records import ExchangePosition, OrderRequest, Side
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.engine.stops import sync_stops
from pumpwatch_workbench.simulator.market.live_market import LiveMarket
from pumpwatch_workbench.simulator.troubles.forms import TroubleError
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident

FAR = Decimal("0.05")
"""Distance of another trader's resting order from the price."""
FILTERS = ("tick_size", "quantity_step", "min_quantity", "min_notional")
ODD = {
    "odd_position": (
        *(("side", ""), ("size", ""), ("size", "-1"), ("markPrice", ""), ("avgPrice", "0")),
        *(("updatedTime", ""), ("positionStatus", "Adl")),
    ),
    "odd_order": (
        *(("orderStatus", "PendingReview"), ("side", ""), ("qty", ""), ("updatedTime", "")),
        ("createdTime", ""),
    ),
    "odd_execution": (("execType", "Unheard"), ("execQty", ""), ("execPrice", ""), ("side", "")),
}
"""Fields and values of odd rows, the first for an incident that names none."""


def apply_incident(engine: Engine, incident: Incident) -> None:
    """Let it happen at the engine's present time.

    Raises TroubleError when it cannot: an unknown symbol, no position to close, a market that
    nothing can happen to.
    """
    work = KINDS.get(incident.kind)
    if work is None:
        raise TroubleError(
            f"there is no incident {incident.kind!r}: choose from {', '.join(sorted(KINDS))}"
        )
    symbols = [listing.symbol for listing in engine.market.listings]
    if incident.symbol not in symbols:
        raise TroubleError(f"no symbol {incident.symbol!r} on this exchange")
    try:
        work(engine, symbols.index(incident.symbol), incident)
    except Refused as refusal:
        raise TroubleError(f"{incident.kind}: {refusal.text}") from None
    engine.prices.forget()
    engine.ledger.version += 1


# --- to a contract: its price, its filters, its life -----------------------------------------


def _live(engine: Engine) -> LiveMarket:
    if not isinstance(engine.market, LiveMarket):
        raise TroubleError("nothing can happen to this market: it is no LiveMarket")
    return engine.market


def _price_gap(engine: Engine, index: int, incident: Incident) -> None:
    fraction = incident.share("0.2")
    if fraction <= -1:
        raise TroubleError("price_gap: a price cannot fall by everything")
    _live(engine).jump(index, float(fraction), engine.time)


def _halt_symbol(engine: Engine, index: int, incident: Incident) -> None:
    _live(engine).halt(index, engine.time)


def _resume_symbol(engine: Engine, index: int, incident: Incident) -> None:
    _live(engine).resume(index, engine.time)


def _delist(engine: Engine, index: int, incident: Incident) -> None:
    market, last = _live(engine), engine.prices.last(index, engine.time)
    engine.matching.settle_contract(index, incident.price or last, engine.time)
    market.delist(index, engine.time)


def _announce_delisting(engine: Engine, index: int, incident: Incident) -> None:
    """Give the contract a `deliveryTime`, when it ends by itself."""
    until = engine.time + incident.milliseconds
    _live(engine).delist(index, until, status="Trading")
    _live(engine).change(index, delivery_time=until)


def _funding_rate(engine: Engine, index: int, incident: Incident) -> None:
    rate = incident.share("-0.02")
    if abs(rate) >= 1:
        raise TroubleError("funding_rate: the rate is a share of the notional, below 1")
    _live(engine).set_funding(index, float(rate), engine.time)


def _thin_book(engine: Engine, index: int, incident: Incident) -> None:
    until = engine.time + incident.milliseconds
    _live(engine).thin_out(index, float(incident.share("0.01")), until)


def _change_filters(engine: Engine, index: int, incident: Incident) -> None:
    changes = {name: value for name in FILTERS if (value := getattr(incident, name)) is not None}
    if not changes or any(value <= 0 for value in changes.values()):
        raise TroubleError(f"change_filters needs one of {', '.join(FILTERS)}, above 0")
    _live(engine).change(index, **changes)


# --- to the next order that is placed --------------------------------------------------------


def _drop_next_stop(engine: Engine, index: int, incident: Incident) -> None:
    engine.interventions.drop_stop_of_next_entry.add(index)


def _refuse_stop(engine: Engine, index: int, incident: Incident) -> None:
    engine.interventions.refused_stops[index] = incident.times


def _partial_fill(engine: Engine, index: int, incident: Incident) -> None:
    fraction = incident.share("0.5")
    if not 0 < fraction < 1:
        raise TroubleError("partial_fill: the fraction must lie between 0 and 1")
    engine.interventions.fill_fractions[index] = fraction


def _band_cancel(engine: Engine, index: int, incident: Incident) -> None:
    """Fill nothing of the next market order: the price band cancels it."""
    engine.interventions.fill_fractions[index] = Decimal(0)


def _forget_orders(engine: Engine, index: int, incident: Incident) -> None:
    """Let order/realtime know no order that is done, as after a restart of the exchange."""
    engine.ledger.recent.clear()


# --- to a position, by the exchange's own hand -----------------------------------------------


def _position(engine: Engine, index: int, incident: Incident) -> ExchangePosition:
    position = engine.ledger.position(index)
    if position.side is None:
        raise TroubleError(f"{incident.kind}: there is no position in {incident.symbol}")
    return position


def _part(engine: Engine, index: int, incident: Incident, size: Decimal) -> Decimal:
    step, asked = engine.market.listings[index].quantity_step, incident.quantity
    return size if asked is None else min(size, max(floor_to(asked, step), step))


def _forced(engine: Engine, index: int, incident: Incident, create_type: str) -> None:
    position = _position(engine, index, incident)
    quantity = _part(engine, index, incident, position.size)
    price = incident.price or engine.mark(index)
    engine.matching.force(position, quantity, price, engine.time, create_type)


def _auto_deleverage(engine: Engine, index: int, incident: Incident) -> None:
    """Close a position against a winner on the other side, as in a market without buyers."""
    _forced(engine, index, incident, "CreateByAdl_PassThrough")


def _liquidate(engine: Engine, index: int, incident: Incident) -> None:
    _position(engine, index, incident)
    for order in engine.ledger.open_orders(index):
        engine.ledger.settle(order, "Cancelled", engine.time, cancel="CancelByPrepareLiq")
    _forced(engine, index, incident, "CreateByLiq")


def _funding(engine: Engine, index: int, incident: Incident) -> None:
    position = _position(engine, index, incident)
    engine.ledger.pay_funding(position, incident.share("-0.02"), engine.time)


def _drop_stop(engine: Engine, index: int, incident: Incident) -> None:
    position = _position(engine, index, incident)
    position.stop_loss = None
    sync_stops(engine.ledger, position, engine.time)


# --- by somebody else on the same account, by hand or with another program --------------------


def _side(incident: Incident) -> Side:
    if incident.side not in ("", "Buy", "Sell"):
        raise TroubleError(f"a side is Buy or Sell, not {incident.side!r}")
    return "Sell" if incident.side == "Sell" else "Buy"


def _small(engine: Engine, index: int, incident: Incident, price: Decimal) -> Decimal:
    listing = engine.market.listings[index]
    if incident.quantity is not None:
        return incident.quantity
    steps = (listing.min_notional * 2 / price) // listing.quantity_step + 1
    return max(listing.min_quantity, steps * listing.quantity_step)


def _manual_close(engine: Engine, index: int, incident: Incident) -> None:
    position = _position(engine, index, incident)
    quantity = _part(engine, index, incident, position.size)
    engine.create(OrderRequest(index, position.closing_side, "Market", quantity, reduce_only=True))


def _manual_open(engine: Engine, index: int, incident: Incident) -> None:
    quantity = _small(engine, index, incident, engine.mark(index))
    engine.create(OrderRequest(index, _side(incident), "Market", quantity))


def _manual_order(engine: Engine, index: int, incident: Incident) -> None:
    listing, last = engine.market.listings[index], engine.prices.last(index, engine.time)
    side = _side(incident)
    away = last * (1 - FAR if side == "Buy" else 1 + FAR)
    price = incident.price or max(floor_to(away, listing.tick_size), listing.tick_size)
    quantity = _small(engine, index, incident, price)
    engine.create(OrderRequest(index, side, "Limit", quantity, price=price))


def _odd_row(engine: Engine, index: int, incident: Incident) -> None:
    """Let a field of the symbol's rows be odd for a while; another trader adds a row if need be."""
    name = incident.kind.removeprefix("odd_")
    if name == "order" and not engine.ledger.open_orders(index):
        _manual_order(engine, index, incident)
    if name != "order" and engine.ledger.position(index).side is None:
        _manual_open(engine, index, incident)
    field, value = (incident.field, incident.value) if incident.field else ODD[incident.kind][0]
    until = engine.time + incident.milliseconds
    engine.interventions.odd_rows[name, index] = until, {field: value}


def _hedge_mode(engine: Engine, index: int, incident: Incident) -> None:
    """Put the symbol in hedge mode, with another trader's position, or (times 0) end that."""
    if not incident.times:
        engine.interventions.hedged.discard(index)
        return
    if engine.ledger.position(index).side is None:
        _manual_open(engine, index, incident)
    engine.interventions.hedged.add(index)


_WORK = (
    *(_price_gap, _halt_symbol, _resume_symbol, _delist, _announce_delisting),
    *(_funding_rate, _thin_book, _change_filters),
    *(_drop_next_stop, _refuse_stop, _partial_fill, _band_cancel, _forget_orders),
    *(_auto_deleverage, _liquidate, _funding, _drop_stop),
    *(_manual_close, _manual_open, _manual_order, _hedge_mode),
)
KINDS = {work.__name__.removeprefix("_"): work for work in _WORK} | dict.fromkeys(ODD, _odd_row)
