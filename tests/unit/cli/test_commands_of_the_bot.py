"""The bot's image holds the libraries of requirements/bot.txt: its commands need no other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[3] / "requirements"
COMMANDS = ("close", "config", "desk", "doctor", "halt", "paper", "resume", "status")
LOADED = """
import importlib, sys
*absent, name = sys.argv[1:]
sys.modules.update(dict.fromkeys(absent))
importlib.import_module(f"pumpwatch_workbench.cli.{name}")
"""


def packages(name):
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return set(re.findall(r"(?m)^([a-z0-9-]+)==", text))


@pytest.mark.parametrize("command", COMMANDS)
def test_command_needs_only_what_the_image_has(command):
    absent = packages("run") - packages("bot")
    assert {"polars", "plotly", "moto", "flask", "optuna"} <= absent
    modules = sorted(package.replace("-", "_") for package in absent)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *modules, command],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
