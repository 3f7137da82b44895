"""The wheel, installed where there is no checkout: its commands work from any folder."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pumpwatch(tmp_path_factory):
    """Return what runs `pumpwatch` of an environment with the wheel, beside this one's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder))
    environment = folder / "environment"
    venv.create(environment)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    (packages,) = environment.glob("lib/*/site-packages")
    installed = {path.name for path in packages.iterdir()}
    assert all(name.startswith("pumpwatch") for name in installed), installed
    # The checkout's own .pth file is not read there.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments):
        return subprocess.run(
            [environment / "bin" / "pumpwatch", *arguments],
            cwd=folder, env=clean, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_a_market_is_played_from_another_folder(pumpwatch):
    # A scan a minute: what may be missing is a file, not a scan.
    quick = ("--symbols", "30", "--hours", "0.5", "--scan-interval", "60")
    played = pumpwatch("run", *quick, "--report", "page.html")
    assert played.returncode == 0, played.stderr
    assert "Invariants held" in played.stdout


def test_files_of_the_checkout_are_in_the_wheel_or_named(pumpwatch):
    assert "dollars a month" in pumpwatch("costs").stdout
    for arguments, words in (
        (["campaign"], "campaign is a study: it works in a checkout of Pumpwatch only"),
        (["scale"], "scale is a study: it works in a checkout of Pumpwatch only"),
        (["costs", "--write"], "--write renews a page of a checkout: there is none here"),
    ):
        refused = pumpwatch(*arguments)
        assert (refused.returncode, refused.stderr) == (2, f"pumpwatch: {words}\n")
