"""Market data for a desk, with the prices of what it watches."""

from __future__ import annotations

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.play.views.looks import Looks


class WatchedMarket(BybitMarketData):
    """The market that detection sees; detection itself chooses its symbols."""

    def __init__(self, session: BybitSession, settings: DetectSettings) -> None:
        super().__init__(session, parallel_requests=settings.parallel_requests)
        self._choice = settings.symbol_choice
        self.looks = Looks(takes=self._choice.takes)
        self.watched = 0
        """Contracts that were watched when this was checked."""

    def check(self) -> None:
        """Raise `BadInput` when the exchange lists nothing by a name or pattern of the settings."""
        listed = self.watchlist()
        self.watched = sum(map(self._choice.takes, listed))
        if unlisted := self._choice.unlisted(listed):
            raise BadInput(
                f"the symbols name {', '.join(unlisted[:5])}, which the exchange does not trade as"
                " a USDT perpetual: look the name up there"
            )

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        seen = super().snapshot(symbol)
        if not symbol:
            self.looks.add(seen.time, seen.symbols, seen.last_price, seen.turnover_24h)
        return seen
