"""Spans of time, and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
"""Milliseconds."""


def utc_text(time: int) -> str:
    """Return a time of milliseconds UTC as text, such as `2027-01-15 08:00:00 UTC`."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
