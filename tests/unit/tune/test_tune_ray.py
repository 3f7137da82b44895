"""The same search on a local Ray cluster. Slow to start, so it runs only when it is asked for."""

from __future__ import annotations

import os

import pytest
from support.backtests import random_block

from pumpwatch.errors import BadInput
from pumpwatch_workbench.research.tune.engines import opened
from pumpwatch_workbench.research.tune.objective import Task
from pumpwatch_workbench.research.tune.pool import SignalPool
from pumpwatch_workbench.research.tune.space import space_for
from pumpwatch_workbench.research.tune.splits import DAY, DateRange

SPACE = space_for("fade", "ewma", fixed=["warm_up_minutes=20"])
PERIOD = DateRange(0, 2 * DAY)


def pool() -> SignalPool:
    return SignalPool([random_block(3, 2, 2 * 1440, scale=1e6)], SPACE.loosest())


@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(
    os.environ.get("PUMPWATCH_TEST_RAY") != "1",
    reason="starting Ray takes half a minute: set PUMPWATCH_TEST_RAY=1 to test with it",
)
def test_ray_gives_the_verdicts_of_one_process():
    pytest.importorskip("ray", reason="the optional extra ray is not installed")
    tasks = [Task({"fade_target_retrace": repr(0.3 + n / 10)}, PERIOD) for n in range(5)]
    signals = pool()
    with opened("local", signals, SPACE, workers=1) as engine:
        here = engine.run(tasks)
    with opened("ray", signals, SPACE, workers=2) as engine:
        assert engine.run(tasks) == here
        assert engine.run(tasks[:1]) == here[:1]


def test_ray_that_is_not_installed_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with (
        pytest.raises(BadInput, match="pip install"),
        opened("ray", pool(), SPACE, workers=2),
    ):
        pass
