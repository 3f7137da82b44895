"""The flag that stops entries until a person resumes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Halt:
    """Entries are stopped until a person resumes."""

    reason: str
    since: int
    by: str = ""
    close_positions: bool = False
    """Trade must also close its own positions at market."""
