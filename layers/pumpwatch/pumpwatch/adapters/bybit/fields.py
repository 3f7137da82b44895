"""Reading Bybit's answers: every field that is missing, empty or impossible becomes a typed error.

Bybit sends numbers as text, and "no value" as empty text. The errors raised here are
`UnreadableAnswer` and name the place, the field and its value; `ExchangeUnavailable` where there is
no list at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from pumpwatch.errors import ExchangeUnavailable, UnreadableAnswer

Row = Mapping[str, Any]
T = TypeVar("T")

LONGEST_TEXT, LONGEST_SHOWN = 200, 40
LARGEST_ID = 10**30
LATEST_TIME = 4_102_444_800_000
"""The year 2100, milliseconds UTC: a stamp beyond it is nonsense."""

NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?")


def object_in(value: object, where: str) -> Row:
    """Return the value if it is a JSON object."""
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"{where}: {_shown(value)} is no object")
    return value


def entries(value: object, where: str) -> Sequence[object]:
    """Return what the answer's list holds, whatever it is."""
    listed = value.get("list") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise ExchangeUnavailable(f"{where}: list is missing or no list")
    return listed


def unreadable(row: Row, name: str, where: str, why: str) -> UnreadableAnswer:
    """Return the error that a field's value is."""
    return UnreadableAnswer(f"{where}: {name} {_shown(row.get(name))} {why}")


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "(an object)" if isinstance(value, dict) else "(a list)"
    return repr(value)[:LONGEST_SHOWN]


def text(row: Row, name: str, where: str) -> str:
    """Return a text that must not be empty; a JSON integer is accepted (IDs come as both)."""
    value = optional_text(row, name, where)
    if not value:
        raise unreadable(row, name, where, "is missing or empty")
    return value


def optional_text(row: Row, name: str, where: str) -> str:
    """Return a text of letters that can be stored, empty when there is none."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_ID:
        return str(value)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise unreadable(row, name, where, "is no plain text")
    return value


def _parse(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        value = repr(value)
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        return None
    return Decimal(value)


def number(row: Row, name: str, where: str) -> Decimal:
    """Return a finite number that must be there."""
    parsed = _parse(row.get(name))
    if parsed is None:
        raise unreadable(row, name, where, "is missing or no number")
    return parsed


def optional_number(row: Row, name: str, where: str) -> Decimal | None:
    """Return a number, None when it is absent, empty or zero (Bybit's ways to say "not set")."""
    if row.get(name) in (None, ""):
        return None
    return number(row, name, where) or None


def amount(row: Row, name: str, where: str) -> Decimal:
    """Return a number that must be there and cannot be negative: a price or a quantity."""
    return _not_negative(number(row, name, where), name, where)


def optional_amount(row: Row, name: str, where: str) -> Decimal | None:
    """Return a price or a quantity, None when it is absent, empty or zero."""
    value = optional_number(row, name, where)
    return None if value is None else _not_negative(value, name, where)


def price(row: Row, name: str, where: str) -> Decimal:
    """Return a number that must be there and above zero."""
    value = optional_amount(row, name, where)
    if value is None:
        raise unreadable(row, name, where, "is missing or no price")
    return value


def _not_negative(value: Decimal, name: str, where: str) -> Decimal:
    if value < 0:
        raise UnreadableAnswer(f"{where}: {name} {value} is negative")
    return value


def moment(row: Row, name: str, where: str) -> int:
    """Return a time that must be there, milliseconds UTC between 1970 and 2100."""
    value = integer(row, name, where)
    if not 0 <= value < LATEST_TIME:
        raise unreadable(row, name, where, "is no time")
    return value


def integer(row: Row, name: str, where: str) -> int:
    """Return a whole number that must be there."""
    parsed = number(row, name, where)
    if abs(parsed) >= LARGEST_ID or parsed != parsed.to_integral_value():
        raise unreadable(row, name, where, "is not a whole number")
    return int(parsed)


def choice(row: Row, name: str, where: str, known: Mapping[str, T]) -> T:
    """Return what a word stands for; an unknown word is an error."""
    word = text(row, name, where)
    if word not in known:
        raise unreadable(row, name, where, "is not known")
    return known[word]


def or_default(
    default: T,
    read: Callable[[Row, str, str], T],
    row: object,
    name: str,
    doubts: list[str] | None = None,
) -> T:
    """Return a field that nothing depends on, the default where it cannot be read.

    The reason why is added to `doubts`.
    """
    try:
        return read(object_in(row, name), name, "row")
    except UnreadableAnswer as error:
        if doubts is not None:
            doubts.append(str(error))
        return default
