"""docs/operations.md speaks of what is there: commands, alarms, outputs, parameters, targets."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from workbench.cli.main import app
from workbench.localstack.template import load_template

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
DOCUMENT = load_template(ROOT / "template.yaml")


def test_commands_and_their_options_exist():
    commands = get_command(app).commands
    found = re.findall(r"`?pumpwatch ([a-z]+)((?: --[a-z-]+)*)", PAGE)
    assert {name for name, _ in found} >= {"doctor", "status", "halt", "resume", "backfill"}
    for name, options in found:
        known = {option for one in commands[name].params for option in one.opts}
        assert set(options.split()) <= known, name


def test_make_targets_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"`(?:COMPILE_WITH=\S+ )?make ([a-z]+)", PAGE)) <= set(targets)


def test_every_alarm_is_explained():
    alarms = [n for n, r in DOCUMENT["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert [name for name in alarms if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("kind", ["output", "outputs"])
def test_outputs_exist(kind):
    for name in re.findall(rf"the {kind} `([A-Za-z]+)`", PAGE):
        assert name in DOCUMENT["Outputs"], name


def test_parameters_exist():
    for name in re.findall(r"`([A-Z][A-Za-z]+)=", PAGE):
        assert name in DOCUMENT["Parameters"], name


def test_documents_it_points_to_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).is_file(), target
