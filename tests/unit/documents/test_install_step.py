"""Steps of an installation: what a person reads when one fails."""

import subprocess
from pathlib import Path

import pytest

STEP = Path(__file__).resolve().parents[3] / "tools" / "install_step"
OFFLINE = "WARNING: Retrying after NewConnectionError\nERROR: No matching distribution found"
BARE = "The virtual environment was not created successfully because ensurepip is not available."


@pytest.mark.parametrize(
    ("written", "said"),
    [(OFFLINE, "There is no network"), (BARE, "python3-venv"), ("odd", "did not work: odd")],
)
def test_a_failed_step_says_why_and_keeps_what_was_written(tmp_path, written, said):
    command = ["sh", "-c", f"echo '{written}' >&2; exit 1"]
    done = subprocess.run(
        [STEP, "2", "3", "Installing", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("[########                ] Installing (2 of 3)")
    assert said in done.stdout
    assert (tmp_path / "build/install.log").read_text() == f"{written}\n"
