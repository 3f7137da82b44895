"""`pumpwatch halt`: stop entries."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.operating import (
    STACK,
    Reason,
    StackName,
    Store,
    ask,
    changing,
    print_change,
    say_when_at_rest,
)
from pumpwatch_workbench.cli.options import AsJson, Region


def halt(
    *,
    reason: Reason,
    store: Store = None,
    stack: StackName = STACK,
    region: Region = "",
    close_positions: Annotated[
        bool, typer.Option("--close-positions", help="Close Pumpwatch's positions at market too.")
    ] = False,
    stage: Annotated[
        str, typer.Option(help="The stage's name, so that --close-positions does not ask for it.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Stop entries from the next run on; exits and stops go on.

    With --close-positions, trade also closes its own positions with reduce-only market orders, in
    every run until you resume. Positions of others on the account are left alone.

    Examples:
      pumpwatch halt --reason "odd fills" --store ~/.pumpwatch/paper.db
      pumpwatch halt --reason "odd fills" --close-positions --stage prod
    """
    with changing(reason, store, stack, region) as installation:
        if close_positions:
            count = sum(trade.state.live for trade in installation.journal.live_trades())
            _confirm(installation.stage, stage, count)
        now = time.time_ns() // 1_000_000
        wanted = Halt(reason, now, by=installation.operator, close_positions=close_positions)
        installation.halts.halt(wanted)
        current = installation.halts.current() or wanted
    earlier = current.reason != reason
    if as_json:
        return print_change(installation, halted=True, earlier=earlier, halt=asdict(current))
    if earlier:
        typer.echo(f"It was halted already, by {current.by}: {current.reason}")
    closing = " and closes its positions" if close_positions else ""
    typer.echo(
        f"{installation.stage} opens nothing{closing} from the next run on. See: {installation.see}"
    )
    return say_when_at_rest(installation)


def _confirm(expected: str, given: str, count: int) -> None:
    """Raise `BadInput` unless the stage's name is given, or typed when asked for."""
    answer = given or ask(
        f"{count} positions of {expected} are closed at market. Type the stage's name to go on"
    )
    if not answer:
        raise BadInput(
            f"nothing was typed, so nothing was done: give --stage {expected} to go on unasked"
        )
    if answer != expected:
        raise BadInput(f"{answer!r} is not the stage's name, {expected!r}: nothing was done")
