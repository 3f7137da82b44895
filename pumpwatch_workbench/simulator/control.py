"""Control calls, /simulator/*: for tests and drivers, beyond what the real exchange offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict

import orjson

from pumpwatch_workbench.simulator.endpoints.wire.messages import JSON_TYPE, Response, money
from pumpwatch_workbench.simulator.endpoints.wire.rows import execution_row, order_row, position_row
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.troubles.faults.conditions import Conditions
from pumpwatch_workbench.simulator.troubles.faults.forms import faults_from_json
from pumpwatch_workbench.simulator.troubles.forms import TroubleError
from pumpwatch_workbench.simulator.troubles.incidents.forms import incidents_from_json
from pumpwatch_workbench.simulator.troubles.incidents.kinds import apply_incident
from pumpwatch_workbench.simulator.troubles.incidents.schedule import IncidentSchedule

PREFIX = "/simulator/"


class ControlError(ValueError):
    """A control call cannot be done; the text says why."""


def handle(exchange: Exchange, method: str, path: str, body: bytes) -> Response:
    """Answer a control call: 200 with a result, 400 with {"error"}, 404 for unknown paths."""
    answer = ANSWERS.get((method, path))
    if answer is None:
        return _json(404, {"error": f"no control call {method} {path}"})
    try:
        with exchange.lock:
            return _json(200, answer(exchange, body))
    except (ControlError, TroubleError) as error:
        return _json(400, {"error": str(error)})


def _json(status: int, document: object) -> Response:
    return Response(
        status,
        orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY),
        {"Content-Type": JSON_TYPE},
    )


def _document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ControlError(f"the body is not JSON: {error}") from error


def _faults(exchange: Exchange, body: bytes) -> dict[str, object]:
    order = faults_from_json(_document(body))
    exchange.faults, exchange.clock_skew_ms = order.plan, order.clock_skew_ms
    exchange.conditions = Conditions()
    return {}


def _incidents(exchange: Exchange, body: bytes) -> dict[str, object]:
    exchange.catch_up()
    asked = incidents_from_json(_document(body))
    if isinstance(asked, IncidentSchedule):
        exchange.incidents, asked = asked, []
    for incident in asked:
        apply_incident(exchange.engine, incident)
        exchange.happened[incident.kind] += 1
    return {"applied": len(asked), "time": exchange.catch_up()}


def _clock(exchange: Exchange, body: bytes) -> dict[str, object]:
    document = _document(body)
    target = document.get("advance_to") if isinstance(document, dict) else None
    if isinstance(target, bool) or not isinstance(target, int):
        raise ControlError('expected {"advance_to": milliseconds}')
    if not exchange.clock.stepped:
        raise ControlError("this market clock follows the wall; start with --stepped to move it")
    now = exchange.clock.now()
    if isinstance(document, dict) and document.get("late") is True:
        target = max(target, now)
    if target < now:
        raise ControlError(f"the market clock stands at {now} and cannot go back to {target}")
    exchange.clock.advance_to(target)
    return {"time": exchange.catch_up(), "requests": sum(exchange.requests.values())}


def state(exchange: Exchange) -> dict[str, object]:
    """Return everything a driver needs to check invariants, at the present market time."""
    now = exchange.catch_up()
    ledger = exchange.engine.ledger
    bare = ledger.protection.by_symbol(now)
    filled = Counter(o.link_id for o in ledger.orders.values() if o.link_id and o.filled)
    return {
        "time": now,
        "stepped": exchange.clock.stepped,
        "start": exchange.started,
        "symbols": len(exchange.market.listings),
        "planted": [asdict(event) for event in exchange.market.planted],
        # Only a replay knows where its contracts come from, which other pumps are labelled in them,
        # and which events it left out.
        "known": getattr(exchange.market, "known_onsets", ()),
        "origins": {
            contract.symbol: {
                "segment": contract.event.segment,
                "onset": contract.event.recorded_onset,
            }
            for contract in getattr(exchange.market, "contracts", ())
        },
        "dropped": [
            {"segment": event.segment, "onset": event.recorded_onset, "reason": reason}
            for event, reason in getattr(exchange.market, "dropped", ())
        ],
        "requests": dict(sorted(exchange.requests.items())),
        "faults": dict(sorted(exchange.injected.items())),
        "incidents": dict(sorted(exchange.happened.items())),
        "clock_skew_ms": exchange.clock_skew_ms,
        "orders": [order_row(order) for order in ledger.orders.values()],
        "executions": [execution_row(row) for row in ledger.executions],
        "positions": [position_row(ledger, p, now) for p in ledger.open_positions()],
        "wallet": money(ledger.wallet),
        "equity": money(ledger.wallet + ledger.unrealised()),
        "realised_pnl": money(ledger.pnl_total - ledger.fee_total - ledger.funding_total),
        "fees": money(ledger.fee_total),
        "funding": money(ledger.funding_total),
        "unprotected_ms_max": max(bare.values(), default=0),
        "unprotected_ms": bare,
        "duplicate_fills": sorted(link for link, count in filled.items() if count > 1),
    }


def _summary(exchange: Exchange, _: bytes) -> dict[str, object]:
    now = exchange.catch_up()
    ledger = exchange.engine.ledger
    return {
        "time": now,
        "end": exchange.market.end,
        "requests": sum(exchange.requests.values()),
        "equity": money(ledger.wallet + ledger.unrealised()),
        "positions": [position_row(ledger, position, now) for position in ledger.open_positions()],
    }


def _market(exchange: Exchange, _: bytes) -> dict[str, object]:
    now, market = exchange.clock.now(), exchange.market
    view = market.view(now)
    symbols = [listing.symbol for listing in market.listings]
    return {"time": now, "symbols": symbols, "last": view.last, "turnover": view.turnover_24h}


ANSWERS: Mapping[tuple[str, str], Callable[[Exchange, bytes], object]] = {
    ("GET", "/simulator/state"): lambda exchange, _: state(exchange),
    ("GET", "/simulator/glance"): _summary,
    ("GET", "/simulator/market"): _market,
    ("POST", "/simulator/clock"): _clock,
    ("POST", "/simulator/faults"): _faults,
    ("POST", "/simulator/incidents"): _incidents,
}
