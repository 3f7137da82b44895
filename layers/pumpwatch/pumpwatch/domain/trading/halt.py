"""What people ask of trading: the halt, and single trades to close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Halt:
    """Entries are stopped until a person resumes."""

    reason: str
    since: int
    by: str = ""
    close_positions: bool = False
    """Trade must also close its own positions at market."""


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """A person's request to close one trade at market, in every run until it is closed."""

    signal_id: str
    time: int
    """Milliseconds UTC."""
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Instructions:
    """Everything that people ask of trading at a time."""

    halt: Halt | None = None
    to_close: Mapping[str, CloseRequest] = field(default_factory=dict)
    """Requests by signal id, so that none closes a later trade in the same symbol."""
