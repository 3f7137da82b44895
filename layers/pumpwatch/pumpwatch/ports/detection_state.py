"""What detection keeps: signals, events, and the candle history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pumpwatch.domain.detection.signals import PumpEvent, Signal
    from pumpwatch.domain.market.candles import Candles

__all__ = ["EventStore", "HistoryStore", "SignalStore"]


class SignalStore(Protocol):
    """Signals from detection to trading."""

    def publish(self, signal: Signal) -> bool:
        """Store the signal; return False when it was there already (nothing is changed then)."""

    def since(self, time: int) -> Sequence[Signal]:
        """Return the signals with `signal.time >= time`, oldest first."""


class EventStore(Protocol):
    """Pump events that are not over, and those that cool down."""

    def current(self) -> Sequence[PumpEvent]:
        """Return the latest event of every symbol that has one and is not re-armed yet."""

    def save(self, event: PumpEvent) -> None:
        """Store the event, replacing the symbol's former one."""

    def remove(self, event: PumpEvent) -> None:
        """Forget the event: its symbol can alarm again."""


class HistoryStore(Protocol):
    """The cache of candle history and detection state. It can be lost: everything is rebuilt."""

    def load_state(self, name: str) -> Mapping[str, object] | None:
        """Return the arrays saved last, or None (absent, unreadable or older format).

        Values are numpy arrays (numeric or fixed-width text).
        """

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state."""

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        """Return a slice of the candle history, or None (absent, unreadable or older format)."""

    def save_slice(self, number: int, candles: Candles) -> None:
        """Replace a slice of the candle history."""
