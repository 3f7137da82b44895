"""The bot's image holds the libraries of requirements/bot.txt: its commands need no other."""

import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[3] / "requirements"
COMMANDS = ("close", "config", "dashboard", "desk", "doctor", "halt", "paper", "resume", "status")
LOADED = """
import importlib, sys
commands, absent = (text.split() for text in sys.argv[1:])
sys.modules.update(dict.fromkeys(absent))
for name in commands:
    importlib.import_module(f"pumpwatch_workbench.cli.{name}")
"""


def packages(name):
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return set(re.findall(r"(?m)^([a-z0-9-]+)==", text))


def test_commands_need_only_what_the_image_has():
    absent = packages("run") - packages("bot")
    assert {"polars", "moto", "optuna"} <= absent
    modules = sorted(package.replace("-", "_") for package in absent)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, " ".join(COMMANDS), " ".join(modules)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
