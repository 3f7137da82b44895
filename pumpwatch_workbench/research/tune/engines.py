"""Evaluation of trials: in this process, in several of this machine, or on a Ray cluster.

All three give the same answers in the same order, so a search finds the same settings everywhere.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

from pumpwatch.errors import BadInput
from pumpwatch_workbench.processes import worker_processes

from .objective import BacktestSummary, Task, run_task
from .pool import SignalPool
from .space import SearchSpace

ENGINES = ("local", "ray")


class TrialEngine(Protocol):
    """Evaluates tasks."""

    def run(self, tasks: Sequence[Task]) -> list[BacktestSummary]:
        """Return the verdicts, in the order of the tasks."""


@contextmanager
def opened(
    name: str, pool: SignalPool, space: SearchSpace, *, workers: int, address: str = ""
) -> Iterator[TrialEngine]:
    """Open an engine: `local` with one or more processes, or `ray` with a cluster's address.

    Raises `BadInput` for another name, or when Ray is not installed or cannot be reached.
    """
    check_engine(name, address)
    if name == "ray":
        with _ray(pool, space, workers, address) as engine:
            yield engine
    elif workers == 1:
        yield _Here(pool, space)
    else:
        blob = pickle.dumps((pool, space))
        with worker_processes(workers, _begin_worker, (blob,)) as executor:
            yield _Processes(executor)


def check_engine(name: str, address: str) -> None:
    """Raise `BadInput` for an engine that cannot be opened, before the candles are read."""
    if name not in ENGINES:
        raise BadInput(f"there is no engine {name!r}: choose {' or '.join(ENGINES)}")
    if name != "ray" and address:
        raise BadInput("--address belongs to --engine ray")
    if name == "ray" and find_spec("ray") is None:
        raise BadInput(
            "--engine ray needs Ray, which is not installed: pip install 'pumpwatch[ray]'"
        )


class _Here:
    def __init__(self, pool: SignalPool, space: SearchSpace) -> None:
        self._pool, self._space = pool, space

    def run(self, tasks: Sequence[Task]) -> list[BacktestSummary]:
        return [run_task(self._pool, self._space, task) for task in tasks]


class _Processes:
    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def run(self, tasks: Sequence[Task]) -> list[BacktestSummary]:
        return list(self._executor.map(_work, tasks))


_worker: tuple[SignalPool, SearchSpace] | None = None


def _begin_worker(blob: bytes) -> None:
    global _worker  # noqa: PLW0603 - a worker process has one pool for its whole life
    _worker = pickle.loads(blob)  # noqa: S301 - our own parent made it
    os.environ.setdefault("POLARS_MAX_THREADS", "1")


def _work(task: Task) -> BacktestSummary:
    if _worker is None:
        raise RuntimeError("the worker has no pool yet")
    return run_task(*_worker, task)


@contextmanager
def _ray(pool: SignalPool, space: SearchSpace, workers: int, address: str) -> Iterator[TrialEngine]:
    import ray  # noqa: PLC0415 - an optional extra, large and slow to import

    try:
        if address:
            ray.init(address=address, log_to_driver=False)
        else:
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise BadInput(f"Ray at {address or 'this machine'} cannot be used: {reason}") from None
    try:
        yield _Ray(ray, pool, space, workers)
    finally:
        ray.shutdown()


class _Ray:
    """One actor per worker; the pool is put into the cluster's memory once."""

    def __init__(self, ray: Any, pool: SignalPool, space: SearchSpace, workers: int) -> None:
        self._ray = ray
        shared = ray.put(pool)
        actor = ray.remote(num_cpus=1)(_Here)
        self._actors = [actor.remote(shared, space) for _ in range(workers)]

    def run(self, tasks: Sequence[Task]) -> list[BacktestSummary]:
        answers = [
            self._actors[number % len(self._actors)].run.remote([task])
            for number, task in enumerate(tasks)
        ]
        return [verdict for verdicts in self._ray.get(answers) for verdict in verdicts]
