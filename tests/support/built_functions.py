"""The built functions, once per test session, and the world they run in."""

import fcntl
from contextlib import contextmanager
from functools import partial

from support import local_stack
from support.local_stack import DETECT, LIVE, MINUTE, NOW, TRADE

from pumpwatch_workbench.local.aws import AwsServer
from tools.lambda_runtime.environment import ExecutionEnvironment
from tools.lambda_runtime.layout import Layout, lay_out

__all__ = ["DETECT", "MINUTE", "NOW", "TRADE", "built", "environment", "once", "world"]


def once(folder, make):
    """Run `make(folder)` in the first of all test processes; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_suffix(".done")
        if not done.exists():
            make(folder)
            done.touch()
    return folder


def built(tmp_path_factory):
    """Return where everything is laid out as in Lambda, with byte code: most tests start cold."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker's folder lies in the session's
        shared = shared.parent
    return Layout(once(shared / "lambda", partial(lay_out, compiled=True)))


@contextmanager
def world():
    """Run exchange, gateway and stack in live mode, as they are deployed."""
    with AwsServer() as aws, local_stack.world(aws, LIVE, variables={}) as running:
        yield running


def environment(layout, stack, name, log, *, timeout_seconds=60.0, **changes):
    """Return an execution environment of a function of the stack; None removes a variable."""
    function = stack.functions[name]
    runtime = {**function.runtime, **{k: v for k, v in changes.items() if k.startswith("AWS_")}}
    variables = {**function.variables, **changes}
    return ExecutionEnvironment(
        name,
        layout,
        variables={key: value for key, value in variables.items() if value is not None},
        runtime=runtime,
        timeout_seconds=timeout_seconds,
        log=log,
    )
