"""The range of a setting in words, from its declaration."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

KINDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
}
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def bounds_of(field: FieldInfo) -> str:
    """Return the allowed values (`a number, above 0, at most 0.05`); empty for any text."""
    if get_origin(field.annotation) is Literal:
        choices = get_args(field.annotation)
        return "one of " + ", ".join(str(choice) or "(empty)" for choice in choices)
    parts = [KINDS[field.annotation]] if field.annotation in KINDS else []
    for name, words in BOUNDS.items():
        parts += [f"{words} {_plain(bound)}" for bound in _constraints(field, name)]
    lengths = [*_constraints(field, "min_length"), *_constraints(field, "max_length")]
    if lengths:
        parts.append(f"{lengths[0]} to {lengths[1]} characters")
    parts += [f"a text matching `{pattern}`" for pattern in _constraints(field, "pattern")]
    parts += [check.__doc__ for check in _constraints(field, "func") if check.__doc__]
    return ", ".join(parts)


def _constraints(field: FieldInfo, name: str) -> list[Any]:
    return [getattr(rule, name) for rule in field.metadata if hasattr(rule, name)]


def _plain(bound: object) -> str:
    text = f"{bound:f}" if isinstance(bound, float) else str(bound)
    return text.rstrip("0").rstrip(".") if "." in text else text
