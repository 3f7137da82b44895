"""One start of a desk: the file, the account, the messages, the metrics, the loop, a clean end."""

from __future__ import annotations

import _thread
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import FrameType

from pumpwatch.bootstrap.trade import MOST_READS
from pumpwatch.errors import BadCredentials, BadInput, PumpwatchError, RetryLater
from pumpwatch.ports import Secrets
from pumpwatch_workbench.dashboard.serve import page_on
from pumpwatch_workbench.dashboard.sources import StoreSource
from pumpwatch_workbench.local.keys import key_source
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.play.desk.account import traded_alone
from pumpwatch_workbench.play.desk.desk import Desk, claim
from pumpwatch_workbench.play.desk.endpoint import Health, ShownMetrics, metrics_endpoint
from pumpwatch_workbench.play.desk.loop import DeskLoop
from pumpwatch_workbench.play.desk.options import DeskOptions
from pumpwatch_workbench.play.desk.pace import Pace
from pumpwatch_workbench.play.desk.telling import Tally, Teller
from pumpwatch_workbench.play.messages.messenger import Messenger, messengers_from
from pumpwatch_workbench.play.messages.told import Messages
from pumpwatch_workbench.play.views.view import RunView
from pumpwatch_workbench.processes import relax_collector

REPEAT_SECONDS = 600.0
"""Time for which the same warning is not shown again."""


class NoNetwork(PumpwatchError):
    """The exchange cannot be reached. Connect, and start again: nothing was lost."""


def play(
    options: DeskOptions,
    view: RunView,
    stop: threading.Event,
    pace_of: Callable[[Desk], Pace] | None = None,
) -> Tally:
    """Trade until the time is over or `stop` is set; return what was done.

    `pace_of` replaces the clocks, for markets whose time is stepped. Raises `BadInput` for what
    cannot be opened or used, `NoNetwork`, a ban.
    """
    teller = Teller(view)

    def wait(seconds: float) -> None:
        stop.wait(seconds)

    with ExitStack() as stack:
        stack.enter_context(_warnings_shown(teller))
        for warning in options.warnings:
            teller.note(warning)
        secrets = _secrets(options)
        database = Database(options.store)
        stack.callback(database.close)
        trade = options.trade
        claim(database, mode=options.mode, stage=trade.stage, base_url=trade.bybit_base_url)
        executor = _alone(options, secrets, stack)
        health, port = Health(), options.desk.metrics_port
        metrics = None if port < 0 else ShownMetrics(trade.stage)
        desk = Desk(options, database, metrics, secrets, executor, wait)
        stack.callback(desk.close)
        teller.holds_trades = desk.holds_trades
        asked = options.desk
        if metrics is not None:
            with _unless_trades_are_open(teller):
                endpoint = metrics_endpoint(metrics, health, port, asked.metrics_address)
                teller.note(f"Metrics for Prometheus: {stack.enter_context(endpoint)}")
        if asked.web_port >= 0:
            with _unless_trades_are_open(teller):
                source = StoreSource(options.store, desk.market.looks.prices)
                page = page_on(source, asked.web_port, asked.web_address, asked.web_token_env)
                teller.note(f"Live page: {stack.enter_context(page)}")
        messengers: tuple[Messenger, ...] = ()
        with _unless_trades_are_open(teller):
            messengers = messengers_from(asked.notify_env, os.environ)
        stage = trade.stage if trade.stage == options.mode else f"{trade.stage} · {options.mode}"
        told = Messages(view, messengers, stage, desk)
        teller.view, teller.take_message_counts = stack.enter_context(told), told.take_counts
        _say_if_halted(options, desk, teller)
        pace = Pace(desk.time, stop) if pace_of is None else pace_of(desk)
        teller.now = pace.now
        relax_collector()
        try:
            return DeskLoop(options, desk, teller, pace, health).play()
        except RetryLater as error:
            raise NoNetwork(
                f"{options.trade.bybit_base_url} cannot be reached ({error}): is there a network?"
            ) from None


def _secrets(options: DeskOptions) -> Secrets | None:
    """Return the key's place. Raises `BadInput` where a first start has none: it makes no store."""
    if not options.trade.uses_account:
        return None
    desk = options.desk
    secrets = key_source(file=desk.key_file, keyring=desk.keyring, environment=os.environ)
    if not options.store.exists():
        try:
            secrets.exchange_key()
        except BadCredentials as error:
            raise BadInput(str(error)) from None
    return secrets


def _alone(options: DeskOptions, secrets: Secrets | None, stack: ExitStack) -> Executor | None:
    """Keep others from the account, and return the threads for it."""
    if secrets is None:
        return None
    stack.enter_context(traded_alone(options.trade, secrets))
    threads = min(options.trade.parallel_requests * 3 // 2, MOST_READS)
    return stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None


@contextmanager
def _unless_trades_are_open(teller: Teller) -> Iterator[None]:
    """Let what cannot be opened or used end a start only where nothing needs care."""
    try:
        yield
    except Exception as error:  # care goes on, whatever it is
        if not teller.holds_trades():
            raise
        teller.note(f"Trades are open, so the desk goes on: {error}")


def _say_if_halted(options: DeskOptions, desk: Desk, teller: Teller) -> None:
    try:
        halt = desk.halts.current()
    except PumpwatchError as error:
        teller.note(f"Whether entries are halted cannot be told: {error}")
        return
    if halt is not None:
        teller.note(
            f"Halted by {halt.by}: {halt.reason}. Nothing is opened until"
            f" pumpwatch resume --store {options.store}"
        )


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Let the first Ctrl-C (or termination) finish the tick at hand; a later Ctrl-C ends at once.

    A supervisor may send SIGTERM twice, to the process and to its group.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)
        # Not here: the main thread may have the event's lock this very moment.
        _thread.start_new_thread(stop.set, ())

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _TellingHandler(logging.Handler):
    """Tells the library's warnings, and errors to messengers too, each once in ten minutes."""

    def __init__(self, teller: Teller) -> None:
        super().__init__(logging.WARNING)
        self._teller = teller
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        now, reason = time.monotonic(), getattr(record, "reason", "")
        text = f"{record.getMessage()}: {reason}" if reason else record.getMessage()
        self._said = {said: at for said, at in self._said.items() if now - at < REPEAT_SECONDS}
        if text not in self._said:
            self._said[text] = now
            is_error = record.levelno >= logging.ERROR
            (self._teller.warn if is_error else self._teller.note)(text)


@contextmanager
def _warnings_shown(teller: Teller) -> Iterator[None]:
    """Keep the log off the screen, on which something may be drawn."""
    libraries = [logging.getLogger(name) for name in ("pumpwatch", "pumpwatch_workbench")]
    handler, propagated = _TellingHandler(teller), [library.propagate for library in libraries]
    for library in libraries:
        library.addHandler(handler)
        library.propagate = False
    try:
        yield
    finally:
        for library, before in zip(libraries, propagated, strict=True):
            library.removeHandler(handler)
            library.propagate = before
