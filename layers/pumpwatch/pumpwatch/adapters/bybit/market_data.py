"""Bybit's public side (MarketData port)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TypeVar

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.errors import (
    BadMarketData,
    ExchangeUnavailable,
    PumpwatchError,
    StopTrading,
    UnknownSymbol,
)
from pumpwatch.ports import MarketData

from . import endpoints
from .answers import Answer
from .candles import INTERVALS, PAGE, join_series, pages, read_candles
from .fields import price
from .instruments import is_tradable, is_watched, read_instrument, symbol_type
from .lists import all_rows
from .market_trades import LIMIT, read_market_trades
from .refusals import BAD_PARAMETER
from .session import BybitSession
from .tickers import read_snapshot, symbol_of

logger = logging.getLogger(__name__)

INSTRUMENT_PAGE = 1000
BOOK_DEPTH = 50
LEVEL = 2

Level = tuple[Decimal, Decimal]
Wanted = TypeVar("Wanted")
Outcome = TypeVar("Outcome")


class BybitMarketData(MarketData):
    """Linear USDT perpetuals. `parallel_requests` threads fetch candles and trades."""

    def __init__(self, session: BybitSession, *, parallel_requests: int = 1) -> None:
        self._session = session
        self._parallel = parallel_requests

    def time(self) -> int:
        return self._session.time()

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        if not symbol:
            answer = self._session.call(endpoints.TICKERS, category="linear")
            return read_snapshot(answer.result, time=answer.time)
        try:
            answer = self._ask_about(symbol, endpoints.TICKERS)
        except UnknownSymbol:
            return read_snapshot({"list": []}, time=self._session.latest_time or 0)
        snapshot = read_snapshot(answer.result, time=answer.time)
        if set(snapshot.symbols) - {symbol}:
            raise BadMarketData(f"{symbol}: the ticker is about another symbol")
        return snapshot

    def watchlist(self) -> Mapping[str, str]:
        rows = list(self._contracts())
        named = [row for row in rows if isinstance(row, dict) and symbol_of(row)]
        if len(named) < len(rows):
            logger.warning("rows without a contract", extra={"rows": len(rows) - len(named)})
        return {row["symbol"]: symbol_type(row) for row in named if is_watched(row)}

    def instruments(self) -> Mapping[str, Instrument]:
        contracts: dict[str, Instrument] = {}
        for row in self._contracts():
            try:
                if isinstance(row, dict) and is_tradable(row):
                    contracts[row["symbol"]] = read_instrument(row)
            except ExchangeUnavailable as error:
                logger.warning("contract left out", extra={"reason": str(error)})
        return contracts

    def _contracts(self) -> Iterator[object]:
        return all_rows(self._session, endpoints.INSTRUMENTS, limit=INSTRUMENT_PAGE)

    def candles(
        self, requests: Sequence[CandleRequest]
    ) -> Mapping[str, CandleSeries | PumpwatchError]:
        if len({request.symbol for request in requests}) < len(requests):
            raise ValueError("a symbol was asked for twice in one batch of candles")
        unknown = {request.interval for request in requests} - INTERVALS.keys()
        if unknown:
            raise ValueError(f"no candles of {sorted(unknown)} milliseconds")
        outcomes = self._each(self._series, requests)
        return {
            request.symbol: outcome for request, outcome in zip(requests, outcomes, strict=True)
        }

    def recent_trades(self, symbols: Sequence[str]) -> Mapping[str, MarketTrades | PumpwatchError]:
        return dict(zip(symbols, self._each(self._trades, symbols), strict=True))

    def order_book(self, symbol: str) -> OrderBook:
        answer = self._ask_about(symbol, endpoints.ORDER_BOOK, limit=BOOK_DEPTH)
        result = answer.result
        if not isinstance(result, dict) or result.get("s") != symbol:
            raise BadMarketData(f"{symbol}: the book answer is about another symbol, or malformed")
        bids = _levels(result.get("b"), symbol, rising=False)
        asks = _levels(result.get("a"), symbol, rising=True)
        if bids and asks and bids[0][0] >= asks[0][0]:
            raise BadMarketData(f"{symbol}: the book is crossed")
        return OrderBook(symbol, answer.time, bids, asks)

    def _each(
        self, ask: Callable[[Wanted], Outcome | PumpwatchError], wanted: Sequence[Wanted]
    ) -> list[Outcome | PumpwatchError]:
        """Return what each of several requests gave, in order; raise a `StopTrading` error."""
        if self._parallel == 1 or len(wanted) <= 1:
            outcomes = [ask(request) for request in wanted]
        else:
            with ThreadPoolExecutor(min(self._parallel, len(wanted))) as pool:
                outcomes = list(pool.map(ask, wanted))
        for outcome in outcomes:
            if isinstance(outcome, StopTrading):
                raise outcome
        return outcomes

    def _trades(self, symbol: str) -> MarketTrades | PumpwatchError:
        try:
            answer = self._ask_about(symbol, endpoints.RECENT_TRADES, limit=LIMIT)
            return read_market_trades(answer.result, symbol)
        except PumpwatchError as error:
            return error

    def _series(self, request: CandleRequest) -> CandleSeries | PumpwatchError:
        try:
            return join_series([self._page(page) for page in pages(request)], request)
        except PumpwatchError as error:
            return error

    def _page(self, page: CandleRequest) -> CandleSeries:
        answer = self._ask_about(
            page.symbol,
            endpoints.KLINE,
            interval=INTERVALS[page.interval],
            start=page.start,
            end=page.end,
            limit=PAGE,
        )
        return read_candles(answer.result, page, time=answer.time)

    def _ask_about(self, symbol: str, endpoint: endpoints.Endpoint, **parameters: object) -> Answer:
        try:
            return self._session.call(endpoint, category="linear", symbol=symbol, **parameters)
        except ExchangeUnavailable as error:
            if error.code != BAD_PARAMETER:
                raise
            reason = str(error)
        raise UnknownSymbol(f"{symbol}: {reason}")


def _levels(value: object, symbol: str, *, rising: bool) -> tuple[Level, ...]:
    """Return one side of the book, best first, up to the first level that cannot be true.

    What lies behind such a level is not known, so it counts as no depth; of two levels in the wrong
    order either may be wrong. Raises `BadMarketData` when the side or its best level cannot be
    read.
    """
    if not isinstance(value, list):
        raise BadMarketData(f"{symbol}: a side of the book is missing")
    levels: list[Level] = []
    for row in value:
        level = _level(row)
        if level is None:
            break
        if levels and (level[0] == levels[-1][0] or (level[0] > levels[-1][0]) != rising):
            del levels[-1]
            break
        levels.append(level)
    if value and not levels:
        raise BadMarketData(f"{symbol}: the best level of the book is malformed or out of order")
    return tuple(levels)


def _level(row: object) -> Level | None:
    if not isinstance(row, list) or len(row) < LEVEL:
        return None
    try:
        return price({"0": row[0]}, "0", "book"), price({"1": row[1]}, "1", "book")
    except ExchangeUnavailable:
        return None
