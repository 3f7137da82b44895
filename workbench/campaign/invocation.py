"""One invocation of a world: what it was started with, and what it has been shown so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from pumpwatch.domain.market import OrderBook

from .plan import Trouble

__all__ = ["Run"]


@dataclass(slots=True)
class Run:
    """One invocation. Times in milliseconds UTC."""

    name: str
    started: int
    troubles: list[Trouble]
    scheduled: int = 0
    """When it was to start."""
    connected: int = 0
    """When its instance was made: what a key may do is asked then, and once an hour."""
    calls: int = 0
    dead: bool = False
    undead: bool = False
    """A zombie: its time limit does not kill it."""
    forbidden: bool = False
    doubt: str = ""
    """Why its clock is not sure of the time."""
    frozen: bool = False
    """Whether its clock stands still."""
    token: int = 0
    """Of the lease it holds or held."""
    books: dict[str, OrderBook] = field(default_factory=dict)
    """The last book it was shown, by symbol."""
    market_seen: int = 0
    """The stamp of the last snapshot it was shown."""
    funding: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Rate and time of the next funding it was shown last, by symbol."""
