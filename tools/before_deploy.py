"""`make deploy`, before anything is made: refuse what cannot work, with the parameter's name.

    python -m tools.before_deploy [the options of sam deploy]

It knows what `sam deploy` knows: samconfig.toml, the options, and the values of the stack that is
there. What is typed in afterwards is judged by the template's own rules. Exit status 1: refused.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pumpwatch.errors import BadInput, PumpwatchError, SettingsError
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import settings_in_force
from pumpwatch.settings.shared import SharedSettings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.cli.aws import clients_in
from pumpwatch_workbench.cli.operating import STACK
from pumpwatch_workbench.local.aws.template import Template, TemplateError, load_template
from pumpwatch_workbench.operations.stack import AwsRefused, Clients, DeployedStack, aws_call
from pumpwatch_workbench.operations.stack_status import UPDATABLE, judge_status

ROOT = Path(__file__).resolve().parents[1]
CONFIG = "samconfig.toml"
SETTINGS: dict[str, type[SharedSettings]] = {
    "DetectFunction": DetectSettings,
    "TradeFunction": TradeSettings,
}
PAIR = re.compile(r"(?:ParameterKey=)?(\w+)(?:,ParameterValue)?=(.*)", re.DOTALL)
"""An override; SAM knows the longer form of the AWS command line too."""
VARIABLE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
BEGINNINGS = {
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:",
    "AWS::SQS::Queue": "https://",
}
"""Stand-ins for what the ids of resources begin with."""
RESERVED, LEFT_UNRESERVED = "ReservedConcurrency", 100
"""So many invocations at a time Lambda leaves unreserved in every account."""


def main(arguments: Sequence[str], *, root: Path = ROOT) -> int:
    """Print why the deployment cannot work. Return the exit status."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--config-env", default="default")
    parser.add_argument("--stack-name")
    parser.add_argument("--region")
    parser.add_argument("--profile")
    parser.add_argument("--parameter-overrides", dest="overrides", nargs="*", default=[])
    options = parser.parse_known_args(arguments)[0]
    try:
        commands = tomllib.loads((root / CONFIG).read_text(encoding="utf-8"))
        answers: dict[str, Any] = {}
        for command in ("global", "deploy"):
            answers |= commands.get(options.config_env, {}).get(command, {}).get("parameters", {})
        name = options.stack_name or answers.get("stack_name", STACK)
        given = _pairs(answers.get("parameter_overrides", [])) | _pairs(options.overrides)
        if profile := options.profile or answers.get("profile"):
            os.environ["AWS_PROFILE"] = profile
        region, clients = clients_in(options.region or answers.get("region", ""))
        problems = list(refusals(name, region, given, clients))
    except (OSError, tomllib.TOMLDecodeError) as error:
        problems = [f"{CONFIG}: {error}"]
    except PumpwatchError as error:
        problems = [str(error)]
    for problem in problems:
        print(f"refused: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _pairs(overrides: str | Sequence[str]) -> dict[str, str]:
    texts = [overrides] if isinstance(overrides, str) else overrides
    pairs = [PAIR.fullmatch(pair) for text in texts for pair in shlex.split(text)]
    return {pair[1]: pair[2] for pair in pairs if pair}


def refusals(name: str, region: str, given: Mapping[str, str], clients: Clients) -> Iterator[str]:
    """Yield why a deployment of these parameters cannot work. Raises `AwsRefused`."""
    try:
        there = DeployedStack.find(name, region, clients)
    except BadInput:
        there = DeployedStack(name, region, clients, {}, "REVIEW_IN_PROGRESS")
    document = load_template(ROOT / "template.yaml")
    kept = {key: value for key, value in there.parameters.items() if key in document["Parameters"]}
    try:
        template = Template(document, kept | dict(given), stack=name, region=region)
        broken = template.refusals() or list(_unusable(template, document["Resources"]))
    except TemplateError as error:
        broken = [str(error)]
    if broken:
        yield from broken
        return
    if there.status not in UPDATABLE and (bad := judge_status(there)):
        yield f"stack {name} - {bad.detail}. {bad.advice}"
    yield from _not_in_this_account(there, template.parameters)


def _unusable(template: Template, resources: Mapping[str, Any]) -> Iterator[str]:
    """Yield what would fail at run time, in the parameters' names: what the functions would refuse
    at their start, and a port that they could not reach."""
    for name, resource in resources.items():
        template.physical[name] = f"{BEGINNINGS.get(resource['Type'], '')}{name}"
    for name, properties in template.functions():
        variables = template.resolve(properties["Environment"]["Variables"])
        try:
            texts = {key: str(value) for key, value in variables.items()}
            settings_in_force(SETTINGS[name], texts, {})
        except SettingsError as error:
            yield VARIABLE.sub(lambda match: match[0].title().replace("_", ""), str(error))
            return
    given, port = template.parameters, template.parameters["PushgatewayPort"]
    if ":" in given["Detector"] + given["Strategy"] and not given["OwnCodeLayer"]:
        yield "OwnCodeLayer - Detector or Strategy is your own: name the layer that has it."
    url = urlsplit(given["PushgatewayUrl"])
    used = str(url.port or (80 if url.scheme == "http" else 443))
    if given["Network"] == "own-vpc" and used not in {"443", port}:
        yield f"PushgatewayPort - it is {port}, but PushgatewayUrl has port {used}."


def _not_in_this_account(there: DeployedStack, given: Mapping[str, str]) -> Iterator[str]:
    """Yield what the account's stacks, quotas and networks do not allow."""
    client, before, stage = there.clients, there.parameters, given["Stage"]
    try:
        other = DeployedStack.of_stage(stage, there.region, client).name
    except BadInput:
        other = there.name
    if other != there.name and before.get("Stage") != stage:
        yield f"Stage - {stage} is the stack {other}'s: their metrics and alarms would mix."
    if more := len(SETTINGS) * max(int(given[RESERVED]) - int(before.get(RESERVED, 0)), 0):
        read = aws_call(RESERVED, client("lambda").get_account_settings)
        free = read["AccountLimit"]["UnreservedConcurrentExecutions"]
        if free - more < LEFT_UNRESERVED:
            yield (
                f"{RESERVED} - the account has {free} unreserved invocations at a time and Lambda"
                f" keeps {LEFT_UNRESERVED}: set it to 0, or ask for a higher quota."
            )
    if given["Network"] == "existing-vpc":
        subnets, groups = (given[name].split(",") for name in ("SubnetIds", "SecurityGroupIds"))
        try:
            aws_call("SubnetIds", client("ec2").describe_subnets, SubnetIds=subnets)
            aws_call("SecurityGroupIds", client("ec2").describe_security_groups, GroupIds=groups)
        except AwsRefused as error:
            yield str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
