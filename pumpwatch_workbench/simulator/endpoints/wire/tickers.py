"""The body of /v5/market/tickers, fast: one template per symbol, filled from arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from pumpwatch_workbench.simulator.engine.prices import Prices, Quotes, decimals, listing_scale
from pumpwatch_workbench.simulator.market.source import FloatArray, MarketView

MINUTES_PER_HOUR = 60


class TickerWriter:
    """Write the rows of all symbols at an instant; the last instant's rows are kept."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._templates = [
            _template(
                listing.symbol,
                listing_scale(listing),
                decimals(listing.quantity_step),
                listing.funding_interval_minutes // MINUTES_PER_HOUR,
            )
            for listing in prices.market.listings
        ]
        self._periods = np.array(
            [listing.funding_interval_minutes * 60_000 for listing in prices.market.listings]
        )
        self._time: int | None = None
        self._rows: list[str | None] = []
        self._all = b""

    def all(self, time: int) -> bytes:
        """Return the rows of every trading symbol as a JSON array."""
        self._refresh(time)
        return self._all

    def chosen(self, indices: Sequence[int], time: int) -> bytes:
        """Return the rows of those symbols that are trading as a JSON array."""
        self._refresh(time)
        return _array([self._rows[index] for index in indices])

    def _refresh(self, time: int) -> None:
        if time == self._time:
            return
        view, quotes = self.prices.shown(time)
        trading = np.isfinite(view.last).tolist()
        columns = self._columns(view, quotes)
        rows = zip(self._templates, trading, zip(*columns, strict=True), strict=True)
        # The funding rate is the one column whose zeros are trimmed: it comes as text.
        self._rows = [template % row if live else None for template, live, row in rows]
        self._all, self._time = _array(self._rows), time

    def _columns(self, view: MarketView, quotes: Quotes) -> list[list[object]]:
        tick = self.prices.ticks
        last = quotes.last * tick
        before = _on_tick(view.price_24h_ago, tick, last)
        interest = np.nan_to_num(view.open_interest)
        value = interest * np.nan_to_num(view.mark)
        following = view.next_funding
        if following is None:
            following = (view.time // self._periods + 1) * self._periods
        arrays: list[FloatArray] = [
            last,
            _on_tick(view.index, tick, last),
            _on_tick(view.mark, tick, last),
            before,
            last / before - 1.0,
            _on_tick(view.high_24h, tick, last),
            _on_tick(view.low_24h, tick, last),
            _on_tick(view.price_1h_ago, tick, last),
            interest,
            value,
            interest,
            value,
            np.nan_to_num(view.turnover_24h),
            np.nan_to_num(view.volume_24h),
        ]
        columns: list[list[object]] = [array.tolist() for array in arrays]
        columns.append([trimmed_rate(rate) for rate in np.nan_to_num(view.funding_rate).tolist()])
        columns.append(following.tolist())
        for array in (
            quotes.ask_size, quotes.bid * tick, quotes.ask * tick, quotes.bid_size,
        ):  # fmt: skip
            columns.append(array.tolist())
        return columns


def _array(rows: Sequence[str | None]) -> bytes:
    return f"[{','.join(row for row in rows if row is not None)}]".encode()


@lru_cache(maxsize=8_192)
def trimmed_rate(rate: float) -> str:
    """Return a funding rate with at most eight decimals and no trailing zeros."""
    text = f"{rate:.8f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _on_tick(prices: FloatArray, tick: FloatArray, fallback: FloatArray) -> FloatArray:
    rounded: FloatArray = np.maximum(np.round(prices / tick), 1.0) * tick
    return np.where(np.isfinite(prices), rounded, fallback)


def _template(symbol: str, scale: int, size_scale: int, funding_hours: int) -> str:
    price, size = f'"%.{scale}f"', f'"%.{size_scale}f"'
    fields = {
        "symbol": f'"{symbol}"',
        "lastPrice": price,
        "indexPrice": price,
        "markPrice": price,
        "prevPrice24h": price,
        "price24hPcnt": '"%.6f"',
        "highPrice24h": price,
        "lowPrice24h": price,
        "prevPrice1h": price,
        "openInterest": size,
        "openInterestValue": '"%.2f"',
        "singleOpenInterest": size,
        "singleOpenInterestValue": '"%.2f"',
        "turnover24h": '"%.4f"',
        "volume24h": '"%.4f"',
        "fundingRate": '"%s"',
        "nextFundingTime": '"%d"',
        "predictedDeliveryPrice": '""',
        "basisRate": '""',
        "deliveryFeeRate": '""',
        "deliveryTime": '"0"',
        "ask1Size": size,
        "bid1Price": price,
        "ask1Price": price,
        "bid1Size": size,
        "basis": '""',
        "preOpenPrice": '""',
        "preQty": '""',
        "curPreListingPhase": '""',
        "fundingIntervalHour": f'"{funding_hours}"',
        "basisRateYear": '""',
        "fundingCap": '"0.02"',
    }
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
