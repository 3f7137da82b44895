"""Many worlds, one after another or side by side, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pumpwatch_workbench.processes import worker_processes

from .world import WorldResult, play

Player = Callable[[int], WorldResult]
AT_A_TIME = 8
"""Worlds that a worker is handed together."""


@dataclass(slots=True)
class Campaign:
    """The sum of the worlds played so far."""

    worlds: int = 0
    ticks: int = 0
    symbols: int = 0
    signals: int = 0
    entries: int = 0
    closed: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    survived: Counter[str] = field(default_factory=Counter)
    """Those of the worlds in which every invariant held."""
    broken: list[WorldResult] = field(default_factory=list)

    def add(self, world: WorldResult) -> None:
        """Add one world."""
        self.worlds += 1
        self.ticks += world.ticks
        self.symbols += world.symbols
        self.signals += world.signals
        self.entries += world.entries
        self.closed += world.closed
        self.struck += world.struck
        if world.broken:
            self.broken.append(world)
        else:
            self.survived += world.struck

    def document(self) -> dict[str, object]:
        """Return the sums as JSON."""
        return {
            "worlds": self.worlds,
            "ticks": self.ticks,
            "symbols": self.symbols,
            "signals": self.signals,
            "entries": self.entries,
            "closed": self.closed,
            "faults": sum(self.struck.values()),
            "faults_by_kind": dict(sorted(self.struck.items())),
            "broken": [
                {
                    "seed": world.seed,
                    "stores": world.stores,
                    "tick": world.tick,
                    "why": world.broken,
                }
                for world in self.broken
            ],
        }


def play_worlds(
    seeds: Sequence[int], *, workers: int = 1, player: Player = play
) -> Iterator[WorldResult]:
    """Play the worlds of the seeds and yield each result; with several workers in any order.

    `player` must be importable where there are several workers: each is a process of its own.
    """
    if workers <= 1:
        yield from map(player, seeds)
        return
    with worker_processes(workers) as pool:
        yield from pool.map(player, seeds, chunksize=AT_A_TIME)
