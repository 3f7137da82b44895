"""What is to be carried, and what one tick and one run of it take."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pumpwatch.domain.detection.rules import detector_named
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import slices_due
from pumpwatch_workbench.operations.costs.model import SLOWER, VCPU_MEGABYTES

from .users import RunUse, UserFigures

SETTINGS = DetectSettings(table_name="table", bucket_name="bucket")
REFRESH_SYMBOLS = SETTINGS.refresh_symbols
USUAL_MOVERS = 0.005
"""Of the symbols: what a scan of the calibrated synthetic market asks candles of (docs/strategy.md:
9 requests at the median over 600 symbols)."""
MEGABYTES = 1_024
"""Of either function, in template.yaml."""


class Shape(StrEnum):
    """How users are served."""

    COPIES = "copies"
    """An installation each, in one account: what the template makes today."""
    ONE_TABLE = "one table"
    """One installation's detector, table and lease for everybody, the code as it is."""
    KEYED = "keyed"
    """One detector, a queue, a worker and keys for each user: docs/scale.md."""


@dataclass(frozen=True, slots=True)
class TickModel:
    """A detect tick by symbols and movers, from measurements.

    Requests and seconds on the way to the exchange are counted apart from computing, which grows
    with the symbols and with the movers.
    """

    cpu: Callable[[float, float], float]
    wall: Callable[[float, float], float]
    memory_bytes: Callable[[float], float]
    tickers_bytes: Callable[[float], float]
    latency_seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried: `symbols` and `movers` of each exchange, `users` on each exchange."""

    tick: TickModel
    user: UserFigures
    symbols: int = 600
    movers: int | None = None
    """Symbols whose candles a scan asks for; None: the usual share of the symbols."""
    exchanges: int = 1
    users: int = 1
    addresses: int = 1
    """From which the users' requests leave; only the keyed shape can have more than one."""
    shape: Shape = Shape.COPIES

    @property
    def moving(self) -> int:
        """Return the movers."""
        return math.ceil(USUAL_MOVERS * self.symbols) if self.movers is None else self.movers

    @property
    def workers(self) -> int:
        """Return users times exchanges: each trades with an account on each of them."""
        return self.users * self.exchanges

    @property
    def detectors(self) -> int:
        """Return how many detect functions run."""
        return self.workers if self.shape is Shape.COPIES else self.exchanges

    @property
    def slices(self) -> int:
        """Return the slices that the history of an exchange is in."""
        return math.ceil(self.symbols / REFRESH_SYMBOLS)

    @property
    def slices_a_tick(self) -> int:
        """Return how many of them a tick refreshes."""
        return slices_due(self.slices, detector_named(SETTINGS.detector, SETTINGS))

    @property
    def tick_requests(self) -> float:
        """Return the requests of a tick: the market, the movers, the slices that are refreshed."""
        return 1 + self.moving + min(self.symbols, REFRESH_SYMBOLS * self.slices_a_tick)

    @property
    def detect_seconds(self) -> float:
        """Return a tick's duration in Lambda."""
        cpu = self.tick.cpu(self.symbols, self.moving)
        return self.tick.wall(self.symbols, self.moving) - cpu + _in_lambda(cpu)


def seconds_in_lambda(run: RunUse) -> float:
    """Return a trade run's duration in Lambda: waiting as measured, computing slowed down."""
    return run.seconds - run.cpu_seconds + _in_lambda(run.cpu_seconds)


def _in_lambda(cpu_seconds: float) -> float:
    return cpu_seconds * SLOWER / min(1.0, MEGABYTES / VCPU_MEGABYTES)
