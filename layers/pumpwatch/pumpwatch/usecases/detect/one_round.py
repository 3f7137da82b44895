"""Candles and trades asked for at once: a look costs a scan one more round of requests, not two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.errors import PumpwatchError, RetryLater
from pumpwatch.ports import MarketData


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a round of requests gave, by symbol: an error stands for what did not come."""

    candles: Mapping[str, CandleSeries | PumpwatchError]
    trades: Mapping[str, MarketTrades | PumpwatchError]


def ask(market: MarketData, requests: Sequence[CandleRequest], traded: Sequence[str]) -> Answers:
    """Return the candles of some requests and the recent trades of some symbols."""
    if not traded:
        return Answers(market.candles(requests) if requests else {}, {})
    with ThreadPoolExecutor(1) as pool:
        trades = pool.submit(recent_trades, market, traded)
        candles = market.candles(requests) if requests else {}
        return Answers(candles, trades.result())


def recent_trades(
    market: MarketData, symbols: Sequence[str]
) -> Mapping[str, MarketTrades | PumpwatchError]:
    """Return each symbol's recent trades; an exchange that does not answer is each one's error."""
    try:
        return market.recent_trades(symbols)
    except RetryLater as error:
        return dict.fromkeys(symbols, error)
