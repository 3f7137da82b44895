"""`pumpwatch doctor`: check a deployed stack."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pumpwatch_workbench.cli.operating import Choice, StackName
from pumpwatch_workbench.cli.options import AsJson, Region
from pumpwatch_workbench.cli.progress import awaited
from pumpwatch_workbench.operations.doctor import Doctor
from pumpwatch_workbench.operations.findings import Level


def doctor(
    *,
    stack: StackName = "",
    region: Region = "",
    post_deploy: Annotated[
        bool, typer.Option("--post-deploy", help="The first day's list: warnings fail too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a deployed stack from here and from inside its functions.

    Says what to do about each problem. Exit status 1: a check failed; with --post-deploy also a
    warning.

    Examples:
      pumpwatch doctor
      pumpwatch doctor --post-deploy --json
    """
    findings = []
    for finding in awaited(
        Doctor(Choice(stack=stack, region=region).find_stack()).examine(), "Checking"
    ):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.level.value:<5} {finding.name}: {finding.detail}".rstrip(": "))
            if finding.level is not Level.OK and finding.advice:
                typer.echo(f"      -> {finding.advice}")
    bad = {Level.FAIL, Level.WARN} if post_deploy else {Level.FAIL}
    count = sum(finding.level in bad for finding in findings)
    if as_json:
        typer.echo(json.dumps([finding.to_json() for finding in findings]))
    elif post_deploy:
        typer.echo(f"{'FAIL' if count else 'PASS'}: {count} of {len(findings)} checks are not good")
    if count:
        raise typer.Exit(1)
