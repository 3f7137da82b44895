"""The right to act alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Lease:
    """The right to act alone. `token` grows with every new lease (fencing)."""

    name: str
    owner: str
    token: int
    mark: str = ""
    """A note for the next holder, as the last release left it; change it to leave another."""
