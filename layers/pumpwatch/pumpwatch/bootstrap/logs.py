"""The functions' structured log: JSON lines from the handlers and from the library's modules."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from aws_lambda_powertools import Logger

__all__ = ["structured_logger"]


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
