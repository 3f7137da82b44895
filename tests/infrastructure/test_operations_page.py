"""The pages for operators speak of what the template has: alarms, outputs, parameters."""

import re
from pathlib import Path

import pytest

from pumpwatch_workbench.local.aws.template import load_template

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/operations.md", "docs/incidents.md")
PAGE = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
DOCUMENT = load_template(ROOT / "template.yaml")


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
