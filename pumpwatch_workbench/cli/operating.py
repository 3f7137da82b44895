"""The installation that `doctor`, `status`, `halt`, `resume` and `close` speak of.

For a deployed stack they use your AWS credentials, as the AWS command line finds them, and no key
of the exchange; for a store on this machine its file is enough.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch_workbench.cli.aws import clients_in
from pumpwatch_workbench.local.home import home
from pumpwatch_workbench.operations.installation import (
    Installation,
    installation_of_stack,
    installation_of_store,
    local_stores,
    name_of_stack,
    name_of_store,
)
from pumpwatch_workbench.operations.stack import DeployedStack

ModeName = Literal["paper", "demo", "live"]
StackName = Annotated[str, typer.Option("--stack", help="Name of the CloudFormation stack.")]
Store = Annotated[Path | None, typer.Option(help="A store's file on this machine.")]
Mode = Annotated[
    ModeName | None, typer.Option(help="The store of that mode here, such as ~/.pumpwatch/live.db.")
]
ModeOfTrades = Annotated[
    ModeName | None, typer.Option(help="Trades of that mode; by default the newest trade's.")
]
Reason = Annotated[str, typer.Option(help="Why; it is recorded with your name.")]
STACK = "pumpwatch"
BY_HAND = "by hand"
Opened = AbstractContextManager[Installation]


@dataclass(frozen=True, slots=True)
class Choice:
    """The options that name an installation. Raises `BadInput` for two names."""

    store: Path | None = None
    mode: str | None = None
    stack: str = ""
    region: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.store, self.mode, self.stack or self.region))) > 1:
            raise BadInput("--store, --mode and --stack name different installations: give one")

    @property
    def is_named(self) -> bool:
        """Return whether an option names it."""
        return bool(self.store or self.mode or self.stack or self.region)

    def stores(self) -> list[Path]:
        """Return the stores on this machine that are meant; none where a stack is named."""
        if self.mode:
            return [home() / f"{self.mode}.db"]
        if self.is_named:
            return [self.store] if self.store else []
        return local_stores()

    def first_store(self) -> Path:
        """Return the store that is meant, of several one that runs or the newest."""
        return next(iter(self.stores()), home() / "paper.db")

    def find_stack(self, *, hasty: bool = False) -> DeployedStack:
        """Return the stack. Raises `BadInput` where there is none, `AwsRefused`."""
        try:
            return deployed_stack(self.stack or STACK, self.region, hasty=hasty)
        except BadInput as error:
            if self.is_named or self.stores():
                raise
            raise BadInput(f"there is no store in {home()}, and {error}") from None

    def everything(self) -> Iterator[tuple[str, Callable[[], Opened]]]:
        """Yield what each is called and how to open it: what is named, or all, the stores first."""
        stores = self.stores()
        for path in stores:
            opened = partial(installation_of_store, path, may_be_older=True)
            yield name_of_store(path), opened
        if not (self.is_named and stores):
            yield "AWS", lambda: installation_of_stack(self.find_stack(hasty=True))

    def only_one(self) -> Opened:
        """Return how to open what is named, or the only one there is. Raises `BadInput`."""
        stores = self.stores()
        names = [name_of_store(path) for path in stores]
        if stores and not self.is_named:
            with suppress(PumpwatchError):  # what cannot be reached is not meant
                names.append(name_of_stack(self.find_stack(hasty=True)))
            if len(names) > 1:
                raise BadInput(
                    f"there are {', and '.join(names)}: name one with --store, --mode or --stack"
                )
        return (
            installation_of_store(stores[0]) if stores else installation_of_stack(self.find_stack())
        )


def deployed_stack(name: str, region: str, *, hasty: bool = False) -> DeployedStack:
    """Return the stack. Raises `BadInput`, `AwsRefused`."""
    where, client = clients_in(region, hasty=hasty)
    return DeployedStack.find(name, where, client)


def print_change(installation: Installation, **facts: object) -> None:
    """Print what was changed as JSON."""
    typer.echo(json.dumps(facts_of(installation) | facts))


def facts_of(installation: Installation) -> dict[str, object]:
    """Return what names an installation in JSON."""
    return {
        "stage": installation.stage,
        "mode": installation.mode,
        "name": installation.name,
        "running": not installation.at_rest,
    }


def say_when_at_rest(
    installation: Installation, says: Callable[[str], object] = typer.echo
) -> None:
    """Say that the change takes effect only at the next start."""
    if installation.at_rest:
        says("It does not run now: this holds when it is started.")


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
