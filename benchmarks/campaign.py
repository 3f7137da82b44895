"""Worlds of the campaign that a core plays in a second, in process."""

from __future__ import annotations

import time

from benchmarks.harness import timed
from studies.campaign.world import play

WORLDS = 300


def measure() -> dict[str, float]:
    """Return worlds per second of one core's time, and whether any of them broke."""
    play(0)  # imports and caches
    worlds = []
    cpu = time.process_time()
    wall = timed(lambda: worlds.extend(play(seed) for seed in range(WORLDS)))
    return {
        "worlds": float(WORLDS),
        "worlds_broken": float(sum(bool(world.broken) for world in worlds)),
        "worlds_per_cpu_second": WORLDS / (time.process_time() - cpu),
        "wall_seconds": wall,
    }
