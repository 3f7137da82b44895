"""Pools of workers leave nothing behind, however a command ends."""

import multiprocessing
import threading
import time

import pytest

from pumpwatch_workbench.processes import worker_processes

WORKERS, JOBS = 2, 20


def fail_at_work(error):
    with worker_processes(WORKERS) as pool:
        for _ in range(JOBS):
            pool.submit(time.sleep, 600)
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_abandoned_pool_has_ended_when_the_error_arrives(error):
    """Python's own end would otherwise race against the pool's, and write a traceback."""
    threads, processes = set(threading.enumerate()), multiprocessing.active_children()
    with pytest.raises(error):
        fail_at_work(error)
    assert set(threading.enumerate()) <= threads  # those of other tests may have ended
    assert multiprocessing.active_children() == processes


def test_a_pool_that_was_used_up_leaves_nothing():
    threads, processes = set(threading.enumerate()), multiprocessing.active_children()
    with worker_processes(WORKERS) as pool:
        assert list(pool.map(abs, range(-JOBS, 0))) == list(range(JOBS, 0, -1))
    assert set(threading.enumerate()) <= threads  # those of other tests may have ended
    assert multiprocessing.active_children() == processes
