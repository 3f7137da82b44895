"""One start of paper trading: the file, the messages, the metrics, the loop, and a clean end."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from pumpwatch.errors import PumpwatchError, RetryLater
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.play.desk.desk import PaperDesk
from pumpwatch_workbench.play.desk.endpoint import ShownMetrics, metrics_endpoint
from pumpwatch_workbench.play.desk.loop import PaperLoop, Tally
from pumpwatch_workbench.play.desk.options import STAGE, PaperOptions
from pumpwatch_workbench.play.desk.pace import ExchangePace, Pace
from pumpwatch_workbench.play.desk.slack import SlackMessages
from pumpwatch_workbench.play.views.view import RunView
from pumpwatch_workbench.processes import relax_collector


class NoNetwork(PumpwatchError):
    """The exchange cannot be reached. Connect, and start again: nothing was lost."""


def play(
    options: PaperOptions,
    view: RunView,
    stop: threading.Event,
    pace_of: Callable[[PaperDesk], Pace] | None = None,
) -> Tally:
    """Trade on paper until the time is over or `stop` is set; return what was done.

    `pace_of` replaces the wall clock, for markets whose time is stepped. Raises `BadInput` for
    what cannot be opened, `NoNetwork`, `InvariantBroken`.
    """
    with ExitStack() as stack:
        database = Database(options.store)
        stack.callback(database.close)
        metrics = None
        if options.metrics_port is not None:
            metrics = ShownMetrics(STAGE)
            url = stack.enter_context(metrics_endpoint(metrics, options.metrics_port))
            view.note(f"Metrics for Prometheus: {url}")
        slack = None
        if options.webhook:
            slack = stack.enter_context(SlackMessages(options.webhook, complain=view.note))
        wait = stop.wait if pace_of is None else time.sleep
        desk = PaperDesk(options, database, metrics, wait=lambda seconds: (wait(seconds), None)[1])
        stack.callback(desk.close)
        stack.enter_context(_warnings_shown(view))
        _resume_or_say(options, desk, view)
        relax_collector()
        pace = ExchangePace(desk.session, stop) if pace_of is None else pace_of(desk)
        loop = PaperLoop(options, desk, view, slack, pace)
        try:
            return loop.play()
        except RetryLater as error:
            raise NoNetwork(
                f"{options.trade.bybit_base_url} cannot be reached ({error}): is there a network?"
            ) from None


def _resume_or_say(options: PaperOptions, desk: PaperDesk, view: RunView) -> None:
    halt = desk.halts.current()
    if halt is None:
        return
    if options.resume:
        desk.halts.resume(by="pumpwatch paper --resume", time=time.time_ns() // 1_000_000)
        view.note(f"The halt is lifted ({halt.reason})")
    else:
        view.note(
            f"Halted by {halt.by}: {halt.reason}. Nothing is opened until you start with --resume,"
            f" or until pumpwatch resume --store {options.store}"
        )


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Let the first Ctrl-C (or termination) finish the tick at hand; a second one ends at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _ViewHandler(logging.Handler):
    """Shows the library's warnings where the run is watched, the same one not twice in a row."""

    def __init__(self, view: RunView) -> None:
        super().__init__(logging.WARNING)
        self._view = view
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        reason = getattr(record, "reason", "")
        text = f"{record.getMessage()}: {reason}" if reason else record.getMessage()
        if text != self._last:
            self._last = text
            self._view.note(text)


@contextmanager
def _warnings_shown(view: RunView) -> Iterator[None]:
    """Keep the log off the screen, on which something may be drawn."""
    library, handler = logging.getLogger("pumpwatch"), _ViewHandler(view)
    propagated = library.propagate
    library.addHandler(handler)
    library.propagate = False
    try:
        yield
    finally:
        library.removeHandler(handler)
        library.propagate = propagated
