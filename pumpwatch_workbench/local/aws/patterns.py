"""Event patterns of a stream's filter, as far as the template uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UnsupportedPattern(Exception):
    """The template's filter uses a comparison that the local stack does not know."""


ABSENT = object()


def matches(pattern: Mapping[str, Any], record: object) -> bool:
    """Return whether a record passes: each name must have one of the values listed for it.

    Known are exact texts, numbers, booleans and null, and `prefix`, `exists` and `anything-but`.
    """
    for name, wanted in pattern.items():
        value = record.get(name, ABSENT) if isinstance(record, Mapping) else ABSENT
        if isinstance(wanted, Mapping):
            if not matches(wanted, value):
                return False
        elif isinstance(wanted, list):
            if not any(_accepts(one, value) for one in wanted):
                return False
        else:
            raise UnsupportedPattern(f"the values for {name!r} must be a list, not {wanted!r}")
    return True


def _accepts(wanted: object, value: object) -> bool:
    if not isinstance(wanted, Mapping):
        return value is not ABSENT and type(wanted) is type(value) and wanted == value
    if len(wanted) != 1:
        raise UnsupportedPattern(f"one comparison at a time, not {wanted!r}")
    ((comparison, operand),) = wanted.items()
    if comparison == "prefix":
        return isinstance(value, str) and value.startswith(str(operand))
    if comparison == "exists":
        return (value is not ABSENT) is bool(operand)
    if comparison == "anything-but":
        refused = operand if isinstance(operand, list) else [operand]
        return value is not ABSENT and value not in refused
    raise UnsupportedPattern(f"comparison {comparison!r} is not known to the local stack")
