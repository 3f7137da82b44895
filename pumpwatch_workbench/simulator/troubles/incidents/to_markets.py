"""What happens to a contract: its price, its filters, its life."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.market.live_market import LiveMarket
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident, IncidentError


def _live(engine: Engine) -> LiveMarket:
    if not isinstance(engine.market, LiveMarket):
        raise IncidentError("nothing can happen to this market: it is no LiveMarket")
    return engine.market


def price_gap(engine: Engine, index: int, incident: Incident) -> None:
    """Let the price jump, by +20 % unless a fraction is given."""
    fraction = incident.fraction if incident.fraction is not None else Decimal("0.2")
    if fraction <= -1:
        raise IncidentError("price_gap: a price cannot fall by everything")
    _live(engine).jump(index, float(fraction), engine.time)


def halt_symbol(engine: Engine, index: int, incident: Incident) -> None:
    """Stop trading in the contract."""
    _live(engine).halt(index, engine.time)


def resume_symbol(engine: Engine, index: int, incident: Incident) -> None:
    """Let trading in the contract go on."""
    _live(engine).resume(index, engine.time)


def delist(engine: Engine, index: int, incident: Incident) -> None:
    """Take the contract from the market: orders are cancelled, positions settled."""
    market, last = _live(engine), engine.prices.last(index, engine.time)
    engine.matching.settle_contract(index, incident.price or last, engine.time)
    market.delist(index, engine.time)


def announce_delisting(engine: Engine, index: int, incident: Incident) -> None:
    """Give the contract a `deliveryTime`, when it ends by itself."""
    until = engine.time + incident.milliseconds
    _live(engine).delist(index, until, status="Trading")
    _live(engine).change(index, delivery_time=until)


def funding_rate(engine: Engine, index: int, incident: Incident) -> None:
    """Set the rate of the coming funding payments."""
    rate = incident.fraction if incident.fraction is not None else Decimal("-0.02")
    if abs(rate) >= 1:
        raise IncidentError("funding_rate: the rate is a share of the notional, below 1")
    _live(engine).set_funding(index, float(rate), engine.time)


def thin_book(engine: Engine, index: int, incident: Incident) -> None:
    """Leave only a share of the depth in the book, for a while."""
    fraction = incident.fraction if incident.fraction is not None else Decimal("0.01")
    _live(engine).thin_out(index, float(fraction), engine.time + incident.milliseconds)


def change_filters(engine: Engine, index: int, incident: Incident) -> None:
    """Change tick size, quantity step or minimums."""
    names = ("tick_size", "quantity_step", "min_quantity", "min_notional")
    changes = {name: value for name in names if (value := getattr(incident, name)) is not None}
    if not changes or any(value <= 0 for value in changes.values()):
        raise IncidentError(f"change_filters needs one of {', '.join(names)}, above 0")
    _live(engine).change(index, **changes)
