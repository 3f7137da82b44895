"""The exchange's health: requests, and those that failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Requests to the exchange in the last minutes, and how many of them failed on its side."""

    requests: int = 0
    failures: int = 0
