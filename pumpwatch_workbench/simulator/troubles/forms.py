"""Read what a control call asks for: what faults and incidents have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

LARGEST = 10**12
Schedule = TypeVar("Schedule")
Reader = Callable[[str, Any], object]
"""Takes a field's name and JSON value, and returns what it means. Raises TroubleError."""


class TroubleError(ValueError):
    """A fault or incident is described wrongly or cannot happen now; the text says why."""


def read_fields(
    noun: str, row: Mapping[str, object], readers: Mapping[str, Reader]
) -> dict[str, Any]:
    """Return the fields of a JSON object, each read by its reader."""
    unknown = row.keys() - readers.keys()
    if unknown:
        raise TroubleError(f"{noun} has no field {', '.join(sorted(map(str, unknown)))}")
    return {name: readers[name](name, value) for name, value in row.items()}


def read_schedule(document: Mapping[str, object], schedule: Callable[..., Schedule]) -> Schedule:
    """Return the schedule that `seed`, `rate` and `kinds` of a document describe."""
    seed = whole("seed", document["seed"], least=-LARGEST)
    options = {name: document[name] for name in ("rate", "kinds") if name in document}
    return schedule(seed, **options)


def whole(name: str, value: object, *, least: int = 0, most: int = LARGEST) -> int:
    """Return a whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        span = f"from {least}" if most == LARGEST else f"from {least} to {most}"
        raise TroubleError(f"{name} must be a whole number {span}, not {value!r}")
    return value


def number(name: str, value: object) -> Decimal | None:
    """Return a finite decimal, written as a number or a text; null is None."""
    if value is None:
        return None
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        read = Decimal("NaN")
    if isinstance(value, bool) or not read.is_finite():
        raise TroubleError(f"{name} must be a number, not {value!r}")
    return read


def text(name: str, value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TroubleError(f"{name} must be a text, not {value!r}")
    return value


def flag(name: str, value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise TroubleError(f"{name} must be true or false, not {value!r}")
    return value
