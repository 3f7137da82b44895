"""Market data for a desk, with the prices of what it watches."""

from __future__ import annotations

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.play.views.looks import Looks

DAY_SECONDS = 86_400


class WatchedMarket(BybitMarketData):
    """The market that detection sees; detection itself chooses its symbols.

    `looks` keep its prices.
    """

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

    def flow_words(self, symbol: str) -> str:
        """Return a symbol's turnover of about the last minute, against its mean of 24 hours."""
        seen = self.looks.turnovers(symbol)
        if seen[-1:] == seen[:1]:
            return ""
        seconds, before, now = (seen[-1][0] - seen[0][0]) / 1000, seen[0][1], seen[-1][1]
        usual = max(before, 1.0) * seconds / DAY_SECONDS
        flow = max(0.0, now - before) + usual  # what fell out of the 24 hours is taken for the mean
        return f"{flow:,.0f} USDT in {seconds:.0f} s, {flow / usual:,.1f} times its usual turnover"

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        seen = super().snapshot(symbol)
        if not symbol:
            self.looks.add(seen.time, seen.symbols, seen.last_price, seen.turnover_24h)
        return seen
