"""Lengths of time and moments as people type them: `90s`, `8h`, `7d`, `2026-11-02T00:00:00Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pumpwatch.errors import BadInput

DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd])")
MILLISECONDS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST = 3_660 * MILLISECONDS["d"]
NEVER = 1 << 62


def parse_duration(option: str, text: str) -> int:
    """Return milliseconds, more than 0 and at most ten years.

    Raises `BadInput`, naming the option.
    """
    match = DURATION.fullmatch(text.strip().lower())
    length = round(float(match[1]) * MILLISECONDS[match[2]]) if match else 0
    if not 0 < length <= LONGEST:
        raise BadInput(f"{option} is {text}: give a length of time such as 90s, 15m, 8h or 7d")
    return length


def period_of(begin: str, end: str) -> tuple[int, int]:
    """Return `--from` and `--to` in milliseconds UTC. Raises `BadInput` for an empty period."""
    first = instant("--from", begin) if begin else 0
    last = instant("--to", end) if end else NEVER
    if last <= first:
        raise BadInput(f"the period from {begin or 'the start'} to {end} is empty: swap its ends")
    return first, last


def instant(option: str, text: str) -> int:
    """Return a moment in milliseconds UTC, UTC unless it says otherwise. Raises `BadInput`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} is {text!r}: give a time such as 2026-11-02T00:00:00Z") from None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
