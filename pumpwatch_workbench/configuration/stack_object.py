"""The settings that a deployed stack keeps as an object in its bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pumpwatch.adapters.settings_object import SettingsObject
from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import OBJECT, OF_THE_DEPLOYMENT, settings_in_force
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.configuration.load import DeskSettings, load, read_file
from pumpwatch_workbench.operations.stack import DeployedStack, aws_call


def stored_settings(stack: DeployedStack) -> Mapping[str, str]:
    """Return what the stack has. Raises `SettingsError`, `StoreUnavailable`."""
    stored = SettingsObject(stack.output("HistoryBucket"), stack.clients("s3"))
    stored.read_anew()
    return stored.settings


def settings_to_push(file: Path, stack: DeployedStack) -> dict[str, str]:
    """Return a file's settings, checked alone and together with those that the functions have.

    Raises `BadInput`, `SettingsError`, `AwsRefused`.
    """
    given = read_file(file)
    for name in given.keys() & (OF_THE_DEPLOYMENT | DeskSettings.model_fields.keys()):
        raise BadInput(f"{given[name].shown} is not of a stack's settings: leave it out")
    load({}, file=file, environment={})
    settings = {name: value.text for name, value in given.items()}
    client = stack.clients("lambda")
    for kind, function in ((DetectSettings, "DetectFunction"), (TradeSettings, "TradeFunction")):
        name = stack.output(function)
        read = aws_call(function, client.get_function_configuration, FunctionName=name)
        settings_in_force(kind, read["Environment"]["Variables"], settings)
    return settings


def push(stack: DeployedStack, settings: Mapping[str, str]) -> None:
    """Replace what the stack has. Raises `AwsRefused`."""
    put, bucket = stack.clients("s3").put_object, stack.output("HistoryBucket")
    aws_call(f"{OBJECT} was not written", put, Bucket=bucket, Key=OBJECT, Body=json.dumps(settings))
