"""Hours of the week in a time zone, such as `Mon-Fri 08:00-20:00, Sat 10:00-14:00`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = re.compile(
    r"(?P<first>[a-z]{3})(?:\s*-\s*(?P<last>[a-z]{3}))?"
    r"\s+(?P<opens>\d{1,2}:\d{2})\s*-\s*(?P<closes>\d{1,2}:\d{2})"
)
EXAMPLE = "write it like Mon-Fri 08:00-20:00, Sat 10:00-14:00"
HOUR_MINUTES, DAY_MINUTES = 60, 1440


@dataclass(frozen=True, slots=True)
class _Window:
    """Open from `opens` until `closes`, minutes of the local day; over midnight when not later."""

    day: int
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Opening hours by local wall time; no windows at all mean always."""

    windows: tuple[_Window, ...]
    zone: ZoneInfo
    text: str

    @classmethod
    def parse(cls, text: str, *, zone: str = "UTC") -> WeeklyHours:
        """Read windows separated by commas.

        Each is a day or a range of days and a range of times; `24:00` is the end of the day, and an
        end that is not later than its beginning lies on the next day. Empty text is always open.
        Raises `ValueError` with a sentence that names the faulty piece.
        """
        try:
            place = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{zone!r} is not a time zone: use an IANA name such as Europe/Berlin"
            ) from None
        pieces = [piece.strip() for piece in text.split(",")] if text.strip() else []
        windows = tuple(window for piece in pieces for window in _windows(piece))
        return cls(windows, place, text.strip())

    def is_open(self, time: int) -> bool:
        """Return whether it is open at a time (milliseconds UTC)."""
        if not self.windows:
            return True
        today = datetime.fromtimestamp(time / 1000, self.zone).date()
        spans = self._spans(today - timedelta(days=1), days=2)
        return any(begin <= time < end for begin, end in spans)

    def next_opening(self, time: int) -> int:
        """Return the next time (milliseconds UTC) at which it opens, `time` itself when open."""
        if self.is_open(time):
            return time
        today = datetime.fromtimestamp(time / 1000, self.zone).date()
        spans = self._spans(today, days=9)
        return min(begin for begin, end in spans if begin > time and end > begin)

    def _spans(self, first: date, *, days: int) -> list[tuple[int, int]]:
        """Return begin and end (milliseconds UTC) of the windows that begin on these days."""
        spans = []
        for offset in range(days):
            day = first + timedelta(days=offset)
            for window in self.windows:
                if window.day == day.weekday():
                    lasts_over = DAY_MINUTES if window.closes <= window.opens else 0
                    begin = self._instant(day, window.opens)
                    spans.append((begin, self._instant(day, window.closes + lasts_over)))
        return spans

    def _instant(self, day: date, minutes: int) -> int:
        """Return the instant of a local wall time; one that the clocks skip is an hour later."""
        later = day + timedelta(days=minutes // DAY_MINUTES)
        hour, minute = divmod(minutes % DAY_MINUTES, HOUR_MINUTES)
        local = datetime(later.year, later.month, later.day, hour, minute, tzinfo=self.zone)
        return round(local.astimezone(UTC).timestamp() * 1000)


def _windows(piece: str) -> list[_Window]:
    match = WINDOW.fullmatch(piece.lower())
    if match is None:
        raise ValueError(f"{piece!r} cannot be read: {EXAMPLE}")
    first = _day(match["first"], piece)
    last = _day(match["last"], piece) if match["last"] else first
    opens, closes = _minutes(match["opens"], piece), _minutes(match["closes"], piece)
    if opens in (closes, DAY_MINUTES):
        raise ValueError(f"{piece!r} has no length: {EXAMPLE}")
    return [
        _Window((first + step) % len(DAYS), opens, closes)
        for step in range((last - first) % len(DAYS) + 1)
    ]


def _day(name: str, piece: str) -> int:
    if name not in DAYS:
        raise ValueError(f"{piece!r} names no day of the week: {EXAMPLE}")
    return DAYS.index(name)


def _minutes(text: str, piece: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    total = hour * HOUR_MINUTES + minute
    if minute >= HOUR_MINUTES or total > DAY_MINUTES:
        raise ValueError(f"{piece!r} has a time that no clock shows: {EXAMPLE}")
    return total
