"""Messages about events, fills, and pauses of entries."""

from __future__ import annotations

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.play.paper.slack import SlackMessages
from pumpwatch_workbench.play.views.view import signal_words, trade_words


class News:
    """Turns what happened into lines for Slack; without it, into nothing."""

    def __init__(self, slack: SlackMessages | None) -> None:
        self._slack = slack

    @property
    def raised(self) -> int:
        """Return the lines so far."""
        return self._slack.counts.raised if self._slack else 0

    @property
    def delivered(self) -> int:
        """Return the lines that Slack took."""
        return self._slack.counts.delivered if self._slack else 0

    def signal(self, signal: Signal) -> None:
        """Say that an event changed its phase."""
        self._say(f"Pump: {signal_words(signal)}")

    def trade(self, trade: Trade) -> None:
        """Say that a paper order was filled."""
        self._say(f"Paper fill: {trade_words(trade)}")

    def blocked(self, line: str) -> None:
        """Say that entries stopped, or are allowed again."""
        self._say(line)

    def _say(self, line: str) -> None:
        if self._slack is not None:
            self._slack.say(line)
