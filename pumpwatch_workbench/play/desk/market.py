"""Market data for a desk, with the strongest movers of what it watches."""

from __future__ import annotations

from itertools import islice

import numpy as np

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.play.views.view import Mover

MOVERS = 10
DAY_SECONDS = 86_400
ENOUGH_LOOKS = 3
SHORTEST_LOOK = 50_000
"""Milliseconds between two looks whose prices are compared."""


class WatchedMarket(BybitMarketData):
    """The market that detection sees; detection itself chooses its symbols.

    `movers` are the symbols that moved most between the last two looks, the strongest first.
    """

    def __init__(self, session: BybitSession, settings: DetectSettings) -> None:
        super().__init__(session, parallel_requests=settings.parallel_requests)
        self._choice = settings.symbol_choice
        self._before: dict[str, float] = {}
        self._looked = 0
        self._looks: list[MarketSnapshot] = []
        """The last looks that were compared, and the newest of all."""
        self.watched = 0
        """Contracts that were watched when this was checked."""
        self.movers: tuple[Mover, ...] = ()

    def check(self) -> None:
        """Raise `BadInput` when the exchange lists nothing by a name or pattern of the settings."""
        listed = self.watchlist()
        self.watched = sum(map(self._choice.takes, listed))
        if unlisted := self._choice.unlisted(listed):
            raise BadInput(
                f"the symbols name {', '.join(unlisted[:5])}, which the exchange does not trade as"
                " a USDT perpetual: look the name up there"
            )

    def flow_words(self, symbol: str) -> str:
        """Return a symbol's turnover of the last minute or two, against its mean of 24 hours."""
        if len(self._looks) < ENOUGH_LOOKS:
            return ""
        looks = (self._looks[0], self._looks[-1])
        totals = [dict(zip(look.symbols, look.turnover_24h, strict=True)) for look in looks]
        before, now = (float(total.get(symbol, 0.0)) for total in totals)
        seconds = (looks[1].time - looks[0].time) / 1000
        usual = max(before, 1.0) * seconds / DAY_SECONDS
        flow = max(0.0, now - before) + usual  # what fell out of the 24 hours is taken for the mean
        return f"{flow:,.0f} USDT in {seconds:.0f} s, {flow / usual:,.1f} times its usual turnover"

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        seen = super().snapshot(symbol)
        if not symbol:
            self._compare(seen)
            self._looks[-1] = seen
        return seen

    def _compare(self, seen: MarketSnapshot) -> None:
        if seen.time - self._looked < SHORTEST_LOOK:
            return
        if seen.time - self._looked < 2 * MINUTE:
            before = np.array([self._before.get(symbol, np.nan) for symbol in seen.symbols])
            change = np.where(before > 0, seen.last_price / before - 1.0, 0.0)
            order = np.argsort(-np.abs(change), kind="stable").tolist()
            watched = (row for row in order if self._choice.takes(seen.symbols[row]))
            self.movers = tuple(
                Mover(seen.symbols[row], float(change[row]), float(seen.turnover_24h[row]))
                for row in islice(watched, MOVERS)
            )
        self._before = dict(zip(seen.symbols, seen.last_price.tolist(), strict=True))
        self._looked = seen.time
        self._looks = [*self._looks[-2:-1], seen, seen]
