"""Deviations of the exchange's next acts: set by incidents, used up by orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class Interventions:
    """Changes by the symbol's index; each is used once (refusals: as often as counted)."""

    drop_stop_of_next_entry: set[int] = field(default_factory=set)
    refused_stops: dict[int, int] = field(default_factory=dict)
    fill_fractions: dict[int, Decimal] = field(default_factory=dict)
    """Share of the next market order that is filled; 0: nothing, as by the band."""

    hedged: set[int] = field(default_factory=set)
    """Symbols in hedge mode."""
    odd_rows: dict[tuple[str, int], tuple[int, dict[str, object]]] = field(default_factory=dict)
    """End and odd fields, by list (position, order, execution) and symbol."""

    def seen(self, name: str, index: int, row: dict[str, object], now: int) -> dict[str, object]:
        """Return a symbol's row as a list shows it."""
        until, changes = self.odd_rows.get((name, index), (0, {}))
        return row | changes if now < until else row

    def stop_is_refused(self, index: int) -> bool:
        """Use up one refusal of a trading-stop call, if there is any."""
        left = self.refused_stops.pop(index, 0)
        if left > 1:
            self.refused_stops[index] = left - 1
        return left > 0

    def stop_is_dropped(self, index: int) -> bool:
        """Use up the loss of an entry's stop, if there is one."""
        if index not in self.drop_stop_of_next_entry:
            return False
        self.drop_stop_of_next_entry.discard(index)
        return True

    def allowed(self, index: int, wanted: Decimal, step: Decimal) -> Decimal:
        """Return how much of a market order may be filled, using up a fraction that was set."""
        fraction = self.fill_fractions.pop(index, None)
        return wanted if fraction is None else wanted * fraction // step * step
