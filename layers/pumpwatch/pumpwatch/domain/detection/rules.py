"""Detection rules by name, behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .base import Detector
from .boosted import Boosted
from .ewma import Ewma
from .kamps_kleinberg import KampsKleinberg
from .karbalaii import Karbalaii


class DetectorSettings(Protocol):
    """The settings that rules read."""

    @property
    def ewma_span_minutes(self) -> int:
        """Return the span of the running mean."""

    @property
    def ewma_turnover_z(self) -> float:
        """Return the z-score of the turnover that alarms."""

    @property
    def ewma_jump(self) -> float:
        """Return the jump of the price that alarms, a fraction."""

    @property
    def ewma_epsilon_usdt(self) -> float:
        """Return the floor of the turnover's standard deviation."""

    @property
    def warm_up_minutes(self) -> int:
        """Return the history a symbol needs before it can signal."""


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
    KampsKleinberg.name: lambda _: KampsKleinberg(),
}


def detector_named(name: str, settings: DetectorSettings) -> Detector:
    """Return the rule of that name. Raises `ValueError` that lists the names there are."""
    if name not in DETECTORS:
        raise ValueError(f"there is no detector {name!r}: choose one of {', '.join(DETECTORS)}")
    return DETECTORS[name](settings)
