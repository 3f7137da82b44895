"""Faults drawn from a seed: the same seed and the same calls, the same faults."""

from __future__ import annotations

from collections.abc import Callable

from pumpwatch_workbench.simulator.troubles.faults.catalogue import KINDS
from pumpwatch_workbench.simulator.troubles.faults.plan import Call, Fault
from pumpwatch_workbench.simulator.troubles.schedule import Kinds, SeededSchedule

SECOND_FAULT_RATE = 0.3
"""Share of answers hit as well whose call already met a condition."""


class FaultSchedule(SeededSchedule):
    """Let each call go wrong with a chance of `rate` (0 to 1); a `FaultPlan`.

    What happens to a call depends only on the seed, its method and path, and its number at that
    path: calls to other paths may come in any order between. Raises TroubleError.
    """

    def __init__(self, seed: int, rate: float = 0.02, *, kinds: Kinds = None) -> None:
        known = {name: kind.weight for name, kind in KINDS.items()}
        super().__init__("fault", seed, rate, kinds, known)

    def before(self, call: Call) -> Fault | None:
        """Return the fault or condition drawn for the call, unless it is one of the answer."""
        fault = self._first(call)
        return fault if fault and not fault.strikes_after else None

    def after(self, call: Call) -> Fault | None:
        """Return the fault drawn for the answer of a call that got as far as the exchange."""
        fault = self._first(call)
        if fault and fault.is_condition:
            return self._drawn(call, "second", SECOND_FAULT_RATE, lambda kind: kind.strikes_after)
        return fault if fault and fault.strikes_after else None

    def _first(self, call: Call) -> Fault | None:
        return self._drawn(call, "first", self.rate, lambda _: True)

    def _drawn(
        self, call: Call, draw: str, rate: float, suits: Callable[[Fault], bool]
    ) -> Fault | None:
        source = self.draw(f"{call.method} {call.path}/{call.count}/{draw}", rate)
        if source is None:
            return None
        name = self.pick(source, lambda n: suits(KINDS[n].fault) and KINDS[n].fits(call))
        return KINDS[name].drawn(source) if name else None
