"""`pumpwatch resume`: allow entries again."""

from __future__ import annotations

from typing import Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.operating import (
    Choice,
    Mode,
    Reason,
    StackName,
    Store,
    ask,
    print_change,
    say_when_at_rest,
)
from pumpwatch_workbench.cli.options import AsJson, Region
from pumpwatch_workbench.operations.halting import (
    SHORTEST_REASON,
    describe,
    halting_trades,
    resume_entries,
)


def resume(
    *,
    reason: Reason,
    trade: Annotated[
        list[str] | None,
        typer.Option(help="Signal id of a trade that halts entries and was looked at; repeatable."),
    ] = None,
    all_trades: Annotated[
        bool, typer.Option("--all-trades", help="All trades that halt entries were looked at.")
    ] = False,
    store: Store = None,
    mode: Mode = None,
    stack: StackName = "",
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Allow entries again; protections look back no further than this moment.

    It needs a name where there are several: --store, --mode or --stack. Trades that ended
    unexplained halt entries until they are named: they are shown and asked for.

    Examples:
      pumpwatch resume --reason "it was the feed"
      pumpwatch resume --reason "it was the feed" --stack pumpwatch --region eu-central-1
    """
    if len(reason.strip()) < SHORTEST_REASON:
        raise BadInput(
            f"--reason is {reason!r}: say why in at least {SHORTEST_REASON} letters, for whoever"
            " looks at it next"
        )
    with Choice(store, mode, stack, region).only_one() as installation:
        lost = halting_trades(installation.journal, installation.halts)
        halting = [each.signal_id for each in lost]
        named = set(halting if all_trades else trade or ())
        if halting and not named and not as_json:
            lines = "\n".join(describe(lost))
            typer.echo(f"Trades that halt entries until somebody has looked:\n{lines}", err=True)
            if ask("Have you looked at all of them? [y/N]").lower() in {"y", "yes"}:
                named = set(halting)
        left = {each.signal_id: each for each in resume_entries(installation, reason, named)}
    if as_json:
        return print_change(
            installation, halted=bool(left), looked_at=sorted(named), still_halting=list(left)
        )
    if left:
        typer.echo(f"{installation.name} still opens nothing, for trades not named:")
        for line in describe(left.values()):
            typer.echo(line)
    else:
        typer.echo(f"{installation.name} may open positions again from the next run on.")
    return say_when_at_rest(installation)
