"""What is wrong with a folder of recorded candles."""

from __future__ import annotations


class ReplayDataError(ValueError):
    """The folder cannot be played; the message is one line that says where and what to do."""
