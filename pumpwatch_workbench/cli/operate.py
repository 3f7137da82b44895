"""`pumpwatch doctor`, `status`, `halt` and `resume`: what an operator does with an installation.

For a deployed stack they use your AWS credentials, as the AWS command line finds them, and no key
of the exchange; for paper trading on this machine its file is enough.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, Region

if TYPE_CHECKING:
    from pumpwatch_workbench.operations.installation import Installation
    from pumpwatch_workbench.operations.overview import Overview
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


def doctor(
    *,
    stack: StackName = STACK,
    region: Region = "",
    post_deploy: Annotated[
        bool, typer.Option("--post-deploy", help="The first day's list: warnings fail too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a deployed stack from here and from inside its functions; say what to do.

    Exit status 1 when something failed; with --post-deploy also for a warning.
    """
    from pumpwatch_workbench.cli.progress import awaited  # noqa: PLC0415 - slow imports
    from pumpwatch_workbench.operations.doctor import Doctor  # noqa: PLC0415
    from pumpwatch_workbench.operations.findings import Level  # noqa: PLC0415

    findings = []
    for finding in awaited(Doctor(_stack(stack, region)).examine(), "Checking"):
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


def status(
    *,
    store: Store = None,
    stack: StackName = STACK,
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Show what a deployed stack, or paper trading here, is doing: runs, halt, positions, pauses.

    Give --store for paper trading on this machine; it may be running meanwhile.
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    from pumpwatch_workbench.operations.overview_text import print_overview  # noqa: PLC0415

    seen = _overview(store, stack, region)
    if as_json:
        typer.echo(json.dumps(seen.to_json()))
    else:
        print_overview(seen, Console(highlight=False, markup=False))
    if seen.late:
        raise typer.Exit(1)


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
    """
    from pumpwatch.domain.trading.halt import Halt  # noqa: PLC0415

    _require_reason(reason)
    with _installation(store, stack, region) as found:
        if close_positions:
            count = sum(one.state.live for one in found.journal.live_trades())
            _confirm(found.stage, stage, f"{count} positions of {found.stage} are closed at market")
        now = time.time_ns() // 1_000_000
        asked = Halt(reason, now, by=found.operator, close_positions=close_positions)
        found.halts.halt(asked)
        current = found.halts.current() or asked
    earlier = current.reason != reason
    if as_json:
        return _print_change(found, halted=True, earlier=earlier, halt=asdict(current))
    if earlier:
        typer.echo(f"It was halted already, by {current.by}: {current.reason}")
    closing = " and closes its positions" if close_positions else ""
    typer.echo(f"{found.stage} opens nothing{closing} from the next run on. See: {found.see}")
    return _say_when_at_rest(found)


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
    stack: StackName = STACK,
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Allow entries again; protections look back no further than this moment.

    Trades that ended unexplained halt entries until they are named: they are shown and asked for.
    """
    from pumpwatch_workbench.operations.halting import describe, halting_trades  # noqa: PLC0415 - slow

    _require_reason(reason)
    with _installation(store, stack, region) as found:
        halting = {one.signal_id: one for one in halting_trades(found.journal, found.halts)}
        lines = "\n".join(describe(halting.values()))
        if unknown := set(trade or ()) - set(halting):
            raise BadInput(f"no trade that halts entries has the id {', '.join(sorted(unknown))}")
        named = set(halting if all_trades else trade or ())
        if halting and not named and not as_json:
            typer.echo(f"Trades that halt entries until somebody has looked:\n{lines}", err=True)
            if _answer("Have you looked at all of them? [y/N]").lower() in {"y", "yes"}:
                named = set(halting)
        if not named and found.halts.current() is None:
            only = f"only trades halt it: name them with --trade or --all-trades\n{lines}"
            nothing = only if halting else "it is not halted: there is nothing to resume"
            raise BadInput(f"{found.stage}: {nothing}")
        by = f"{found.operator}: {reason}"
        found.halts.resume(by=by, time=time.time_ns() // 1_000_000, trades=named)
    left = [one for signal_id, one in halting.items() if signal_id not in named]
    if as_json:
        still = [one.signal_id for one in left]
        return _print_change(found, halted=bool(left), looked_at=sorted(named), still_halting=still)
    typer.echo(
        "\n".join([f"{found.stage} still opens nothing, for trades not named:", *describe(left)])
        if left
        else f"{found.stage} may open positions again from the next run on."
    )
    return _say_when_at_rest(found)


def _print_change(found: Installation, **facts: object) -> None:
    typer.echo(json.dumps({"stage": found.stage, "running": not found.at_rest, **facts}))


def _say_when_at_rest(found: Installation) -> None:
    if found.at_rest:
        typer.echo("It does not run now: this holds when pumpwatch paper is started.")


@contextmanager
def _installation(store: Path | None, stack: str, region: str) -> Iterator[Installation]:
    """Give what is to be halted or resumed. Raises `BadInput`, `AwsRefused`."""
    from pumpwatch_workbench.operations.installation import (  # noqa: PLC0415 - slow imports
        installation_of_stack,
        installation_of_store,
    )

    if store is None:
        yield installation_of_stack(_stack(stack, region))
    else:
        _refuse_both(stack, region)
        with installation_of_store(store) as found:
            yield found


def _overview(store: Path | None, stack: str, region: str) -> Overview:
    from pumpwatch_workbench.operations.overview import overview, overview_of_store  # noqa: PLC0415

    if store is None:
        return overview(_stack(stack, region))
    from pumpwatch_workbench.local.store import Database  # noqa: PLC0415

    _refuse_both(stack, region)
    database = Database(store, writable=False)
    try:
        return overview_of_store(database)
    finally:
        database.close()


def _refuse_both(stack: str, region: str) -> None:
    if stack != STACK or region:
        raise BadInput("--store is paper trading on this machine: leave --stack and --region away")


def _stack(name: str, region: str) -> DeployedStack:
    """Return the stack. Raises `BadInput`, `AwsRefused`."""
    from pumpwatch_workbench.cli.aws import clients_in  # noqa: PLC0415 - slow imports
    from pumpwatch_workbench.operations.stack import DeployedStack  # noqa: PLC0415

    where, client = clients_in(region)
    return DeployedStack.find(name, where, client)


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise BadInput("--reason is empty: say why, for whoever looks at it next")


def _confirm(expected: str, given: str, consequence: str) -> None:
    answer = given or _answer(f"{consequence}. Type the stage's name to go on")
    if not answer:
        raise BadInput(
            f"nothing was typed, so nothing was done: give --stage {expected} to go on unasked"
        )
    if answer != expected:
        raise BadInput(f"{answer!r} is not the stage's name, {expected!r}: nothing was done")


def _answer(question: str) -> str:
    """Ask on standard error, so that --json stays whole; return nothing where nothing is typed."""
    try:
        if sys.stdin is None:
            raise typer.Abort
        return str(typer.prompt(question, default="", show_default=False, err=True))
    except typer.Abort as error:
        typer.echo(err=True)
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return ""
