"""Time positions were open without a stop loss on the exchange."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class ProtectionWatch:
    """Measure, in market milliseconds, the longest time a position went without a stop."""

    longest: dict[str, int] = field(default_factory=dict)
    bare_since: dict[str, int] = field(default_factory=dict)

    def observe(self, symbol: str, time: int, *, bare: bool) -> None:
        """Note whether the symbol has a position without a stop from `time` on."""
        since = self.bare_since.get(symbol)
        if since is not None:
            self.longest[symbol] = max(self.longest.get(symbol, 0), time - since)
        if not bare:
            self.bare_since.pop(symbol, None)
        elif since is None:
            self.bare_since[symbol] = time
            self.longest.setdefault(symbol, 0)

    def by_symbol(self, now: int) -> dict[str, int]:
        """Return the longest bare time of every symbol that ever had one, running ones included."""
        running = {symbol: now - since for symbol, since in self.bare_since.items()}
        return {
            symbol: max(longest, running.get(symbol, 0)) for symbol, longest in self.longest.items()
        }
