"""What the scans judged lately and why nothing followed, for a person who watches."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

KEPT = 50
"""Symbols whose latest judgement is kept."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The latest look at a symbol. Numbers are NaN where the rule does not say them."""

    symbol: str
    time: int
    """The scan's, milliseconds UTC."""
    kind: Literal["burst", "candle"]
    alarm: bool = False
    strength: float = math.nan
    """The rule's own measure of the flow."""
    jump: float = math.nan
    """The rise, a fraction."""
    margin: float = math.nan
    """Log-odds above the score's threshold."""
    reason: str = ""
    """Why it was not judged; empty: it was."""


@dataclass(slots=True)
class Judgements:
    """The latest judgement of each symbol, the newest last, and the last scan's counts."""

    by_symbol: dict[str, Judgement] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def note(self, judged: Judgement) -> None:
        """Take note of a judgement; in a scan a burst's hides a calm candle's."""
        before = self.by_symbol.pop(judged.symbol, judged)
        stays = before.time == judged.time and before.kind == "burst" and not judged.alarm
        self.by_symbol[judged.symbol] = before if stays else judged
        while len(self.by_symbol) > KEPT:
            del self.by_symbol[next(iter(self.by_symbol))]

    def to_array(self) -> NDArray[np.uint8]:
        """Return it as JSON in bytes, to lie beside saved arrays."""
        judged = [
            {name: value for name, value in asdict(each).items() if value == value}  # noqa: PLR0124 - no NaN
            for each in self.by_symbol.values()
        ]
        text = json.dumps({"judged": judged, "counts": self.counts}, separators=(",", ":"))
        return np.frombuffer(text.encode(), np.uint8)
