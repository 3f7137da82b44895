"""Faults drawn from a seed: the same seed and the same calls, the same faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate
from random import Random

from pumpwatch_workbench.simulator.troubles.faults.catalogue import KINDS, Kind
from pumpwatch_workbench.simulator.troubles.faults.plan import Call, Fault, FaultError

SECOND_FAULT_RATE = 0.3
"""How often an answer is hit as well whose call already met a condition."""


class FaultSchedule:
    """Let each call go wrong with a chance of `rate` (0 to 1).

    `kinds` are names of the catalogue, or names with weights; without it every kind is drawn by its
    own weight. What happens to a call depends only on the seed, its method and path, and its number
    at that path: calls to other paths may come in any order between. `injected` counts by name.
    Raises FaultError.
    """

    def __init__(
        self,
        seed: int,
        rate: float = 0.02,
        *,
        kinds: Iterable[str] | Mapping[str, float] | None = None,
    ) -> None:
        if not 0 <= rate <= 1:
            raise FaultError(f"the rate of faults is {rate}: give a number from 0 to 1")
        self.seed = seed
        self.rate = rate
        self.injected: Counter[str] = Counter()
        self._kinds = _weighted(kinds)

    def before(self, call: Call) -> Fault | None:
        """Return the fault or condition drawn for the call, unless it is one of the answer."""
        fault = self._drawn(call)
        return self._counted(fault) if fault and not fault.strikes_after else None

    def after(self, call: Call, ret_code: int) -> Fault | None:
        """Return the fault drawn for the answer of a call that got as far as the exchange."""
        fault = self._drawn(call)
        if fault is not None and fault.is_condition:
            fault = self._drawn_second(call)
        return self._counted(fault) if fault and fault.strikes_after else None

    def _counted(self, fault: Fault) -> Fault:
        self.injected[fault.label] += 1
        return fault

    def _drawn(self, call: Call) -> Fault | None:
        source = self._source(call, "first")
        if source.random() >= self.rate:
            return None
        return _pick(source, [one for one in self._kinds if one[0].fits(call)])

    def _drawn_second(self, call: Call) -> Fault | None:
        source = self._source(call, "second")
        if source.random() >= SECOND_FAULT_RATE:
            return None
        later = [one for one in self._kinds if one[0].fault.strikes_after and one[0].fits(call)]
        return _pick(source, later)

    def _source(self, call: Call, draw: str) -> Random:
        return Random(f"{self.seed}/{call.method} {call.path}/{call.count}/{draw}")


def _pick(source: Random, kinds: list[tuple[Kind, float]]) -> Fault | None:
    if not kinds:
        return None
    limits = list(accumulate(weight for _, weight in kinds))
    point = source.random() * limits[-1]
    for (kind, _), limit in zip(kinds, limits, strict=True):
        if point < limit:
            return kind.drawn(source)
    return kinds[-1][0].drawn(source)  # a product can be rounded up to the last limit


def _weighted(kinds: Iterable[str] | Mapping[str, float] | None) -> list[tuple[Kind, float]]:
    if kinds is None:
        kinds = {name: kind.weight for name, kind in KINDS.items()}
    asked = kinds if isinstance(kinds, Mapping) else dict.fromkeys(kinds, 1.0)
    if not asked:
        raise FaultError("no kind of fault is named: leave `kinds` out for all of them")
    for name, weight in asked.items():
        if name not in KINDS:
            raise FaultError(f"there is no fault {name!r}: choose from {', '.join(KINDS)}")
        if not 0 < weight < float("inf"):
            raise FaultError(f"the weight of {name} is {weight}: give a number above 0")
    # In the catalogue's order, so that the order they were named in does not matter.
    return [(kind, asked[name]) for name, kind in KINDS.items() if name in asked]
