"""The answers that faults make: refusals, bare statuses, bodies nobody can read, broken lines."""

from __future__ import annotations

from dataclasses import replace

import orjson

from pumpwatch_workbench.simulator.endpoints.wire.messages import (
    JSON_TYPE,
    Response,
    answer_headers,
    envelope,
)
from pumpwatch_workbench.simulator.troubles.faults.plan import Fault

MAINTENANCE = b"<html><body>Bybit is being maintained</body></html>"
LIMIT_OF_FAULT = "10"
"""`X-Bapi-Limit` of a refusal for too many visits that was asked for."""


def spoiled(response: Response, fault: Fault, *, now: int, wall: int, number: int) -> Response:
    """Return what the client gets in place of the answer of an exchange that has acted.

    `now` is the market's time, `wall` the exchange's clock, `number` the request's.
    """
    late = replace(response, delay_ms=fault.delay_ms)
    match fault.action:
        case "delay" | "duplicate_delivery":
            return late
        case "drop_after":
            return replace(late, dropped=True)
        case "truncate":
            return replace(late, cut="chunked" if fault.chunked else "length")
        case "drip":
            return replace(late, drip_ms=fault.drip_ms)
        case "null_result":
            return replace(late, body=_without_result(response.body))
        case _:
            return answer_without_acting(fault, now=now, wall=wall, number=number)


def answer_without_acting(fault: Fault, *, now: int, wall: int, number: int) -> Response:
    """Return what the client gets from an exchange that did nothing, or seems to have done so."""
    match fault.action:
        case "drop_before":
            answer = Response(502, b"", dropped=True)
        case "reset":
            answer = Response(502, b"", reset=True)
        case "status":
            kind = "text/html" if fault.body.startswith("<") else "text/plain"
            answer = Response(fault.status, fault.body.encode(), {"Content-Type": kind})
        case "not_json":
            answer = Response(200, MAINTENANCE, {"Content-Type": "text/html"})
        case "empty":
            answer = Response(200, b"", {"Content-Type": JSON_TYPE})
        case _:
            answer = _refused(fault, now=now, wall=wall, number=number)
    return replace(answer, delay_ms=fault.delay_ms)


def _refused(fault: Fault, *, now: int, wall: int, number: int) -> Response:
    payload = envelope(fault.ret_code, fault.ret_msg, b"{}", now)
    headers = answer_headers(fault.ret_code, now, number, len(payload))
    if fault.reset_ms is not None:
        headers |= {
            "X-Bapi-Limit": LIMIT_OF_FAULT,
            "X-Bapi-Limit-Status": "0",
            "X-Bapi-Limit-Reset-Timestamp": str(wall + fault.reset_ms),
        }
    return Response(200, payload, headers)


def _without_result(body: bytes) -> bytes:
    """Return an envelope with null for its result; what is no envelope stays as it is."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps(document | {"result": None}) if isinstance(document, dict) else body
