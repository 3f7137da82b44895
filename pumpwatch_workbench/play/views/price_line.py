"""A price over time as dots of braille, with levels across it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from rich.text import Text

from pumpwatch_workbench.pages.words import price

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, by row and column."""
EMPTY = 0x2800
LEVEL = "\N{BOX DRAWINGS LIGHT QUADRUPLE DASH HORIZONTAL}"
STYLES = {"stop": "red", "target": "green", "entry": "cyan"}
LONGEST_NAME = len("0.00012345 target")


def price_line(
    points: Sequence[tuple[int, float]], levels: Mapping[str, float], width: int, height: int
) -> list[Text]:
    """Return `height` lines of at most `width` columns; `levels` has words of `STYLES`."""
    columns = max(width - LONGEST_NAME - 1, 8)
    seen = [*(value for _, value in points), *levels.values()]
    low, span = min(seen), max(seen) - min(seen) or 1.0

    def row_of(value: float) -> int:
        return (4 * height - 1) - round((value - low) / span * (4 * height - 1))

    cells = [[0] * columns for _ in range(height)]
    before = row_of(points[0][1])
    for x, value in enumerate(_sampled(points, 2 * columns)):
        row = row_of(value)
        for y in range(min(before, row), max(before, row) + 1):
            cells[y // 4][x // 2] |= DOTS[y % 4][x % 2]
        before = row
    named = {row_of(value) // 4: (name, value) for name, value in levels.items()}
    return [_line(cells[row], *named.get(row, ("", 0.0))) for row in range(height)]


def _sampled(points: Sequence[tuple[int, float]], count: int) -> list[float]:
    """Return the last known price at `count` times from the first point to the last."""
    times = [time for time, _ in points]
    step = (times[-1] - times[0]) / max(count - 1, 1)
    return [points[bisect_right(times, times[0] + step * n) - 1][1] for n in range(count)]


def _line(cells: Sequence[int], name: str, value: float) -> Text:
    style, empty = STYLES.get(name, ""), LEVEL if name else " "
    line = Text("".join(chr(EMPTY + dots) if dots else empty for dots in cells), "bold yellow")
    if name:
        line.append(f" {price(value)} {name}", style)
        line.highlight_regex(f"{LEVEL}+", style)
    return line
