"""Plots of shares against what is not a time, as SVG in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SERIES = ("trade", "signal", "onset", "target", "stop")
DASHES = ("", "7 4", "2 4", "7 3 2 3", "12 4")
"""Lines differ in colour and in dash: never in colour alone."""
TICKS = 5


@dataclass(frozen=True, slots=True)
class Series:
    """A line of one name, or a large mark where there is a single point; `y` is a share.

    `place` gives colour and dash. The legend has what has a name.
    """

    name: str
    points: Sequence[tuple[float, float]]
    place: int
    steps: bool = False

    @property
    def stroke(self) -> str:
        """Return the attributes of its line."""
        dash, colour = (of[self.place % len(of)] for of in (DASHES, SERIES))
        shape = (13, "round", "") if len(self.points) == 1 else (2, "butt", dash)
        width, cap, dashes = shape
        return (
            f'fill="none" stroke="var(--{colour})" stroke-width="{width}"'
            f' stroke-linecap="{cap}" stroke-dasharray="{dashes}"'
        )


@dataclass(frozen=True, slots=True)
class Plot:
    """Series over an axis from `low` to `high`; the other one is from 0 to 100 %."""

    series: Sequence[Series]
    across: str
    up: str

    @property
    def _range(self) -> tuple[float, float]:
        values = [x for each in self.series for x, _ in each.points]
        return min([0.0, *values]), 1.05 * max([0.0, *values]) or 1.0

    def path(self, series: Series) -> str:
        """Return where a series goes, in hundredths of the plot."""
        low, high = self._range
        places = [(100 * (x - low) / (high - low), 100 - 100 * y) for x, y in series.points]
        step = "H{0:.2f}V{1:.2f}" if series.steps else "L{0:.2f} {1:.2f}"
        start = "M{0:.2f} {1:.2f}" if len(places) > 1 else "M{0:.2f} {1:.2f}h0"
        return "".join((step if n else start).format(*place) for n, place in enumerate(places))

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Return the places of round values in per cent of the width, with their words."""
        low, high = self._range
        rough = (high - low) / TICKS
        size: float = 10 ** math.floor(math.log10(rough))
        step = size * next(factor for factor in (1, 2, 5, 10) if factor * size >= rough)
        places = max(0, -math.floor(math.log10(step)))
        for n in range(math.ceil(low / step), math.floor(high / step) + 1):
            words = f"{n * step:,.{places}f}".replace("-", "\N{MINUS SIGN}")
            yield 100 * (n * step - low) / (high - low), words
