"""The live page of a run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from pumpwatch_workbench.dashboard.serve import page_on
from pumpwatch_workbench.dashboard.sources import StackSource
from pumpwatch_workbench.local.aws.aws import REGION
from pumpwatch_workbench.operations.stack import DeployedStack
from pumpwatch_workbench.play.desk.play import stop_on_signals
from pumpwatch_workbench.play.run.stage import Stage
from pumpwatch_workbench.play.views.view import RunView


@contextmanager
def live_page(stage: Stage, port: int, view: RunView) -> Iterator[None]:
    """Serve the page while the block runs and, on a terminal, after it until Ctrl-C."""
    outputs = {name: stage.stack.name_of(name) for name in ("StateTable", "HistoryBucket")}
    outputs |= {"Stage": "local", "TradingMode": "live", "BybitBaseUrl": stage.simulator.url}
    deployed = DeployedStack("local", REGION, cache(stage.stack.aws.client), outputs)
    with page_on(StackSource(deployed, is_run=True), port) as url:
        view.note(f"Live page: {url}")
        yield
        if sys.stdin is not None and sys.stdin.isatty():
            stop = threading.Event()
            view.note(f"The market has ended. Live page until Ctrl-C: {url}")
            with stop_on_signals(stop):
                stop.wait()
