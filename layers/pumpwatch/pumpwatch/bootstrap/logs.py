"""The functions' structured log: JSON lines from the handlers and from the library's modules."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

from aws_lambda_powertools import Logger

if TYPE_CHECKING:
    from pumpwatch.usecases.trade.report import TradeReport

ROUTINE = "opened", "closed", "dropped", "denied", "waiting", "stop_seen", "locked", "lock"
"""Happenings and reasons that nobody must act on. All others are warnings, also a kind that is
new: a log of warnings alone then holds everything that is a person's business."""


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Write to standard output as it is at that moment."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def structured_logger() -> Logger:
    """Return the function's logger and send the library's own log the same way.

    Service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL.
    """
    logger = Logger(logger_handler=_StandardOutput(), utc=True)
    library = logging.getLogger("pumpwatch")
    library.handlers[:] = logger.handlers
    library.setLevel(logger.log_level)
    # Lambda's own handler at the root would write every line a second time.
    library.propagate = False
    return logger


def log_trade_report(logger: Logger, report: TradeReport) -> None:
    """Write a line for each thing that happened in a run, and for each reason to open nothing."""
    lines = [(event.kind, event.symbol, event.signal_id, event.text) for event in report.happenings]
    lines += [(reason, "", "", f"no entries: {text}") for reason, text in report.blocked.items()]
    for kind, symbol, signal_id, text in lines:
        write = logger.info if kind in ROUTINE else logger.warning
        write(text, extra={"kind": kind, "symbol": symbol, "signal_id": signal_id})
