"""An installation that commands speak of: a deployed stack, or a store on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pumpwatch.bootstrap.trade import TradeStores
from pumpwatch.ports import HaltStore, Journal
from pumpwatch_workbench.local.home import home
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLockStore,
    SqliteOwnLeases,
    SqlitePaperStore,
    SqliteSignalStore,
    SqliteTotalsStore,
    holder_of,
)

from .stack import DeployedStack, user_here


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation as `halt`, `resume` and `close` see it."""

    stage: str
    mode: str
    name: str
    """Kind and place, as messages say it."""
    halts: HaltStore
    journal: Journal
    operator: str
    """The name of the person at the keyboard."""
    option: str
    """The option that names it."""
    at_rest: bool = False
    """True while it is not running: a change takes effect when somebody starts it."""


def stores_of(database: Database) -> TradeStores:
    """Return what trade keeps in a store on this machine."""
    return TradeStores(
        journal=SqliteJournal(database),
        signals=SqliteSignalStore(database),
        halts=SqliteHaltStore(database),
        locks=SqliteLockStore(database),
        leases=SqliteOwnLeases(database),
        totals=SqliteTotalsStore(database),
        paper=SqlitePaperStore(database),
    )


def local_stores() -> list[Path]:
    """Return the stores in the folder of a person: those that run first, then the newest."""
    paths = sorted(home().glob("*.db"), key=lambda path: path.stat().st_mtime, reverse=True)
    return sorted(paths, key=lambda path: holder_of(path) is None)


def mode_of(database: Database) -> str:
    """Return the mode that a store is of."""
    return database.note("mode") or "paper"


def stage_of(database: Database) -> str:
    """Return the stage that a store is of."""
    return database.note("stage") or mode_of(database)


def name_of_store(path: Path, mode: str = "") -> str:
    """Return a store's name in messages."""
    here, person = path.absolute(), Path.home()
    shown = Path("~") / here.relative_to(person) if here.is_relative_to(person) else here
    return f"{mode or path.stem} on this machine ({shown})"


def name_of_stack(stack: DeployedStack) -> str:
    """Return a stack's name in messages. Raises `AwsRefused`."""
    return f"stage {stack.stage}, stack {stack.name} in {stack.region}"


@contextmanager
def installation_of_stack(stack: DeployedStack) -> Iterator[Installation]:
    """Yield a deployed stack. Raises `AwsRefused`."""
    stores = TradeStores.in_aws(stack.table(), paper=False)
    yield Installation(
        stage=stack.stage,
        mode=stack.output("TradingMode"),
        name=name_of_stack(stack),
        halts=stores.halts,
        journal=stores.journal,
        operator=stack.operator(),
        option=f"--stack {stack.name}",
    )


@contextmanager
def installation_of_store(path: Path, *, may_be_older: bool = False) -> Iterator[Installation]:
    """Open a store beside the process that uses it. Raises `StoreProblem`."""
    with closing(Database(path, alone=False, may_be_older=may_be_older)) as database:
        mode, stores = mode_of(database), stores_of(database)
        yield Installation(
            stage=stage_of(database),
            mode=mode,
            name=name_of_store(path, mode),
            halts=stores.halts,
            journal=stores.journal,
            operator=user_here(),
            option=f"--store {path}",
            at_rest=holder_of(path) is None,
        )
