"""Lists of symbols with wildcards: which symbols are watched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

PATTERN = re.compile(r"([0-9A-Z*?]|\[!?[0-9A-Z-]+\])+")


def symbol_list(text: str) -> str:
    """symbols separated by commas, with the wildcards *, ? and [A-F]"""
    names = list(dict.fromkeys(filter(None, (name.strip() for name in text.upper().split(",")))))
    if text.strip() and not names:
        raise ValueError("it names no symbol")
    wrong = [name for name in names if not PATTERN.fullmatch(name)]
    if wrong:
        raise ValueError(f"{', '.join(wrong[:5])} cannot be a symbol")
    return ",".join(names)


@dataclass(frozen=True, slots=True)
class SymbolChoice:
    """Two lists as `symbol_list` returns them. Exclusion wins; an empty `symbols` takes all."""

    symbols: str = ""
    excluded: str = ""

    def takes(self, symbol: str) -> bool:
        """Return whether a symbol is watched."""
        names = _names(self.symbols)
        return (not names or _matches(symbol, names)) and not _matches(
            symbol, _names(self.excluded)
        )

    def unlisted(self, listed: Iterable[str]) -> list[str]:
        """Return the names and patterns of either list that nothing on the exchange's list fits."""
        known = list(listed)
        return [
            name
            for name in (*_names(self.symbols), *_names(self.excluded))
            if not any(fnmatchcase(symbol, name) for symbol in known)
        ]

    def __str__(self) -> str:
        left_out = f" without {self.excluded}" if self.excluded else ""
        return f"{self.symbols or 'the whole market'}{left_out}"


def _names(text: str) -> list[str]:
    return text.split(",") if text else []


def _matches(symbol: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(symbol, name) for name in names)
