"""The answer to `{"action": "probe"}`: what a function can reach, each check on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry

from pumpwatch import __version__
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.errors import PumpwatchError
from pumpwatch.ports import Deadline, HistoryStore, MetricsSink

Facts = dict[str, object]
Check = Callable[[Deadline], Facts]
"""Returns what was checked. Raises one of our errors when something is wrong."""

MOST_SKEW_SECONDS = 0.9
"""Bybit refuses what is stamped a second ahead of its own clock, whatever the receive window."""


class CheckFailed(PumpwatchError):
    """A check failed; the message says what is wrong and what to do."""


def run_checks(function: str, checks: Mapping[str, Check], deadline: Deadline) -> Facts:
    """Return each check's facts with `ok`, and for a failed one the error's class and text."""
    answers: dict[str, Facts] = {}
    for name, check in checks.items():
        try:
            answers[name] = {"ok": True, **check(deadline)}
        except PumpwatchError as error:
            answers[name] = {"ok": False, "error": type(error).__name__, "detail": str(error)}
    return {"action": "probe", "function": function, "version": __version__, "checks": answers}


def check_exchange(session: BybitSession, deadline: Deadline) -> Facts:
    """Ask for the exchange's time. Raises what the session does, and for a clock that is off."""
    session.start_run(deadline)
    session.time()
    skew = session.clock_skew_seconds or 0.0
    if abs(skew) > MOST_SKEW_SECONDS:
        side = "ahead of" if skew > 0 else "behind"
        raise CheckFailed(
            f"the function's clock is {abs(skew):.2f} s {side} the exchange's: orders would be"
            " refused (code 10002); AWS keeps its clocks right, so probe again in a minute"
        )
    if session.doubt():
        raise CheckFailed(f"{session.doubt()}: one of the two clocks is off; probe again")
    return {"clock_skew_seconds": round(skew, 3)}


def check_table(table: Table, _: Deadline) -> Facts:
    """Read one item. Raises `StoreUnavailable`."""
    table.get("SIGNAL", "probe")
    return {}


def check_history(history: HistoryStore, _: Deadline) -> Facts:
    """Look for an object that need not be there. Raises `StoreUnavailable`."""
    history.load_state("probe")
    return {}


def check_pushgateway(job: str, sink: MetricsSink | None, _: Deadline) -> Facts:
    """Push nothing into the function's own group: all that is there stays."""
    if sink is None:
        return {"detail": "no address is set: metrics are not pushed"}
    if not sink.push(job, CollectorRegistry(), failed=True):
        raise CheckFailed("the Pushgateway did not accept a push; the function's log says why")
    return {}
