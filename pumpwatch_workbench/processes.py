"""Worker processes that ignore Ctrl-C and end with their parent; memory of this process.

A terminal sends Ctrl-C to every process of a command. Workers that handled it would each write a
traceback, and their parent could not tell an interruption from a crash.
"""

from __future__ import annotations

import ctypes
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import IO, Any, ParamSpec, TypeVar, cast

from pumpwatch.errors import BadInput

Answer = TypeVar("Answer")
Given = ParamSpec("Given")
MASKS = hasattr(signal, "pthread_sigmask")
"""True if signals can be blocked; Windows has no masks."""
END_SECONDS = 5.0
"""Time that a helper process has to end by itself."""
COLLECTIONS = 20_000, 20, 50
"""Thresholds of the three generations of garbage collection."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of mallopt(3)."""
MOST_KEPT = 1 << 28
LARGEST_KEPT = 1 << 25
"""Bytes of an array; larger arrays are returned to the system. glibc accepts no more."""


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
        for process in multiprocessing.active_children():
            if process.pid not in before:
                process.terminate()
        raise
    finally:
        # Always waits: a pool that is still ending itself while Python exits may write to a pipe
        # that it has closed, and a traceback follows the command's last line.
        pool.shutdown(cancel_futures=True)


class _Pool(ProcessPoolExecutor):
    """Starts its processes with Ctrl-C blocked."""

    def submit(
        self, fn: Callable[Given, Answer], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Answer]:
        with interruption_later():
            return super().submit(fn, *args, **kwargs)


def _begin(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    """Begin a worker, and make sure that it does not outlive its parent."""
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
    """Block Ctrl-C while a process is started: the process inherits the mask and never sees any.

    Here it is delivered after the block. Whoever starts a process this way must end it.
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


@contextmanager
def helper_process(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run `python -m module` with pipes; yield the process and the JSON object it writes first.

    It must end when its standard input closes. Raises `BadInput` if it ends before that.
    """
    with interruption_later():
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
    source, output = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
    try:
        line = output.readline()
        if not line:
            raise BadInput(f"{module} ended at once with status {process.wait()}")
        yield process, json.loads(line)
    finally:
        source.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


def end_process(process: subprocess.Popen[Any], seconds: float) -> None:
    """Terminate a process, and kill it if it has not ended in time."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def relax_collector() -> None:
    """Exempt all objects so far from garbage collection, and collect the rest less often.

    Measured on `pumpwatch run`: a twelfth of its CPU time otherwise goes into examining the same
    classes of boto3, and moto again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)


def keep_freed_memory() -> None:
    """Let this process keep up to 256 MB of freed memory; call it once, before any array is made.

    Detection makes arrays of a few hundred kilobytes, one after the other. By default glibc returns
    each to the system when it is freed, and paging the next one in takes as long as the arithmetic.
    With other C libraries nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, MOST_KEPT)
        mallopt(MMAP_THRESHOLD, LARGEST_KEPT)
