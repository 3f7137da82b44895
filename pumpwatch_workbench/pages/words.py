"""Write times, prices and money for pages, terminals and JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
_SIGNIFICANT_DIGITS = 5
_WHOLE_SECONDS_FROM = 100
_ONE_PER_CENT = 0.01


def _utc(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, tz=UTC)


def moment(time: int) -> str:
    """Return a time (milliseconds UTC) as ISO 8601, and what is none as it is."""
    try:
        text = _utc(time).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{time} ms"
    return text.replace("+00:00", "Z")


def clock(time: int | None) -> str:
    """Return a time (milliseconds UTC) as hours, minutes and seconds."""
    return NOTHING if time is None else f"{_utc(time):%H:%M:%S}"


def date_and_clock(time: int | None) -> str:
    """Return a time (milliseconds UTC) as date, hours and minutes."""
    return NOTHING if time is None else f"{_utc(time):%Y-%m-%d %H:%M}"


def duration(milliseconds: int) -> str:
    """Return a length of time in hours and minutes."""
    hours, minutes = divmod(round(milliseconds / 60_000), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def seconds(value: float | None) -> str:
    """Return seconds with as many digits as a reader can use; milliseconds below one second."""
    if value is None:
        return NOTHING
    size = abs(value)
    if 0 < size < 1:
        text = f"{value * 1000:.0f} ms"
    else:
        text = f"{value:,.0f} s" if size >= _WHOLE_SECONDS_FROM else f"{value:.3g} s"
    return text.replace("-", MINUS)


def _rounded(value: Decimal | float, places: int) -> Decimal:
    """Round by a rule of our own: another library may change the decimal context for all."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def price(value: float | Decimal | None) -> str:
    """Return a price with five significant digits and never in exponent form."""
    if value is None:
        return NOTHING
    exact = Decimal(str(value))
    if not exact:
        return "0"
    places = max(0, _SIGNIFICANT_DIGITS - 1 - exact.adjusted())
    return f"{_rounded(exact, places):,f}".replace("-", MINUS)


def number(value: float | Decimal | None) -> str:
    """Return a count or a quantity without needless zeros."""
    if value is None:
        return NOTHING
    return f"{Decimal(str(value)).normalize():,f}".replace("-", MINUS)


def money(value: Decimal | float | None) -> str:
    """Return an amount of USDT with two decimals."""
    return NOTHING if value is None else f"{_rounded(value, 2):,f}".replace("-", MINUS)


def signed_money(value: Decimal | float | None) -> str:
    """Return a gain or loss in USDT with its sign; a rounded zero has none."""
    if value is None:
        return NOTHING
    text = f"{_rounded(value, 2):+,f}"
    return "0.00" if text.strip("+-") == "0.00" else text.replace("-", MINUS)


def percent(fraction: float | None) -> str:
    """Return a fraction as a signed percentage with one decimal."""
    return NOTHING if fraction is None else f"{fraction * 100:+.1f} %".replace("-", MINUS)


def share(fraction: float | None, *, places: int | None = None) -> str:
    """Return a fraction as a percentage without a sign; more digits below one per cent."""
    if fraction is None:
        return NOTHING
    if places is None:
        places = 1 if fraction == 0 or fraction >= _ONE_PER_CENT else 3
    return f"{fraction * 100:.{places}f} %".replace("-", MINUS)


def ratio(value: float | None) -> str:
    """Return a plain number with two decimals."""
    return NOTHING if value is None else f"{value:.2f}".replace("-", MINUS)


def counted(count: int, one: str, several: str = "") -> str:
    """Return a count with its noun, whose plural has an s unless it is given."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def turnover_words(detector: str, strength: float) -> str:
    """Return what a rule measured of the turnover when it alarmed."""
    what = {"boosted": " times the usual minute", "ewma": " standard deviations above usual"}
    return f"{strength:,.0f}{what.get(detector, ', as the rule measures it')}"


def plain(value: object) -> object:
    """Return the value with money as text and without anything that JSON does not know."""
    result = value
    if isinstance(value, Decimal):
        # A quotient has 28 digits, and those beyond the twelfth decimal mean nothing.
        result = f"{value:.12f}".rstrip("0").rstrip(".")
    elif isinstance(value, float) and not math.isfinite(value):
        result = None
    elif isinstance(value, Enum):
        result = value.value
    elif is_dataclass(value) and not isinstance(value, type):
        result = plain(asdict(value))
    elif isinstance(value, dict):
        result = {str(key): plain(item) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        result = [plain(item) for item in value]
    return result
