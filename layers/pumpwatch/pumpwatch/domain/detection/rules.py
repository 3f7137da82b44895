"""The built-in rules by name; `pumpwatch.own.rules` finds those of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .base import Detector
from .boosted import Boosted
from .burst_rule import LONGEST_INTERVAL, BurstRule
from .ewma import Ewma
from .karbalaii import Karbalaii
from .model import stored_model


class DetectorSettings(Protocol):
    """The settings that rules read, as `DetectSettings` declares them."""

    ewma_span_minutes: int
    ewma_turnover_z: float
    ewma_jump: float
    ewma_epsilon_usdt: float
    warm_up_minutes: int


def _ewma(settings: DetectorSettings) -> Detector:
    return Ewma(
        span=settings.ewma_span_minutes,
        turnover_z=settings.ewma_turnover_z,
        jump=settings.ewma_jump,
        epsilon=settings.ewma_epsilon_usdt,
        warm_up=settings.warm_up_minutes,
    )


DETECTORS: dict[str, Callable[[DetectorSettings], Detector]] = {
    Boosted.name: lambda _: Boosted(),
    Ewma.name: _ewma,
    Karbalaii.name: lambda _: Karbalaii(),
}


def burst_rule_named(name: str, interval: int, *, reads_clock: bool) -> BurstRule | None:
    """Return the fast part of the rule; None where it has none or scans are too far apart.

    `interval` in milliseconds.
    """
    if name != Boosted.name or interval > LONGEST_INTERVAL:
        return None
    return stored_model().burst_rule(interval, reads_clock=reads_clock)
