"""Processes side by side that leave Ctrl-C to the one that started them, and end with it.

A terminal sends Ctrl-C to every process of a command. Workers that took it would each write a
traceback, and their parent could not tell an interruption from a crash.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, ParamSpec, TypeVar

Answer = TypeVar("Answer")
Given = ParamSpec("Given")
MASKS = hasattr(signal, "pthread_sigmask")
"""Windows has none."""


@contextmanager
def worker_processes(
    count: int, initializer: Callable[..., None] | None = None, initargs: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of fresh processes: forking one with threads in it can lock up."""
    context = multiprocessing.get_context("spawn")
    before = {process.pid for process in multiprocessing.active_children()}
    pool = _Pool(count, context, _begin, (initializer, initargs))
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            if process.pid not in before:
                process.terminate()
        raise
    finally:
        pool.shutdown()


class _Pool(ProcessPoolExecutor):
    """Starts its processes so that they never see Ctrl-C, from their first moment on."""

    def submit(
        self, fn: Callable[Given, Answer], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Answer]:
        with interruption_later():
            return super().submit(fn, *args, **kwargs)


def _begin(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    """Begin a worker's life, and see to it that it does not outlive its parent."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def interruption_later() -> Iterator[None]:
    """Hold Ctrl-C back while a process is started: that one inherits it, and never sees any.

    Here it comes through when the block is done. Whoever starts a process so must end it.
    """
    if threading.current_thread() is not threading.main_thread() or not MASKS:
        yield
        return
    pressed: list[int] = []
    # The mask is what the process inherits; another thread may take the signal nevertheless.
    handler = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if pressed:
            signal.raise_signal(signal.SIGINT)
