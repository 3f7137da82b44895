"""Spans of time in milliseconds, and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY


def utc_text(time: int) -> str:
    """Return a time of milliseconds UTC as text, such as `2027-01-15 08:00:00 UTC`."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
