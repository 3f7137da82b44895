"""What each function loads: together the whole layer, and each only its own half of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/pumpwatch"
SECRET = "arn:aws:secretsmanager:eu-central-1:1:secret:x"
SHARED = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "BUCKET_NAME": "bucket",
    "TABLE_NAME": "table",
    "POWERTOOLS_SERVICE_NAME": "test",
}
LIVE = {
    "TRADING_MODE": "live",
    "STRATEGY": "fade",
    "LIVE_TRADING_CONFIRMATION": "1",
    "BYBIT_SECRET_ARN": SECRET,
}
PUSHED = {"PUSHGATEWAY_URL": "https://push.example.org", "PUSHGATEWAY_SECRET_ARN": SECRET}
COLD_STARTS = {
    "detect": ("detect", {}),
    "detect with a password": ("detect", PUSHED),
    "trade on paper": ("trade", {}),
    "trade live": ("trade", LIVE),
}
TRADING = (
    "pumpwatch.adapters.bybit.broker",
    "pumpwatch.adapters.bybit.orders",
    "pumpwatch.adapters.dynamodb.guards",
    "pumpwatch.adapters.dynamodb.journal",
    "pumpwatch.adapters.paper",
    "pumpwatch.adapters.secrets_manager",
    "pumpwatch.bootstrap.trade",
    "pumpwatch.domain.trading",
    "pumpwatch.settings.trade",
    "pumpwatch.usecases.trade",
)
DETECTION = (
    "pumpwatch.adapters.archives",
    "pumpwatch.adapters.s3",
    "pumpwatch.bootstrap.detect",
    "pumpwatch.settings.detect",
    "pumpwatch.usecases.detect",
)
SHARED_OF_DETECTION = {"pumpwatch.domain.detection", "pumpwatch.domain.detection.signals"}


def modules_of_the_layer():
    names = set()
    for path in LAYER.rglob("*.py"):
        parts = path.relative_to(LAYER).with_suffix("").parts
        names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


@pytest.fixture(scope="module")
def loaded():
    """Return what a process of its own has loaded of the layer after each cold start."""
    modules = {}
    for name, (function, settings) in COLD_STARTS.items():
        answer = subprocess.run(
            [sys.executable, "-c", "import app, sys; print(*sorted(sys.modules))"],
            cwd=ROOT / "functions" / function,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{LAYER}{os.pathsep}.",
                **SHARED,
                **settings,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        modules[name] = set(answer.stdout.split())
    return modules


def within(modules, packages):
    return {one for one in modules if one.startswith(tuple(f"{p}." for p in packages))} | (
        modules & set(packages)
    )


def test_the_functions_load_the_whole_layer_and_nothing_of_the_workbench(loaded):
    union = set().union(*loaded.values())
    assert {one for one in union if one.split(".")[0] == "pumpwatch"} == modules_of_the_layer()
    assert not within(union, ("pumpwatch_workbench", "studies", "tools", "moto"))


def test_detect_loads_nothing_of_trading(loaded):
    assert within(loaded["detect"], TRADING) == set()
    assert "aws_lambda_powertools.utilities.parameters" not in loaded["detect"]


@pytest.mark.parametrize("mode", ["trade on paper", "trade live"])
def test_trade_loads_signals_of_detection_and_nothing_else(loaded, mode):
    assert within(loaded[mode], DETECTION) == set()
    assert within(loaded[mode], ("pumpwatch.domain.detection",)) == SHARED_OF_DETECTION


def test_only_the_broker_of_the_mode_is_loaded(loaded):
    assert within(loaded["trade live"], ("pumpwatch.adapters.paper",)) == set()
    assert within(loaded["trade on paper"], ("pumpwatch.adapters.bybit.broker",)) == set()
