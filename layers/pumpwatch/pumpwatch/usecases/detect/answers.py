"""Answers of the market by symbol, in which an error stands for what did not come."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TypeVar

from pumpwatch.errors import PumpwatchError, RetryLater, StopTrading

from .report import DetectReport

logger = logging.getLogger(__name__)

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
