"""One thing that can happen on an exchange besides an order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pydantic import ConfigDict, with_config

from pumpwatch_workbench.simulator.troubles.forms import Whole


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that happens; which fields matter depends on its kind: simulator-incidents.md."""

    kind: str
    symbol: str
    quantity: Decimal | None = None
    """Base coins; None: everything there is."""
    price: Decimal | None = None
    """USDT; None: the mark price."""
    fraction: Decimal | None = None
    """A funding rate, a jump of the price, a share that is filled, a share of the book's depth."""
    side: str = ""
    times: Whole = 1
    milliseconds: Whole = 60_000
    field: str = ""
    """Name of a row's odd field; `value` is what it shows."""
    value: str = ""
    tick_size: Decimal | None = None
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None
    min_notional: Decimal | None = None

    def share(self, default: str) -> Decimal:
        """Return the fraction, or what it is when none is given."""
        return Decimal(default) if self.fraction is None else self.fraction
