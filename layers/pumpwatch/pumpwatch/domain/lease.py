"""The right to act alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act alone. `token` grows with every new lease (fencing)."""

    name: str
    owner: str
    token: int
