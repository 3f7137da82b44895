"""The built functions, once per test session, and the world they run in."""

import fcntl
import re
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from support import local_stack
from support.local_stack import DETECT, LIVE, MINUTE, NOW, TRADE

from pumpwatch_workbench.local.aws.aws import AwsServer
from tools.lambda_runtime.environment import ExecutionEnvironment
from tools.lambda_runtime.layout import (
    LAYERS,
    REPOSITORY,
    BuildTarget,
    Layout,
    lay_out,
    this_machine,
)

__all__ = ["DETECT", "MINUTE", "NOW", "TRADE", "built", "environment", "fetched", "once", "world"]

LAYER = REPOSITORY / LAYERS["DependenciesLayer"]


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


def of_lambda():
    """Return the target that the build rule takes by itself."""
    rule = (LAYER / "Makefile").read_text("utf-8")
    version, platforms = (
        re.search(rf"^{name} *\?= (.+)$", rule, re.M)[1] for name in ("TARGET_VERSION", "PLATFORMS")
    )
    return BuildTarget(str(LAYER / "requirements.txt"), version, platforms)


@contextmanager
def fetched(target):
    """Let pip install a target's wheels from a folder that outlives the tests.

    With an index pip reads every version of every package there ever was: eight seconds of CPU.
    The hashes are checked with every installation.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--ignore-requires-python"]
    command += ["--requirement", target.requirements, "--implementation", "cp"]
    command += ["--python-version", target.python_version]
    command += [f"--platform={platform}" for platform in target.platforms.split()]
    pinned = Path(target.requirements).read_bytes()
    key = sha256(pinned + " ".join(command).encode()).hexdigest()[:16]

    def download(folder):
        subprocess.run([*command, "--dest", str(folder)], check=True)

    folder = once(REPOSITORY / "build" / "wheels" / key, download)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        yield


def built(tmp_path_factory):
    """Return where everything is laid out as in Lambda, with byte code: most tests start cold."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker's folder lies in the session's
        shared = shared.parent
    with fetched(this_machine()):
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
