"""`pumpwatch resume`: allow entries again."""

from __future__ import annotations

import time
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
from pumpwatch_workbench.operations.halting import describe, halting_trades

SHORTEST_REASON = 3


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
        halts = installation.halts
        halting = {lost.signal_id: lost for lost in halting_trades(installation.journal, halts)}
        lines = "\n".join(describe(halting.values()))
        if unknown := set(trade or ()) - set(halting):
            raise BadInput(f"no trade that halts entries has the id {', '.join(sorted(unknown))}")
        named = set(halting if all_trades else trade or ())
        if halting and not named and not as_json:
            typer.echo(f"Trades that halt entries until somebody has looked:\n{lines}", err=True)
            if ask("Have you looked at all of them? [y/N]").lower() in {"y", "yes"}:
                named = set(halting)
        if not named and halts.current() is None:
            only = f"only trades halt it: name them with --trade or --all-trades\n{lines}"
            nothing = only if halting else "it is not halted: there is nothing to resume"
            raise BadInput(f"{installation.name}: {nothing}")
        by = f"{installation.operator}: {reason}"
        halts.resume(by=by, time=time.time_ns() // 1_000_000, trades=named)
    left = {signal_id: lost for signal_id, lost in halting.items() if signal_id not in named}
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
