"""What is worth a message: events, fills, and when entries stop."""

from __future__ import annotations

from pumpwatch.domain.signals import Signal
from pumpwatch.domain.trades import Trade
from pumpwatch.usecases.trade_report import TradeReport
from workbench.paper.slack import SlackMessages
from workbench.run.view import signal_words, trade_words

__all__ = ["News"]


class News:
    """Turns what happened into lines for Slack; without it, into nothing."""

    def __init__(self, slack: SlackMessages | None) -> None:
        self._slack = slack
        self._blocked: frozenset[str] = frozenset()

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

    def blocked(self, report: TradeReport) -> None:
        """Say why nothing is opened any more, once, and when that is over."""
        reasons = {name: text for name, text in report.blocked.items() if name in ("halt", "lock")}
        for name in sorted(reasons.keys() - self._blocked):
            self._say(f"Entries stopped: {reasons[name]}")
        if self._blocked and not reasons:
            self._say("Entries are allowed again")
        self._blocked = frozenset(reasons)

    def _say(self, line: str) -> None:
        if self._slack is not None:
            self._slack.say(line)
