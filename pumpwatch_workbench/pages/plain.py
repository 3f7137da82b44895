"""Records and figures as values that JSON knows."""

from __future__ import annotations

import math
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from enum import Enum


def plain(value: object) -> object:
    """Return the value with money as text and without anything that JSON does not know."""
    found = value
    if isinstance(value, Decimal):
        found = format(value.normalize(), "f")
    elif isinstance(value, float) and not math.isfinite(value):
        found = None
    elif isinstance(value, Enum):
        found = value.value
    elif is_dataclass(value) and not isinstance(value, type):
        found = plain(asdict(value))
    elif isinstance(value, dict):
        found = {str(key): plain(one) for key, one in value.items()}
    elif isinstance(value, (list, tuple)):
        found = [plain(one) for one in value]
    return found
