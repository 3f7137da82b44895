"""Incidents drawn from a seed: at most one in each minute of market time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from random import Random

import numpy as np

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.market.source import MINUTE_MS
from pumpwatch_workbench.simulator.troubles.incidents.by_strangers import ODD
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident, IncidentError
from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS, apply_incident

NEEDS_POSITION = frozenset({"auto_deleverage", "drop_stop", "funding", "liquidate", "manual_close"})
OTHERS = frozenset({*ODD, "hedge_mode"})
"""What strangers do in symbols where nothing of ours is."""
DRAWN = tuple(sorted(set(KINDS) - {"resume_symbol"}))
"""A halt that was drawn ends by itself."""
USUAL = frozenset(DRAWN) - OTHERS - {"announce_delisting", "forget_orders"}
HALT_MINUTES = 5
RISEN_MOST = 5
"""Where no position is held, one of so many symbols that rose most within the hour is met."""
FORM = (
    'expected {"incidents": [...]}, or {"seed": S, "rate": R, "kinds": [...]} with a rate from 0'
    " to 1 (0 ends the schedule)"
)


class IncidentSchedule:
    """Let something happen with a chance of `rate` (0 to 1) at each whole minute.

    What is drawn depends on the seed and the minute alone; which symbol it meets also on what is
    held then. `kinds` names what may come up, by default `USUAL`. What cannot happen at that
    moment (no position to liquidate, say) is left out. Raises IncidentError.
    """

    def __init__(self, seed: int, rate: float = 0.1, *, kinds: Iterable[str] | None = None) -> None:
        if not 0 <= rate <= 1:
            raise IncidentError(f"the rate of incidents is {rate}: give a number from 0 to 1")
        asked = set(USUAL if kinds is None else kinds)
        unknown = sorted(asked - set(DRAWN))
        if unknown or not asked:
            raise IncidentError(
                f"no incident {', '.join(unknown) or 'is named'}: choose from {', '.join(DRAWN)}"
            )
        self.seed, self.rate = seed, rate
        self._kinds = [name for name in DRAWN if name in asked]
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
            kind = self._draw(engine, minute)
            if kind:
                happened[kind] += 1
        self._minute = minute

    def _draw(self, engine: Engine, minute: int) -> str:
        """Let something happen, or not; return what it was."""
        source = Random(f"{self.seed}/incident/{minute}")
        if source.random() >= self.rate:
            return ""
        kind = self._kinds[int(source.random() * len(self._kinds))]
        symbol = _symbol(engine, kind, source)
        if symbol is None:
            return ""
        incident = _with_figures(engine, kind, symbol, source.random())
        try:
            apply_incident(engine, incident)
        except IncidentError:
            return ""
        if kind == "halt_symbol":
            self._halted[symbol] = minute + HALT_MINUTES
        return kind

    def _resume(self, engine: Engine, minute: int) -> None:
        for symbol in [one for one, end in self._halted.items() if end <= minute]:
            del self._halted[symbol]
            apply_incident(engine, Incident("resume_symbol", symbol))


def schedule_from_json(document: object) -> IncidentSchedule:
    """Return what `{"seed", "rate", "kinds"}` describes. Raises IncidentError."""
    if not isinstance(document, dict) or not document.keys() <= {"seed", "rate", "kinds"}:
        raise IncidentError(FORM)
    seed, rate, kinds = document.get("seed"), document.get("rate", 0.1), document.get("kinds")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise IncidentError(f"seed must be a whole number, not {seed!r}")
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise IncidentError(f"the rate of incidents is {rate!r}: give a number from 0 to 1")
    named = isinstance(kinds, list) and all(isinstance(one, str) for one in kinds)
    if kinds is not None and not named:
        raise IncidentError(f"kinds must be a list of names, not {kinds!r}")
    return IncidentSchedule(seed, rate, kinds=kinds)


def _symbol(engine: Engine, kind: str, source: Random) -> str | None:
    held = sorted(position.symbol for position in engine.ledger.held())
    point = source.random()
    if held and kind not in OTHERS:
        return held[int(point * len(held))]
    if kind in NEEDS_POSITION:
        return None
    view = engine.market.view(engine.time)
    rise = np.nan_to_num(view.last / view.price_1h_ago)
    risen = [engine.market.listings[n].symbol for n in np.argsort(-rise, kind="stable")]
    first = [symbol for symbol in risen if symbol not in held][:RISEN_MOST]
    return first[int(point * len(first))] if first else None


def _with_figures(engine: Engine, kind: str, symbol: str, size: float) -> Incident:
    """Return the incident with figures that suit the symbol; `size` lies between 0 and 1."""
    index = [one.symbol for one in engine.market.listings].index(symbol)
    share = Decimal(repr(round(size, 3)))
    listing, held = engine.market.listings[index], engine.ledger.position(index).size
    if kind in ("auto_deleverage", "manual_close"):
        part = held * share if share > Decimal("0.5") else None
        return Incident(kind, symbol, quantity=part)
    if kind == "change_filters":
        step = listing.quantity_step * 10
        return Incident(
            kind,
            symbol,
            quantity_step=step,
            min_quantity=step,
            min_notional=listing.min_notional * 2,
        )
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
