"""An installation to halt and resume: a deployed stack, or paper trading on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.ports import HaltStore, Journal
from pumpwatch_workbench.local.store import Database, SqliteHaltStore, SqliteJournal, holder_of
from pumpwatch_workbench.play.desk.options import STAGE

from .stack import DeployedStack, user_here


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation as `halt` and `resume` see it."""

    stage: str
    halts: HaltStore
    journal: Journal
    operator: str
    """The name of the person at the keyboard."""
    see: str
    at_rest: bool = False
    """True while it is not running: a change takes effect when somebody starts it."""


def installation_of_stack(stack: DeployedStack) -> Installation:
    """Return a deployed stack. Raises `AwsRefused`."""
    table = stack.table()
    return Installation(
        stage=stack.stage,
        halts=DynamoHaltStore(table),
        journal=DynamoJournal(table),
        operator=stack.operator(),
        see=f"pumpwatch status --stack {stack.name}",
    )


@contextmanager
def installation_of_store(path: Path) -> Iterator[Installation]:
    """Open paper trading's file beside the process that uses it. Raises `StoreProblem`."""
    database = Database(path, alone=False)
    try:
        yield Installation(
            stage=STAGE,
            halts=SqliteHaltStore(database),
            journal=SqliteJournal(database),
            operator=user_here(),
            see=f"pumpwatch status --store {path}",
            at_rest=holder_of(path) is None,
        )
    finally:
        database.close()
