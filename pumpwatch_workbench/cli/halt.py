"""`pumpwatch halt`: stop entries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch_workbench.cli.operating import (
    BY_HAND,
    Choice,
    Mode,
    Reason,
    StackName,
    Store,
    ask,
    facts_of,
    say_when_at_rest,
)
from pumpwatch_workbench.cli.options import AsJson, Region
from pumpwatch_workbench.local.store import StoreProblem
from pumpwatch_workbench.operations.halting import halt_entries
from pumpwatch_workbench.operations.installation import Installation

Says = Callable[[str], object]
Facts = list[dict[str, Any]]


def halt(
    *,
    reason: Reason = BY_HAND,
    close_positions: Annotated[
        bool, typer.Option("--close-positions", help="Close Pumpwatch's positions at market too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Close positions unasked.")] = False,
    store: Store = None,
    mode: Mode = None,
    stack: StackName = "",
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Stop entries from the next run on; exits and stops go on.

    Without a name it halts all it can reach: every store in ~/.pumpwatch, and the stack pumpwatch.
    With --close-positions, trade also closes its own positions with reduce-only market orders, in
    every run until you resume. Positions of others on the account are left alone.

    Exit status 1: something that is there could not be halted.

    Examples:
      pumpwatch halt
      pumpwatch halt --close-positions --yes
      pumpwatch halt --reason "odd fills" --stack pumpwatch
    """
    choice, now = Choice(store, mode, stack, region), time.time_ns() // 1_000_000
    wanted = Halt(reason, now, close_positions=close_positions and yes)
    says = (lambda text: None) if as_json else typer.echo
    halted, missed = _reach(choice, wanted, says)
    if not halted:
        reasons = [f"{place['name']}: {place['reason']}" for place in missed]
        raise BadInput("; ".join(["nothing was halted", *reasons]))
    if close_positions and not yes:
        if ask("Close all their positions at market? [y/N]").lower() not in {"y", "yes"}:
            raise BadInput("entries are halted, no position is closed: give --yes to close them")
        halted, missed = _reach(choice, replace(wanted, close_positions=True), says)
    if as_json:
        facts = {"halted": True, "installations": halted, "not_reached": missed}
        typer.echo(json.dumps(facts))
    if any(not place["absent"] for place in missed):
        raise typer.Exit(1)


def _reach(choice: Choice, wanted: Halt, says: Says) -> tuple[Facts, Facts]:
    """Halt what the choice names, or all; return the facts of it, and what was not reached."""
    halted, missed = [], []
    for name, opened in choice.everything():
        try:
            with opened() as installation:
                halted.append(_halt(installation, wanted, says))
        except PumpwatchError as error:
            if choice.is_named:
                raise
            # Where nothing is deployed nothing is missed; a store that is there is.
            absent = isinstance(error, BadInput) and not isinstance(error, StoreProblem)
            missed.append({"name": name, "reason": str(error), "absent": absent})
            says(f"{'' if absent else 'NOT HALTED: '}{name}: {error}")
    return halted, missed


def _halt(installation: Installation, wanted: Halt, says: Says) -> dict[str, Any]:
    now = halt_entries(installation, wanted)
    closing = " and closes its positions" if now.close_positions else ""
    says(f"{installation.name}: opens nothing{closing} from the next run on.")
    earlier = now.since != wanted.since
    if earlier:
        says(f"It was halted already, by {now.by}: {now.reason}")
    say_when_at_rest(installation, says)
    return facts_of(installation) | {"halted": True, "earlier": earlier, "halt": asdict(now)}
