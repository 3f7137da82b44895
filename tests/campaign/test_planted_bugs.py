"""The campaign must be able to fail: known bugs are planted one at a time, and it finds each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pumpwatch.adapters.memory import MemoryLeaseStore
from pumpwatch.domain.orders import OrderRequest
from pumpwatch.domain.trades import OrderRecord, Trade
from pumpwatch.errors import OutcomeUnknown
from pumpwatch.ports import Lease
from pumpwatch.usecases import entries, order_flow
from pumpwatch.usecases.trading_desk import Desk
from workbench.campaign import engine_ports
from workbench.campaign.world import WorldResult, play

MOST_WORLDS = 150
"""Half of what every change is tested with."""


def blind_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A send without an answer is repeated, and the exchange cannot know that it is the same."""
    sound = order_flow._send

    def careless(desk: Desk, trade: Trade, order: OrderRecord) -> Trade:
        try:
            desk.broker.place(order.request)
        except OutcomeUnknown:
            anew = replace(order.request, order_id=f"{order.request.order_id[:-1]}r")
            return sound(desk, trade, replace(order, request=anew))
        return sound(desk, trade, order)

    monkeypatch.setattr(order_flow, "_send", careless)


def id_from_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that comes after a crash gives the same signal another id."""
    sound = entries._request

    def careless(desk: Desk, *arguments: Any) -> OrderRequest:
        return replace(sound(desk, *arguments), order_id=f"pw-{desk.clock.now()}")

    monkeypatch.setattr(entries, "_request", careless)


def stop_after_the_fill_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry leaves without its stop, which is set once the fill is seen."""
    sound = engine_ports._engine_request

    def careless(request: OrderRequest, index: int) -> Any:
        return replace(sound(request, index), stop_loss=None)

    monkeypatch.setattr(engine_ports, "_engine_request", careless)


def no_fencing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal takes writes from a run that lost its lease."""

    def careless(self: MemoryLeaseStore, lease: Lease) -> None:
        return None

    monkeypatch.setattr(MemoryLeaseStore, "check", careless)


def first_broken() -> WorldResult | None:
    for seed in range(MOST_WORLDS):
        world = play(seed)
        if world.broken:
            return world
    return None


@pytest.mark.parametrize(
    ("plant", "promises"),
    [
        (blind_retry, ("ids", "one entry")),
        (id_from_the_clock, ("ids",)),
        (stop_after_the_fill_only, ("stops",)),
        (no_fencing, ("one writer",)),
    ],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, plant: Any, promises: tuple[str, ...]
) -> None:
    plant(monkeypatch)
    world = first_broken()
    assert world is not None, f"{MOST_WORLDS} worlds did not find it"
    assert world.broken.partition(":")[0] in promises
