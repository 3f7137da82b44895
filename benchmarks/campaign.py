"""How many worlds of the campaign one core plays, in process."""

from __future__ import annotations

import time

from studies.campaign.world import play

WORLDS = 300


def measure() -> dict[str, float]:
    """Return worlds per second of one core's time, and whether any of them broke."""
    play(0)  # imports and caches
    cpu, begin = time.process_time(), time.perf_counter()
    broken = sum(bool(play(seed).broken) for seed in range(WORLDS))
    seconds = time.process_time() - cpu
    return {
        "worlds": float(WORLDS),
        "worlds_broken": float(broken),
        "worlds_per_cpu_second": WORLDS / seconds,
        "wall_seconds": time.perf_counter() - begin,
    }
