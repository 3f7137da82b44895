"""`pumpwatch doctor`: check a desk on this machine, or a deployed stack."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from pumpwatch.errors import BadInput, SettingsError
from pumpwatch_workbench.cli.bybit import checked_address
from pumpwatch_workbench.cli.operating import Choice, Mode, StackName, Store
from pumpwatch_workbench.cli.options import (
    AsJson,
    Confirm,
    DeskUrl,
    KeyFile,
    Keyring,
    NotifyVariable,
    Region,
)
from pumpwatch_workbench.cli.progress import awaited
from pumpwatch_workbench.local.keys import key_source
from pumpwatch_workbench.local.store import Database, StoreProblem
from pumpwatch_workbench.operations.doctor import Doctor
from pumpwatch_workbench.operations.doctor_desk import DeskDoctor
from pumpwatch_workbench.operations.findings import Finding, Level
from pumpwatch_workbench.operations.installation import mode_of, name_of_store
from pumpwatch_workbench.play.desk.options import desk_options


def doctor(
    *,
    store: Store = None,
    mode: Mode = None,
    stack: StackName = "",
    region: Region = "",
    base_url: DeskUrl = None,
    confirm: Confirm = None,
    key_file: KeyFile = None,
    keyring: Keyring = None,
    notify_env: NotifyVariable = None,
    post_deploy: Annotated[
        bool, typer.Option("--post-deploy", help="The first day's list: warnings fail too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a desk on this machine before it starts, or a deployed stack.

    A desk: its store, disk, exchange, clock, symbols, key and messengers, by the options, variables
    and pumpwatch.toml that it starts with. A stack: from here and from inside its functions.
    Without a name it takes the running or newest store, or else the stack pumpwatch. Says what to
    do about each problem.

    Exit status 1: a check failed; with --post-deploy also a warning.

    Examples:
      pumpwatch doctor
      pumpwatch doctor --mode live --key-file /keys --confirm 123456
      pumpwatch doctor --stack pumpwatch --post-deploy --json
    """
    choice = Choice(store, mode, stack, region)
    stores = [] if post_deploy and not choice.is_named else choice.stores()
    if stores:
        given: dict[str, object] = {
            "live_trading_confirmation": confirm,
            "key_file": key_file,
            "keyring": keyring,
            "notify_env": notify_env,
            "bybit_base_url": base_url and checked_address("--base-url", base_url),
        }
        about, checks = name_of_store(stores[0]), _of_desk(stores[0], mode, given)
    else:
        deployed = choice.find_stack()
        about, checks = f"stack {deployed.name} in {deployed.region}", Doctor(deployed).examine()
    findings = []
    if not as_json:
        typer.echo(f"{about}:")
    for finding in awaited(checks, "Checking"):
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


def _of_desk(store: Path, mode: str | None, given: dict[str, object]) -> Iterator[Finding]:
    """Yield the findings about a desk with these options, and what is not noted in the store."""
    # What is wrong with the store is a finding.
    with suppress(StoreProblem), closing(Database(store, writable=False)) as database:
        mode = mode or mode_of(database)
        given["bybit_base_url"] = given["bybit_base_url"] or database.note("base_url")
    given |= {"store": store, "mode": mode}
    try:
        # The desk's start may name the strategy: nothing that is checked depends on it.
        options = desk_options(given, {"STRATEGY": "alert", **os.environ})
    except (BadInput, SettingsError) as error:
        advice = "Give the options and variables that the desk starts with."
        yield Finding("options", Level.FAIL, str(error), advice)
        return
    for warning in options.warnings:
        yield Finding("options", Level.WARN, warning)
    desk = options.desk
    secrets = key_source(file=desk.key_file, keyring=desk.keyring, environment=os.environ)
    yield from DeskDoctor(options, secrets).examine()
