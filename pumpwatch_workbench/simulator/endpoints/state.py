"""State behind every endpoint: the market, its prices and the account."""

from __future__ import annotations

from pumpwatch_workbench.simulator.endpoints.auth import Credentials
from pumpwatch_workbench.simulator.endpoints.wire.instruments import Row, instrument_row
from pumpwatch_workbench.simulator.endpoints.wire.tickers import TickerWriter
from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.engine.prices import Prices
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.market.live_market import LiveMarket
from pumpwatch_workbench.simulator.market.source import Market


class ExchangeState:
    """One market and one account, opened at `started` (market time, milliseconds UTC)."""

    def __init__(
        self, market: Market, credentials: Credentials, settings: ExchangeSettings, started: int
    ) -> None:
        self.market = LiveMarket(market)
        self.settings = settings
        self.credentials = {credentials.api_key: credentials}
        self.started = started
        self.prices = Prices(self.market, settings)
        self.engine = Engine(self.market, self.prices, settings, started)
        self.tickers = TickerWriter(self.prices)
        self.indices = {listing.symbol: n for n, listing in enumerate(market.listings)}
        self._instrument_rows: tuple[int, list[Row]] | None = None

    @property
    def instrument_rows(self) -> list[Row]:
        """Return every contract's row of instruments-info, as its filters are now."""
        version = self.market.version
        if self._instrument_rows is None or self._instrument_rows[0] != version:
            listings, limits = enumerate(self.market.listings), self.prices.limit_ratios
            rows = [instrument_row(listing, n + 1, *limits(n)) for n, listing in listings]
            self._instrument_rows = version, rows
        return self._instrument_rows[1]
