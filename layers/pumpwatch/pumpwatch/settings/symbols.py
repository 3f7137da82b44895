"""Which symbols are watched, by lists with wildcards."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

PATTERN = re.compile(r"([0-9A-Z*?]|\[!?[0-9A-Z-]+\])+")


def symbol_list(text: str) -> str:
    """symbols separated by commas, with the wildcards *, ? and [A-F]"""
    names = list(dict.fromkeys(filter(None, (name.strip() for name in text.upper().split(",")))))
    wrong = [name for name in names if not PATTERN.fullmatch(name)]
    if wrong or (text.strip() and not names):
        raise ValueError(f"{', '.join(wrong[:5]) or 'a comma'} cannot be a symbol")
    return ",".join(names)


@dataclass(frozen=True, slots=True)
class SymbolChoice:
    """Lists of names and patterns. Exclusion wins; an empty `symbols` takes all."""

    symbols: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def takes(self, symbol: str) -> bool:
        """Return whether a symbol is watched."""
        wanted = not self.symbols or any(fnmatchcase(symbol, name) for name in self.symbols)
        return wanted and not any(fnmatchcase(symbol, name) for name in self.excluded)

    def unlisted(self, listed: Collection[str]) -> list[str]:
        """Return the names and patterns of both lists that nothing on the exchange's list fits."""
        names = (*self.symbols, *self.excluded)
        return [name for name in names if not any(fnmatchcase(symbol, name) for symbol in listed)]

    def __str__(self) -> str:
        without = f" without {','.join(self.excluded)}" if self.excluded else ""
        return f"{','.join(self.symbols) or 'the whole market'}{without}"
