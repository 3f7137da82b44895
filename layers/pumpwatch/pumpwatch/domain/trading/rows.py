"""A list read row by row, the exchange's or the journal's: what could be read and what not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pumpwatch.errors import InvariantBroken

Stored = TypeVar("Stored")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that could not be read: whose it is, as far as it says so, and why."""

    source: str
    """The list: `positions`, `open_orders`, `order_history`, `executions`, `journal`."""
    symbol: str
    """Empty where the row names none."""
    order_id: str
    """Our id of the order; empty where the row names none."""
    reason: str
    """Field and value, as a sentence."""

    def __str__(self) -> str:
        whose = self.symbol or "no symbol"
        return f"a row of {self.source} ({whose}) cannot be read: {self.reason}"


@dataclass(frozen=True, slots=True)
class Rows(Sequence[Item], Generic[Item]):
    """The readable rows of a list, as a sequence, beside those that were not."""

    readable: tuple[Item, ...] = ()
    unreadable: tuple[UnreadableRow, ...] = ()

    def __getitem__(self, place: Any) -> Any:
        return self.readable[place]

    def __len__(self) -> int:
        return len(self.readable)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.readable)

    def require_all(self) -> Rows[Item]:
        """Return the list itself. Raises `InvariantBroken` when a row of it could not be read."""
        if self.unreadable:
            raise InvariantBroken("; ".join(row.reason for row in self.unreadable))
        return self

    def unreadable_of(self, symbol: str) -> tuple[UnreadableRow, ...]:
        """Return the unreadable rows that are, or may be, about a symbol."""
        return tuple(row for row in self.unreadable if row.symbol in ("", symbol))


def rows_of_journal(stored: Iterable[Stored], read: Callable[[Stored], Item]) -> Rows[Item]:
    """Return what `read` makes of each stored record, beside those that it cannot read."""
    readable: list[Item] = []
    unreadable: list[UnreadableRow] = []
    for record in stored:
        try:
            readable.append(read(record))
        except InvariantBroken as error:
            unreadable.append(UnreadableRow("journal", "", "", str(error)))
    return Rows(tuple(readable), tuple(unreadable))
