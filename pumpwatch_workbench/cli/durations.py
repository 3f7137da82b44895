"""Lengths of time as people type them: `90s`, `15m`, `8h`, `7d`."""

from __future__ import annotations

import re

from pumpwatch.errors import BadInput

FORM = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd])")
MILLISECONDS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST = 3_660 * MILLISECONDS["d"]


def parse_duration(option: str, text: str) -> int:
    """Return milliseconds, more than 0 and at most ten years.

    Raises `BadInput`, naming the option.
    """
    found = FORM.fullmatch(text.strip().lower())
    length = round(float(found[1]) * MILLISECONDS[found[2]]) if found else 0
    if not 0 < length <= LONGEST:
        raise BadInput(f"{option} is {text}: give a length of time such as 90s, 15m, 8h or 7d")
    return length
