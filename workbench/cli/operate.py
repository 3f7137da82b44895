"""`pumpwatch doctor`, `status`, `halt` and `resume`: what an operator does with a deployed stack.

They use your AWS credentials, as the AWS command line finds them, and no key of the exchange.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from workbench.operations.overview import Overview
    from workbench.operations.stack import DeployedStack

__all__ = ["doctor", "halt", "resume", "status"]

StackName = Annotated[str, typer.Option("--stack", help="Name of the CloudFormation stack.")]
Region = Annotated[
    str, typer.Option(help="AWS region; empty: that of your environment or profile.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
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
    from workbench.operations.doctor import Doctor  # noqa: PLC0415 - slow imports
    from workbench.operations.findings import Level  # noqa: PLC0415

    findings = []
    for finding in Doctor(_stack(stack, region)).examine():
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


def status(*, stack: StackName = STACK, region: Region = "", as_json: AsJson = False) -> None:
    """Show what a deployed stack is doing: runs, halt, positions, pauses.

    Exit status 1 when a function has not succeeded for three minutes.
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    from workbench.operations.overview import overview  # noqa: PLC0415

    seen = overview(_stack(stack, region))
    if as_json:
        typer.echo(json.dumps(seen.to_json()))
    else:
        _show(seen, Console(highlight=False))
    if seen.late:
        raise typer.Exit(1)


def halt(
    *,
    reason: Reason,
    stack: StackName = STACK,
    region: Region = "",
    close_positions: Annotated[
        bool, typer.Option("--close-positions", help="Close Pumpwatch's positions at market too.")
    ] = False,
    stage: Annotated[
        str, typer.Option(help="The stage's name, so that --close-positions does not ask for it.")
    ] = "",
) -> None:
    """Stop entries from the next run on; exits and stops go on.

    With --close-positions, trade also closes its own positions with reduce-only market orders, in
    every run until you resume. Positions of others on the account are left alone.
    """
    from pumpwatch.adapters.dynamodb import DynamoHaltStore, DynamoJournal  # noqa: PLC0415
    from pumpwatch.ports import Halt  # noqa: PLC0415

    _require_reason(reason)
    found = _stack(stack, region)
    table = found.table()
    if close_positions:
        count = len(DynamoJournal(table).live_trades())
        _confirm(found.stage, stage, f"{count} positions of {found.stage} are closed at market")
    now = time.time_ns() // 1_000_000
    store = DynamoHaltStore(table)
    store.halt(Halt(reason, now, by=found.operator(), close_positions=close_positions))
    current = store.current()
    if current is not None and current.reason != reason:
        typer.echo(f"It was halted already, by {current.by}: {current.reason}")
    closing = " and closes its positions" if close_positions else ""
    typer.echo(f"{found.stage} opens nothing{closing} from the next run on. See: pumpwatch status")


def resume(*, reason: Reason, stack: StackName = STACK, region: Region = "") -> None:
    """Allow entries again; protections look back no further than this moment."""
    from pumpwatch.adapters.dynamodb import DynamoHaltStore  # noqa: PLC0415 - slow imports

    _require_reason(reason)
    found = _stack(stack, region)
    store = DynamoHaltStore(found.table())
    if store.current() is None:
        raise BadInput(f"{found.stage} is not halted: there is nothing to resume")
    store.resume(by=f"{found.operator()}: {reason}", time=time.time_ns() // 1_000_000)
    typer.echo(f"{found.stage} may open positions again from the next run on.")


def _stack(name: str, region: str) -> DeployedStack:
    """Return the stack. Raises `BadInput`, `AwsRefused`."""
    import boto3  # noqa: PLC0415 - slow import

    from workbench.operations.stack import DeployedStack  # noqa: PLC0415

    session = boto3.session.Session()
    where = region or session.region_name or os.environ.get("AWS_REGION", "")
    if not where:
        raise BadInput("no region is set: give --region, for example --region eu-central-1")
    clients = {}

    def client(service: str) -> object:
        if service not in clients:
            clients[service] = session.client(service, region_name=where)  # type: ignore[call-overload]
        return clients[service]

    return DeployedStack.find(name, where, client)


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise BadInput("--reason is empty: say why, for whoever looks at it next")


def _confirm(expected: str, given: str, consequence: str) -> None:
    answer = given or typer.prompt(f"{consequence}. Type the stage's name to go on")
    if answer != expected:
        raise BadInput(f"{answer!r} is not the stage's name, {expected!r}: nothing was done")


def _show(seen: Overview, console: Console) -> None:
    from rich.table import Table  # noqa: PLC0415 - slow import

    console.print(f"{seen.stage}, {seen.mode} mode, {seen.orders_today} orders today (UTC)")
    for name, age in seen.ages.items():
        text = "never succeeded" if age is None else f"succeeded {age:.0f} s ago"
        console.print(f"{name}: {text}{'  <- late' if name in seen.late else ''}")
    if seen.halt is not None:
        closes = ", positions are closed" if seen.halt.close_positions else ""
        since = _moment(seen.halt.since)
        console.print(f"halted since {since} by {seen.halt.by}{closes}: {seen.halt.reason}")
    for lock in seen.locks:
        until = _moment(lock.until) if lock.until else "a person resumes"
        console.print(f"paused until {until}: {lock.protection} {lock.symbol}: {lock.reason}")
    if not seen.trades:
        console.print("no open positions")
        return
    table = Table("symbol", "side", "quantity", "entry", "stop", "state", "since")
    for one in seen.trades:
        cells = (one.symbol, one.side.value, one.quantity, one.entry_price, one.stop_loss)
        table.add_row(*(str(cell or "") for cell in cells), one.state.value, _moment(one.created))
    console.print(table)


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
