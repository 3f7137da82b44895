"""Incidents drawn from a seed: at most one in each minute of market time."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random

import numpy as np

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.market.source import MINUTE_MS
from pumpwatch_workbench.simulator.troubles.forms import TroubleError
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident
from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS, ODD, apply_incident
from pumpwatch_workbench.simulator.troubles.schedule import Kinds, SeededSchedule

NEEDS_POSITION = frozenset({"auto_deleverage", "drop_stop", "funding", "liquidate", "manual_close"})
OTHERS = frozenset({*ODD, "hedge_mode"})
"""Acts of another trader, only in symbols where we have nothing."""
ON_REQUEST = OTHERS | {"announce_delisting", "forget_orders"}
"""Incidents only by name."""
DRAWN = {name: float(name not in ON_REQUEST) for name in sorted(KINDS) if name != "resume_symbol"}
"""Weights of what can be drawn; a halt that was drawn ends by itself."""
HALT_MINUTES = 5
RISEN_MOST = 5
"""Symbols an incident is drawn from where no position is open: those that rose most."""


class IncidentSchedule(SeededSchedule):
    """Let something happen with a chance of `rate` (0 to 1) at each whole minute.

    What is drawn depends on the seed and the minute alone; which symbol it meets also on the
    positions open then. What cannot happen at that moment (no position to liquidate, say) is left
    out. Raises TroubleError.
    """

    def __init__(self, seed: int, rate: float = 0.1, *, kinds: Kinds = None) -> None:
        super().__init__("incident", seed, rate, kinds, DRAWN)
        self._minute: int | None = None
        self._halted: dict[str, int] = {}

    def advance(self, engine: Engine, to: int, happened: Counter[str]) -> None:
        """Let everything happen that is due up to `to` (milliseconds UTC), and count it by kind.

        The first call begins with the minute after the engine's time.
        """
        minute = engine.time // MINUTE_MS if self._minute is None else self._minute
        while (minute + 1) * MINUTE_MS <= to:
            minute += 1
            engine.advance(minute * MINUTE_MS)
            self._resume(engine, minute)
            kind = self._happen(engine, minute)
            if kind:
                happened[kind] += 1
        self._minute = minute

    def _happen(self, engine: Engine, minute: int) -> str:
        """Let something happen, or not; return what it was."""
        source = self.draw(f"incident/{minute}")
        kind = self.pick(source) if source else None
        symbol = _symbol(engine, kind, source) if source and kind else None
        if source is None or kind is None or symbol is None:
            return ""
        try:
            apply_incident(engine, _with_figures(engine, kind, symbol, source.random()))
        except TroubleError:
            return ""
        if kind == "halt_symbol":
            self._halted[symbol] = minute + HALT_MINUTES
        return kind

    def _resume(self, engine: Engine, minute: int) -> None:
        for symbol in [name for name, end in self._halted.items() if end <= minute]:
            del self._halted[symbol]
            apply_incident(engine, Incident("resume_symbol", symbol))


def _symbol(engine: Engine, kind: str, source: Random) -> str | None:
    ours = sorted(position.symbol for position in engine.ledger.held())
    point = source.random()
    if ours and kind not in OTHERS:
        return ours[int(point * len(ours))]
    if kind in NEEDS_POSITION:
        return None
    view = engine.market.view(engine.time)
    rise = np.nan_to_num(view.last / view.price_1h_ago)
    risen = [engine.market.listings[n].symbol for n in np.argsort(-rise, kind="stable")]
    first = [symbol for symbol in risen if symbol not in ours][:RISEN_MOST]
    return first[int(point * len(first))] if first else None


def _with_figures(engine: Engine, kind: str, symbol: str, size: float) -> Incident:
    """Return the incident with figures that suit the symbol; `size` lies between 0 and 1."""
    index = [listing.symbol for listing in engine.market.listings].index(symbol)
    share = Decimal(repr(round(size, 3)))
    listing, position = engine.market.listings[index], engine.ledger.position(index)
    if kind in ("auto_deleverage", "manual_close"):
        part = position.size * share if share > Decimal("0.5") else None
        return Incident(kind, symbol, quantity=part)
    if kind == "change_filters":
        step, notional = listing.quantity_step * 10, listing.min_notional * 2
        return Incident(kind, symbol, quantity_step=step, min_quantity=step, min_notional=notional)
    if kind in ODD:
        field, value = ODD[kind][int(size * len(ODD[kind]))]
        return Incident(kind, symbol, field=field, value=value)
    fractions = {
        "funding": -share * Decimal("0.03"),
        "funding_rate": -share * Decimal("0.03"),
        "partial_fill": max(share, Decimal("0.01")),
        "price_gap": share * Decimal("0.5") - Decimal("0.2"),
    }
    if kind in fractions:
        return Incident(kind, symbol, fraction=fractions[kind])
    return Incident(kind, symbol, times=1 + round(2 * size))
