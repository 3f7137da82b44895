"""Options and questions that `doctor`, `status`, `halt` and `resume` share.

For a deployed stack they use your AWS credentials, as the AWS command line finds them, and no key
of the exchange; for paper trading on this machine its file is enough.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.aws import clients_in
from pumpwatch_workbench.operations.installation import (
    Installation,
    installation_of_stack,
    installation_of_store,
)
from pumpwatch_workbench.operations.stack import DeployedStack

StackName = Annotated[str, typer.Option("--stack", help="Name of the CloudFormation stack.")]
Store = Annotated[
    Path | None,
    typer.Option(
        help="Paper trading on this machine instead: its file, such as ~/.pumpwatch/paper.db."
    ),
]
Reason = Annotated[str, typer.Option(help="Why; it is recorded with your name.")]
STACK = "pumpwatch"
SHORTEST_REASON = 3


@contextmanager
def changing(reason: str, store: Path | None, stack: str, region: str) -> Iterator[Installation]:
    """Yield the installation to halt or resume. Raises `BadInput`, `AwsRefused`."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise BadInput(
            f"--reason is {reason!r}: say why in at least {SHORTEST_REASON} letters, for whoever"
            " looks at it next"
        )
    if store is None:
        yield installation_of_stack(deployed_stack(stack, region))
    else:
        refuse_both(stack, region)
        with installation_of_store(store) as installation:
            yield installation


def refuse_both(stack: str, region: str) -> None:
    """Raise `BadInput` where a stack is named beside a store."""
    if stack != STACK or region:
        raise BadInput("--store is paper trading on this machine: leave out --stack and --region")


def deployed_stack(name: str, region: str) -> DeployedStack:
    """Return the stack. Raises `BadInput`, `AwsRefused`."""
    where, client = clients_in(region)
    return DeployedStack.find(name, where, client)


def print_change(installation: Installation, **facts: object) -> None:
    """Print what was changed as JSON."""
    facts = {"stage": installation.stage, "running": not installation.at_rest, **facts}
    typer.echo(json.dumps(facts))


def say_when_at_rest(installation: Installation) -> None:
    """Say that the change takes effect only at the next start."""
    if installation.at_rest:
        typer.echo("It does not run now: this holds when pumpwatch paper is started.")


def ask(question: str) -> str:
    """Ask on standard error, which leaves --json output intact; return "" if nothing is typed."""
    try:
        if sys.stdin is None:
            raise typer.Abort
        return str(typer.prompt(question, default="", show_default=False, err=True))
    except typer.Abort as error:
        typer.echo(err=True)
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return ""
