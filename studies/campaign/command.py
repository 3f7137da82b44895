"""`pumpwatch campaign`: seeded worlds full of faults, and whether the promise of trading held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, check_range
from pumpwatch_workbench.cli.progress import stepping
from studies.campaign.campaign import Campaign, play_worlds
from studies.campaign.exchange import InProcess, OverHttp
from studies.campaign.world import WorldResult
from studies.campaign.world import play as play_world

MOST_SEEDS = 10_000_000
MOST_WORKERS = 64


def campaign(
    *,
    seeds: Annotated[int, typer.Option(help="How many worlds to play.")] = 300,
    first: Annotated[int, typer.Option(help="The first world's seed.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes side by side; 0 for one per core.")] = 0,
    over_http: Annotated[
        bool,
        typer.Option("--over-http", help="Trade through pybit on a simulator, faults on the wire."),
    ] = False,
    replay: Annotated[
        int | None, typer.Option(help="Play this one world and print what happened in it.")
    ] = None,
    planted: Annotated[
        bool,
        typer.Option("--planted", help="Plant known bugs, one at a time, and see who notices."),
    ] = False,
    bug: Annotated[
        list[str] | None,
        typer.Option(help="With --planted, only the bug of this name; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Trade in seeded worlds full of faults and check trading's promise.

    Each world has a random market, signals, faults, crashes, and late, doubled and overlapping
    invocations. The promise is checked after every tick: one entry per signal, a stop on every
    position, journal and exchange agree, no limit exceeded, one writer.

    Exit status 1: the promise broke in a world; its seed is named, and `--replay SEED` shows what
    happened there. With `--planted`: a bug was missed. Each is tried by the test that it names, or
    by `--seeds` worlds.

    Examples:
      pumpwatch campaign --seeds 300
      pumpwatch campaign --replay 3 --json
    """
    check_range("--seeds", seeds, 1, MOST_SEEDS)
    check_range("--first", first, 0, MOST_SEEDS)
    check_range("--workers", workers, 0, MOST_WORKERS)
    if replay is not None:
        check_range("--replay", replay, 0, 2 * MOST_SEEDS)
        world = _player(over_http=over_http, traced=True)(replay)
        if as_json:
            typer.echo(json.dumps(_world(world)))
        else:
            _print_world(world, Console())
        raise typer.Exit(1 if world.broken else 0)
    if planted:
        raise typer.Exit(_plant(bug or [], seeds, workers or os.cpu_count() or 1, as_json=as_json))
    result = _play(
        range(first, first + seeds),
        workers or os.cpu_count() or 1,
        _player(over_http=over_http, traced=False),
    )
    if as_json:
        typer.echo(json.dumps(result.document()))
    else:
        _print(result, Console(), over_http=over_http)
    if result.broken:
        raise typer.Exit(1)


def _plant(names: Sequence[str], seeds: int, workers: int, *, as_json: bool) -> int:
    runner = Path(__file__).resolve().parents[2] / "tests" / "support" / "planted.py"
    if not runner.is_file():
        raise BadInput("--planted patches the sources: run it in a checkout of Pumpwatch")
    options = [f"--seeds={seeds}", f"--workers={workers}", *(f"--bug={name}" for name in names)]
    command = [sys.executable, str(runner), *options, *["--json"] * as_json]
    return subprocess.run(command, check=False).returncode


def _player(*, over_http: bool, traced: bool) -> Callable[[int], WorldResult]:
    connections = OverHttp if over_http else InProcess
    return partial(play_world, connections=connections, traced=traced)


def _play(seeds: range, workers: int, player: Callable[[int], WorldResult]) -> Campaign:
    result = Campaign()
    with stepping("Worlds", len(seeds)) as steps:
        for world in play_worlds(seeds, workers=min(workers, len(seeds)), player=player):
            result.add(world)
            steps.advance(f"{len(result.broken)} broken")
    return result


def _print(result: Campaign, console: Console, *, over_http: bool) -> None:
    table = Table(title="Faults", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("fault")
    table.add_column("injected", justify="right")
    table.add_column("survived", justify="right")
    for kind, count in sorted(result.struck.items()):
        table.add_row(kind, f"{count:,}", f"{result.survived[kind]:,}")
    console.print(table)
    count = result.worlds
    console.print(
        f"{count:,} worlds, each on average {result.symbols / count:.1f} symbols, "
        f"{result.ticks / count:.1f} ticks, {result.signals / count:.1f} signals, "
        f"{result.struck.total() / count:.1f} faults; {result.entries:,} entries, "
        f"{result.closed:,} of them closed.",
        highlight=False,
    )
    for world in result.broken:
        again = f"pumpwatch campaign --replay {world.seed}" + " --over-http" * over_http
        console.print(f"BROKEN  seed {world.seed}, tick {world.tick}: {world.broken}", style="red")
        console.print(f"        see it again: {again}", highlight=False)
    if not result.broken:
        console.print("The promise held in every world.", style="green")


def _print_world(world: WorldResult, console: Console) -> None:
    for line in world.trace:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if world.broken:
        console.print(f"BROKEN at tick {world.tick}: {world.broken}", style="red", markup=False)
    else:
        console.print(f"The promise held: {world.entries} entries, {world.struck.total()} faults.")


def _world(world: WorldResult) -> dict[str, object]:
    return {
        "seed": world.seed,
        "stores": world.stores,
        "ticks": world.ticks,
        "entries": world.entries,
        "faults": world.struck.total(),
        "broken": world.broken or None,
        "tick": world.tick,
        "trace": world.trace,
    }
