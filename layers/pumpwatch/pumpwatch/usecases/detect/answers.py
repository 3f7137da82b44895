"""Answers of the market by symbol, in which an error stands for what did not come.

Candles and trades are asked for at once: a look costs a scan one more round of requests, not two.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.errors import PumpwatchError, RetryLater, StopTrading
from pumpwatch.ports import MarketData

from .report import DetectReport

logger = logging.getLogger(__name__)

CandleAnswers = Mapping[str, CandleSeries | PumpwatchError]
Answer = TypeVar("Answer")


def good_answers(
    answers: Mapping[str, Answer | PumpwatchError], report: DetectReport, consequence: str
) -> dict[str, Answer]:
    """Return the answers that came; the others are logged, and counted where they are impossible.

    `consequence` is what follows from an error, for the log. Raises the `StopTrading` error among
    the answers, if there is one.
    """
    good: dict[str, Answer] = {}
    for symbol, answer in answers.items():
        if isinstance(answer, StopTrading):
            raise answer
        if isinstance(answer, PumpwatchError):
            report.bad_candles += not isinstance(answer, RetryLater)
            logger.warning(consequence, extra={"symbol": symbol, "reason": str(answer)})
        else:
            good[symbol] = answer
    return good


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a round of requests gave, by symbol: an error stands for what did not come."""

    candles: CandleAnswers
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
