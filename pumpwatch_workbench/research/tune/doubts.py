"""Signs that a search has fitted noise."""

from __future__ import annotations

import math

from .space import Range
from .walk_forward import Tuned

FEW = 30
FEW_HELD_OUT = 10
HALF = 0.5


def doubts(tuned: Tuned) -> list[str]:
    """Return what speaks against the settings that were found, each as a sentence."""
    final = tuned.final
    inside, outside = final.best.verdict, final.test
    signs = []
    if inside.trades < FEW:
        signs.append(f"{inside.trades} trades before the hold-out are too few to choose by.")
    if outside.trades < FEW_HELD_OUT:
        signs.append(f"{outside.trades} trades in the hold-out are too few to confirm anything.")
    noise = math.sqrt(2 * math.log(max(2, final.best.trials)))
    if inside.shrunk_t < noise:
        signs.append(
            f"The best of {final.best.trials} settings scored {inside.shrunk_t:.1f}; the best of "
            f"as many worthless ones is expected at up to {noise:.1f}."
        )
    if inside.mean_return > 0 and outside.mean_return < HALF * inside.mean_return:
        signs.append(
            f"Overfitting: a trade made {inside.mean_return:+.2%} where the settings were chosen "
            f"and {outside.mean_return:+.2%} in the hold-out."
        )
    if final.default_test.profit > outside.profit:
        signs.append(
            "The default settings made more in the hold-out: there is no reason to change them."
        )
    lost = sum(step.test.profit <= 0 for step in tuned.steps)
    if lost > HALF * len(tuned.steps):
        signs.append(f"In {lost} of {len(tuned.steps)} periods after a search nothing was earned.")
    return signs + _at_edges(tuned) + _unstable(tuned)


def _at_edges(tuned: Tuned) -> list[str]:
    edges = [
        dimension.name
        for dimension in tuned.space.dimensions
        if isinstance(dimension, Range) and dimension.at_edge(tuned.settings[dimension.name])
    ]
    return [f"At the edge of what was searched: {', '.join(edges)}."] if edges else []


def _unstable(tuned: Tuned) -> list[str]:
    """Return which settings changed by more than half of their range from fold to fold."""
    names = []
    for dimension in tuned.space.dimensions:
        if isinstance(dimension, Range):
            values = [float(step.best.values[dimension.name]) for step in tuned.steps]
            if max(values) - min(values) > HALF * (dimension.high - dimension.low):
                names.append(dimension.name)
    return [f"Far from one another in different folds: {', '.join(names)}."] if names else []
