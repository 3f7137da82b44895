"""What `sam build` packs, and the generated files that must stay current."""

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.configuration import PAGE, configuration_page

ROOT = Path(__file__).resolve().parents[2]


def test_layer_s_requirements_are_the_pinned_ones():
    layer = (ROOT / "layers/dependencies/requirements.txt").read_text(encoding="utf-8")
    assert layer == (ROOT / "requirements/lambda.txt").read_text(encoding="utf-8"), (
        "copy requirements/lambda.txt to layers/dependencies/requirements.txt"
    )


def test_configuration_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == configuration_page(), (
        "run python -m workbench.configuration"
    )


def test_every_setting_has_a_meaning_on_the_page():
    for line in configuration_page().splitlines():
        if line.startswith("| `"):
            assert line.split("|")[-2].strip().endswith("."), line


@pytest.mark.parametrize(
    ("folder", "target", "file"),
    [
        ("layers/pumpwatch", "build-PumpwatchLayer", "python/pumpwatch/settings.py"),
        ("functions/detect", "build-DetectFunction", "app.py"),
        ("functions/trade", "build-TradeFunction", "app.py"),
    ],
)
def test_build_rule_packs_the_code_and_nothing_compiled(tmp_path, folder, target, file):
    subprocess.run(
        ["make", "-C", ROOT / folder, target, f"ARTIFACTS_DIR={tmp_path}"],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / file).is_file()
    assert not list(tmp_path.rglob("*.pyc"))


@pytest.mark.parametrize("name", ["detect", "trade"])
def test_handlers_stay_thin(name):
    source = (ROOT / "functions" / name / "app.py").read_text(encoding="utf-8")
    body = source[source.index("def lambda_handler") :]
    assert len(body.splitlines()) <= 25


def test_template_passes_cfn_lint():
    answer = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), ROOT / "template.yaml"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout
