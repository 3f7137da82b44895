"""The range of a setting in words, from its declaration."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

KINDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
}


def bounds_of(field: FieldInfo) -> str:
    """Return the allowed values (`a number, above 0, at most 0.05`); empty for any text."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(str(rule) or "(empty)" for rule in get_args(field.annotation))
    known = {type(rule): rule for rule in field.metadata}
    parts = []
    if Ge in known:
        parts.append(f"at least {_plain(known[Ge].ge)}")
    if Gt in known:
        parts.append(f"above {_plain(known[Gt].gt)}")
    if Le in known:
        parts.append(f"at most {_plain(known[Le].le)}")
    if Lt in known:
        parts.append(f"below {_plain(known[Lt].lt)}")
    if MinLen in known and MaxLen in known:
        parts.append(f"{known[MinLen].min_length} to {known[MaxLen].max_length} characters")
    parts += [
        f"a text matching `{rule.pattern}`" for rule in field.metadata if hasattr(rule, "pattern")
    ]
    parts += [
        rule.func.__doc__
        for rule in field.metadata
        if hasattr(rule, "func") and rule.func.__doc__ is not None
    ]
    if field.annotation in KINDS:
        parts.insert(0, KINDS[field.annotation])
    return ", ".join(parts)


def _plain(bound: object) -> str:
    """Return a bound as a person writes it."""
    text = f"{bound:f}" if isinstance(bound, float) else str(bound)
    return text.rstrip("0").rstrip(".") if "." in text else text
