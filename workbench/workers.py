"""Processes side by side that leave Ctrl-C to the one that started them, and end with it.

A terminal sends Ctrl-C to every process of a command. Workers that took it would each write a
traceback, and their parent could not tell an interruption from a crash.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

__all__ = ["interruption_later", "worker_processes"]

Answer = TypeVar("Answer")
Given = ParamSpec("Given")


@contextmanager
def worker_processes(
    count: int, initializer: Callable[..., None] | None = None, initargs: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of fresh processes: forking one with threads in it can lock up."""
    context = multiprocessing.get_context("spawn")
    before = {process.pid for process in multiprocessing.active_children()}
    pool = _Pool(count, context, initializer, initargs)
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


@contextmanager
def interruption_later() -> Iterator[None]:
    """Hold Ctrl-C back while a process is started: it inherits that, and never sees one.

    Whoever starts it so must end it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
