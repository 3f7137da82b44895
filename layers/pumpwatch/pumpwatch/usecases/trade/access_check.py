"""The check of the exchange's key, before anything is opened with it and then once an hour."""

from __future__ import annotations

from concurrent.futures import Future

from pumpwatch.domain.moments import HOUR
from pumpwatch.domain.trading.access import Access, refusals, warnings
from pumpwatch.errors import RetryLater, UnreadableAnswer

from .run import Run


class AccessCheck:
    """Ask what the key may do; entries are blocked until that is known and good; not in paper mode.

    The question goes out with the run's other reads and costs no round trip of its own.
    """

    def __init__(self) -> None:
        self._known: Access | None = None
        self._asked = 0

    def start(self, run: Run) -> Future[Access] | None:
        """Ask, when it is due; `judge` takes the answer."""
        is_known = self._known is not None and run.now() - self._asked < HOUR
        if not run.settings.uses_account or is_known:
            return None
        return run.ports.start(run.ports.broker.access)

    def judge(self, run: Run, asked: Future[Access] | None) -> None:
        """Block entries when the key must not be used; warn of what a person should mend soon."""
        if not run.settings.uses_account:
            return
        now, report, settings = run.now(), run.report, run.settings
        if asked is not None:
            try:
                self._known, self._asked = asked.result(), now
            except RetryLater as error:
                if isinstance(error, UnreadableAnswer):
                    report.unreadable["key"] += 1
                run.problem(f"the key could not be checked: {error}")
        if self._known is None:
            report.block("access", "what the key may do is not known yet")
            return
        report.key_expires = self._known.expires
        confirmation = settings.live_trading_confirmation
        for reason in refusals(self._known, mode=settings.trading_mode, confirmation=confirmation):
            report.block("access", reason)
            run.problem(f"no entries: {reason}")
        for warning in warnings(self._known, now=now) if asked is not None else ():
            report.note("warning", warning, time=now)
