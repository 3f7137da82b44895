"""`pumpwatch halt`: stop entries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
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
from pumpwatch_workbench.operations.installation import Installation


@dataclass(slots=True)
class _Outcome:
    """What became of a halt everywhere."""

    wanted: Halt
    choice: Choice
    stage: str
    says: Callable[[str], object]
    halted: list[dict[str, Any]] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)

    def reach(self) -> None:
        """Halt what the choice names, or all; note what cannot be reached."""
        for name, opened in self.choice.everything():
            try:
                with opened() as installation:
                    if self.stage in ("", installation.stage):
                        self._halt(installation)
            except PumpwatchError as error:
                if self.choice.is_named:
                    raise
                # Where nothing is deployed nothing is missed; a store that is there is.
                absent = isinstance(error, BadInput) and not isinstance(error, StoreProblem)
                self.missed.append({"name": name, "reason": str(error), "absent": absent})
                self.says(f"{'' if absent else 'NOT HALTED: '}{name}: {error}")

    def _halt(self, installation: Installation) -> None:
        halts, wanted = installation.halts, replace(self.wanted, by=installation.operator)
        halts.halt(wanted)
        now = halts.current() or wanted
        closing = " and closes its positions" if now.close_positions else ""
        self.says(f"{installation.name}: opens nothing{closing} from the next run on.")
        earlier = now.since != wanted.since
        if earlier:
            self.says(f"It was halted already, by {now.by}: {now.reason}")
        say_when_at_rest(installation, self.says)
        facts = {"halted": True, "earlier": earlier, "halt": asdict(now)}
        self.halted.append(facts_of(installation) | facts)


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
    stage: Annotated[
        str, typer.Option(help="Only what has this stage; --close-positions asks nothing then.")
    ] = "",
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
    unasked = close_positions and (yes or bool(stage))
    says = (lambda text: None) if as_json else typer.echo
    outcome = _Outcome(Halt(reason, now, close_positions=unasked), choice, stage, says)
    outcome.reach()
    if not outcome.halted:
        reasons = [f"{missed['name']}: {missed['reason']}" for missed in outcome.missed]
        raise BadInput("; ".join(["nothing was halted", *(reasons or [f"no stage is {stage}"])]))
    if close_positions and not unasked:
        if ask("Close all their positions at market? [y/N]").lower() not in {"y", "yes"}:
            raise BadInput("entries are halted, no position is closed: give --yes to close them")
        outcome = _Outcome(replace(outcome.wanted, close_positions=True), choice, stage, says)
        outcome.reach()
    if as_json:
        facts = {"halted": True, "installations": outcome.halted, "not_reached": outcome.missed}
        typer.echo(json.dumps(facts))
    if any(not missed["absent"] for missed in outcome.missed):
        raise typer.Exit(1)
