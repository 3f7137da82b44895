"""Draw from a seed what goes wrong: the same seed and the same occasions, the same troubles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from random import Random

from pumpwatch_workbench.simulator.troubles.forms import TroubleError

Kinds = Iterable[str] | Mapping[str, float] | None
"""Names of kinds, or names with weights; None means the usual ones."""


class SeededSchedule:
    """Let something happen with a chance of `rate` (0 to 1) on each occasion.

    `known` gives the weight of every kind, 0 where it must be named to come up. What happens on an
    occasion depends on the seed and the occasion alone. Raises TroubleError.
    """

    def __init__(
        self, noun: str, seed: int, rate: float, kinds: Kinds, known: Mapping[str, float]
    ) -> None:
        if not (_is_number(rate) and 0 <= rate <= 1):
            raise TroubleError(f"the rate of {noun}s is {rate!r}: give a number from 0 to 1")
        self.seed, self.rate = seed, rate
        asked = _weights(noun, kinds, known)
        # In the order of `known`, so that the order they were named in does not matter.
        self._weights = {name: asked[name] for name in known if name in asked}

    def draw(self, occasion: str, rate: float | None = None) -> Random | None:
        """Return the occasion's random numbers if anything happens on it, else None."""
        source = Random(f"{self.seed}/{occasion}")
        return source if source.random() < (self.rate if rate is None else rate) else None

    def pick(self, source: Random, fits: Callable[[str], bool] = bool) -> str | None:
        """Return one of the kinds that fit, by weight; None when none does."""
        names = [name for name in self._weights if fits(name)]
        if not names:
            return None
        limits = list(accumulate(self._weights[name] for name in names))
        point = source.random() * limits[-1]
        # A product can be rounded up to the last limit.
        return next((n for n, limit in zip(names, limits, strict=True) if point < limit), names[-1])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _weights(noun: str, kinds: Kinds, known: Mapping[str, float]) -> Mapping[str, float]:
    if kinds is None:
        return {name: weight for name, weight in known.items() if weight}
    if isinstance(kinds, str) or not isinstance(kinds, Iterable):
        raise TroubleError("kinds must be a list of names, or an object of names and weights")
    asked = kinds if isinstance(kinds, Mapping) else dict.fromkeys(kinds, 1.0)
    if not asked:
        raise TroubleError(f"no kind of {noun} is named: name some, or leave `kinds` out")
    for name, weight in asked.items():
        if name not in known:
            raise TroubleError(f"there is no {noun} {name!r}: choose from {', '.join(known)}")
        if not (_is_number(weight) and 0 < weight < float("inf")):
            raise TroubleError(f"the weight of {name} is {weight!r}: give a number above 0")
    return asked
