"""Compare what two checkouts do: `python -m tools.compare_checkouts BASE [OTHER] [--planted]`.

Each runs in processes of its own; OTHER is this checkout unless named. Only wall time may differ.
A line for each subject; exit status 1 for a difference. PUMPWATCH_PUMP_EVENTS names the labelled
pumps.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
DATA = os.environ.get("PUMPWATCH_PUMP_EVENTS", "")
ON_DATA = ("evaluate", "backtest", "replay")
# Plays a seeded run and writes down what both functions answer and push.
FUNCTIONS = """
import re, sys
from importlib import import_module
package, local, folder = sys.argv[1:]
functions, receiver = (import_module(f"{local}.{name}") for name in ("functions", "receiver"))
invoke, push = functions.LocalFunction.invoke, receiver.MetricsReceiver.push
recorded = open(f"{folder}/recorded", "w")
# What depends on the wall clock; the two gauges are pushed for 45 seconds.
LEFT_OUT = re.compile(r"# HELP|[^{]*(seconds|_time|timestamp|event_active|_fill_)")
def invoked(self, event):
    invocation = invoke(self, event)
    answer = invocation.payload if invocation.error is None else invocation.error["errorType"]
    print(self.name, event if "Records" not in event else "stream", answer, file=recorded)
    return invocation
def pushed(self, path, body, *, replace):
    lines = [line for line in body.splitlines() if not LEFT_OUT.match(line)]
    print(path, replace, *sorted(lines), sep="\\n", file=recorded)
    return push(self, path, body, replace=replace)
functions.LocalFunction.invoke, receiver.MetricsReceiver.push = invoked, pushed
report = f"{folder}/report.html"
sys.argv[1:] = ["run", "--symbols", "60", "--seed", "4", "--json", "--report", report]
import_module(f"{package}.cli.start").main()
"""
# Renders the chart without the charts it depends on.
CHART = """
import shutil, tempfile
from pathlib import Path
import yaml
from helm_python import Chart
with tempfile.TemporaryDirectory() as folder:
    chart = Path(folder, "chart")
    shutil.copytree("k8s-monitoring", chart, ignore=shutil.ignore_patterns("charts", "*.lock"))
    described = yaml.safe_load((chart / "Chart.yaml").read_text())
    del described["dependencies"]
    (chart / "Chart.yaml").write_text(yaml.safe_dump(described))
    print(*Chart.load(chart).render().items(), sep="\\n")
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout; its packages have their old names or their new ones."""

    root: Path

    def python(self, *arguments: str) -> str:
        """Run this interpreter in the checkout and return its output; end with its error."""
        path = os.pathsep.join(str(self.root / name) for name in (".", "layers/pumpwatch"))
        # No program but Python: the built-in Pushgateway takes the pushes.
        variables = {"PYTHONPATH": path, "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env={**os.environ, **variables},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        # 1 is an answer as well: an invariant broke in the run or in the campaign.
        if done.returncode not in (0, 1) or not done.stdout:
            sys.exit(f"{self.root}: exit status {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def command(self, *arguments: str) -> str:
        """Return the JSON that a command of `pumpwatch` prints, without its wall times."""
        with tempfile.TemporaryDirectory() as folder:
            report = [] if "campaign" in arguments else ["--report", f"{folder}/report.html"]
            text = self.python("-m", self._names()[0], *arguments, "--json", *report)
        return json.dumps({**json.loads(text), "tick_seconds_p50": None}, indent=1)

    def functions(self) -> str:
        """Return what both functions answer and push in a seeded run."""
        with tempfile.TemporaryDirectory() as folder:
            self.python("-c", FUNCTIONS, *self._names(), folder)
            return Path(folder, "recorded").read_text()

    def dashboards(self) -> str:
        """Return Grafana's dashboards."""
        return "".join(map(Path.read_text, sorted(self.root.glob("k8s-monitoring/dashboards/*"))))

    def _names(self) -> tuple[str, str]:
        """Return the packages of the workbench and of the local AWS."""
        if (self.root / "workbench").is_dir():
            return "workbench", "workbench.localstack"
        return "pumpwatch_workbench", "pumpwatch_workbench.local.aws"


def _asked(*arguments: str) -> Callable[[Checkout], str]:
    return lambda checkout: checkout.command(*arguments)


SUBJECTS: dict[str, Callable[[Checkout], str]] = {
    "dashboards": Checkout.dashboards,
    "chart": lambda checkout: checkout.python("-c", CHART),
    "evaluate": _asked("evaluate", DATA, "--detector", "all"),
    "backtest": _asked("backtest", DATA),
    "functions": Checkout.functions,
    **{f"run, seed {seed}": _asked("run", "--seed", str(seed)) for seed in (1, 2, 3)},
    "replay": _asked("run", "--replay", DATA),
    "campaign": _asked("campaign", "--seeds", "1000"),
    "planted bugs": _asked("campaign", "--planted"),
}


def main(arguments: list[str]) -> int:
    """Compare and report; return 1 for a difference."""
    parser = argparse.ArgumentParser(prog="python -m tools.compare_checkouts")
    parser.add_argument("checkouts", type=Path, nargs="+", metavar="CHECKOUT")
    parser.add_argument("--planted", action="store_true", help="also the planted bugs: an hour")
    parser.add_argument("--only", default="", help="only subjects whose names begin with this")
    options = parser.parse_args(arguments)
    base, other = (Checkout(path.resolve()) for path in [*options.checkouts, HERE][:2])
    status = 0
    for name, subject in SUBJECTS.items():
        if not DATA and name in ON_DATA:
            print(f"skipped  {name}: set PUMPWATCH_PUMP_EVENTS to the folder of labelled pumps")
        elif name.startswith(options.only) and (name != "planted bugs" or options.planted):
            before, after = subject(base), subject(other)
            print(_verdict(name, before, after), flush=True)
            status |= before != after
    return status


def _verdict(name: str, before: str, after: str) -> str:
    if before == after:
        return f"equal    {name}  {hashlib.sha256(before.encode()).hexdigest()[:12]}"
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n         ".join([f"DIFFERS  {name}", *(line[:200] for line in islice(lines, 2, 22))])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
