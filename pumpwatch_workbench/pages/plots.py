"""Plots of what is not over time: points and lines as SVG, in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

SERIES = ("trade", "signal", "onset", "target", "stop")
DASHES = ("", "7 4", "2 4", "7 3 2 3", "12 4")
"""Lines differ in colour and in dash: never in colour alone."""
TICKS = 5

Form = Literal["line", "steps", "points", "large points"]
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one name; the legend has each that has a name."""

    name: str
    points: Sequence[Place]
    form: Form = "line"
    number: int = 0
    """Gives colour and dash."""

    @property
    def colour(self) -> str:
        """Return the colour, as the style sheet calls it."""
        return f"var(--{SERIES[self.number % len(SERIES)]})"

    @property
    def dash(self) -> str:
        """Return the dashes of its line."""
        return DASHES[self.number % len(DASHES)] if "points" not in self.form else ""

    @property
    def width(self) -> float:
        """Return the width of its line, or how large its points are."""
        return {"points": 5.0, "large points": 13.0}.get(self.form, 2.0)

    def path(self, across: Axis, up: Axis) -> str:
        """Return where it goes, in hundredths of the plot."""
        places = [(100 * across.share(x), 100 - 100 * up.share(y)) for x, y in self.points]
        if "points" in self.form:
            return "".join(f"M{x:.2f} {y:.2f}h0" for x, y in places)
        step = "H{0:.2f}V{1:.2f}" if self.form == "steps" else "L{0:.2f} {1:.2f}"
        return "".join(
            f"M{x:.2f} {y:.2f}" if place == 0 else step.format(x, y)
            for place, (x, y) in enumerate(places)
        )


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis with its title; `per_cent` for shares."""

    title: str
    low: float
    high: float
    per_cent: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Return the places of round values in per cent, with their words."""
        rough = (self.high - self.low) / TICKS
        size = 10 ** math.floor(math.log10(rough))
        step = size * next(factor for factor in (1, 2, 5, 10) if factor * size >= rough)
        places = max(0, -math.floor(math.log10(step)))
        value = math.ceil(self.low / step) * step
        while value <= self.high + step / 1000:
            words = f"{100 * value:.0f} %" if self.per_cent else f"{value:,.{places}f}"
            yield 100 * self.share(value), words.replace("-", "\N{MINUS SIGN}")
            value += step


@dataclass(frozen=True, slots=True)
class Plot:
    """Series between two axes."""

    series: Sequence[Series]
    across: Axis
    up: Axis


def plot(series: Sequence[Series], across: str, up: str, *, top: float | None = None) -> Plot:
    """Return the plot of series that begins at 0 unless they go below; `top` 1 is for shares."""
    xs = [x for each in series for x, _ in each.points]
    ys = [y for each in series for _, y in each.points]
    return Plot(series, _axis(across, xs, None), _axis(up, ys, top))


def _axis(title: str, values: Sequence[float], high: float | None) -> Axis:
    low = min([0.0, *values])
    most = high if high is not None else max([0.0, *values]) * 1.05
    return Axis(title, low, most if most > low else low + 1.0, per_cent=high == 1)
