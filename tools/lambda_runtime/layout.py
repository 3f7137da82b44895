"""Build what `sam build` packs for this machine, laid out as Lambda does.

Functions go to `var/task`, both layers together to `opt/python`. Beside them lies `var/runtime`
with what the runtime itself brings: its client (awslambdaric), from this environment.
"""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pumpwatch.errors import BadInput, PumpwatchError

REPOSITORY = Path(__file__).resolve().parents[2]
LAYERS = {"DependenciesLayer": "layers/dependencies", "PumpwatchLayer": "layers/pumpwatch"}
FUNCTIONS = {"DetectFunction": "functions/detect", "TradeFunction": "functions/trade"}
RUNTIME_MODULES = (
    "awslambdaric",
    "runtime_client",
    "snapshot_restore_py",
    "simplejson",
)
"""Modules that Lambda's runtime adds to the standard library."""


class BuildFailed(PumpwatchError):
    """A build rule of `sam build` failed; the message is its output."""


@dataclass(frozen=True, slots=True)
class BuildTarget:
    """The machine that wheels are taken for. Empty: what the build rule says, which is Lambda.

    `compile_with` is the interpreter that writes byte code, empty for none; None: the build rule's.
    """

    requirements: str = ""
    python_version: str = ""
    platforms: str = ""
    compile_with: str | None = None

    def variables(self) -> list[str]:
        """Return the build rule's variables."""
        given = {
            "REQUIREMENTS": self.requirements,
            "TARGET_VERSION": self.python_version,
            "PLATFORMS": self.platforms,
        }
        chosen = {name: value for name, value in given.items() if value}
        if self.compile_with is not None:
            chosen["COMPILE_WITH"] = self.compile_with
        return [f"{name}={value}" for name, value in chosen.items()]


LAMBDA = BuildTarget()


def this_machine(*, compiled: bool = False) -> BuildTarget:
    """Return the target that this interpreter can run. Raises `BadInput` where there is none."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in {"x86_64", "aarch64"}:
        raise BadInput("Lambda's runtime client is there for Linux on x86_64 and arm64 only")
    tags = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    return BuildTarget(
        requirements=str(REPOSITORY / "requirements" / "lambda.txt"),
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
        platforms=" ".join(f"{tag}_{machine}" for tag in tags),
        compile_with=sys.executable if compiled else "",
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of what was built, by Lambda's own names below `root`."""

    root: Path

    def task(self, function: str) -> Path:
        """Return the function's code folder."""
        return self.root / "functions" / function / "var" / "task"

    @property
    def packages(self) -> Path:
        """Return the folder of both layers' packages."""
        return self.root / "opt" / "python"

    @property
    def runtime(self) -> Path:
        """Return the folder of what the runtime brings."""
        return self.root / "var" / "runtime"


def build(resource: str, folder: Path, target: BuildTarget = LAMBDA) -> None:
    """Run the build rule of a layer or function as `sam build` does. Raises `BuildFailed`."""
    source = (LAYERS | FUNCTIONS)[resource]
    folder.mkdir(parents=True, exist_ok=True)
    command = ["make", "-s", "-C", str(REPOSITORY / source), f"build-{resource}"]
    command += [f"ARTIFACTS_DIR={folder}", f"PYTHON={sys.executable}", *target.variables()]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode != 0:
        raise BuildFailed(f"building {resource} failed:\n{answer.stdout}{answer.stderr}")


def lay_out(root: Path, *, compiled: bool = False) -> Layout:
    """Build both layers and both functions for this machine below `root`."""
    layout, target = Layout(root), this_machine(compiled=compiled)
    for layer in LAYERS:
        build(layer, layout.packages.parent, target)
    for function in FUNCTIONS:
        build(function, layout.task(function))
    layout.runtime.mkdir(parents=True)
    for module in RUNTIME_MODULES:
        place = _installed(module)
        (layout.runtime / place.name).symlink_to(place)
    return layout


def _installed(module: str) -> Path:
    """Return the package's folder or the module's file in this environment."""
    module_spec = importlib.util.find_spec(module)
    if module_spec is None or module_spec.origin is None:
        raise BadInput(f"{module} is not installed: run make setup")
    place = Path(module_spec.origin)
    return place.parent if place.name == "__init__.py" else place
