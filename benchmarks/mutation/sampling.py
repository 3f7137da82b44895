"""Which mutants are tried: a sample that is the same for the same seed, spread over all modules."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence


def shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """Return how many of `count` each module gives, in proportion to its size, at least one.

    Largest remainders decide about what is left over. A module never gives more than it has, and
    every module with mutants gives one even if `count` is smaller than the number of modules.
    """
    total = sum(sizes.values())
    if count >= total:
        return dict(sizes)
    exact = {module: size * count / total for module, size in sizes.items() if size}
    chosen = {module: max(1, int(share)) for module, share in exact.items()}
    by_remainder = sorted(exact, key=lambda module: (chosen[module] - exact[module], module))
    for module in by_remainder[: max(0, count - sum(chosen.values()))]:
        chosen[module] += 1
    return chosen


def sample(mutants: Mapping[str, Sequence[str]], *, seed: int, count: int) -> list[str]:
    """Return the names of the mutants to try, sorted, of `mutants` by module."""
    wanted = shares({module: len(names) for module, names in mutants.items()}, count)
    chosen: list[str] = []
    for module, share in wanted.items():
        # A module's draw does not depend on the other modules.
        draw = random.Random(f"{seed} {module}")  # noqa: S311
        chosen += draw.sample(sorted(mutants[module]), share)
    return sorted(chosen)
