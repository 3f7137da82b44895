"""`pumpwatch tune`: search settings, walk forward, and judge them on candles never searched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import (
    AsJson,
    DetectorOption,
    Folder,
    QuotePrice,
    ReportPage,
    Setting,
    StrategyOption,
    check_range,
)
from pumpwatch_workbench.cli.printing import print_end
from pumpwatch_workbench.cli.progress import bars, track
from pumpwatch_workbench.configuration.load import KNOWN
from pumpwatch_workbench.configuration.toml_file import merge_lines
from pumpwatch_workbench.pages.files import check_report_path, check_writable, write_page
from pumpwatch_workbench.processes import keep_freed_memory
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.backtest.settings import settings_of_file
from pumpwatch_workbench.research.sample import sample_warning
from pumpwatch_workbench.research.tune.doubts import doubts
from pumpwatch_workbench.research.tune.engines import check_engine, opened
from pumpwatch_workbench.research.tune.page import print_tuned, render_tuned
from pumpwatch_workbench.research.tune.pool import SignalPool
from pumpwatch_workbench.research.tune.search import BestSettings, check_study, storage_at
from pumpwatch_workbench.research.tune.space import SearchSpace, space_for
from pumpwatch_workbench.research.tune.splits import Fold, WalkPlan, split
from pumpwatch_workbench.research.tune.walk_forward import Tuned, walk_forward

MOST_WORKERS = 256
Objective = Literal["t", "profit"]
EngineName = Literal["local", "ray"]


def tune(
    folder: Folder,
    *,
    strategy: StrategyOption = None,
    detector: DetectorOption = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=LOW:HIGH", help="What to search, or KEY=ONE,TWO; else a usual choice."
        ),
    ] = None,
    set_: Setting = None,
    trials: Annotated[int, typer.Option(help="Settings to try in each fold.", min=1)] = 100,
    folds: Annotated[int, typer.Option(help="Steps of the walk forward, 0 to 12.")] = 3,
    holdout: Annotated[float, typer.Option(help="Last share of the time, never searched.")] = 0.25,
    objective: Annotated[
        Objective, typer.Option(help="t: mean return of a trade over its error, shrunk; or profit.")
    ] = "t",
    seed: Annotated[int, typer.Option(help="Same seed, same search.", min=0)] = 1,
    workers: Annotated[int, typer.Option(help="Processes that try settings.")] = 1,
    engine: Annotated[EngineName, typer.Option(help="ray is for a cluster.")] = "local",
    address: Annotated[str, typer.Option(help="The Ray cluster's; empty: this machine.")] = "",
    study: Annotated[
        Path | None, typer.Option(help="File that keeps the trials; given again, it goes on.")
    ] = None,
    quote_price: QuotePrice = None,
    write: Annotated[
        Path | None, typer.Option(help="Write what was found into this pumpwatch.toml.")
    ] = None,
    report: ReportPage = Path("build/tune-report.html"),
    as_json: AsJson = False,
) -> None:
    """Search settings that would have made money; say how far to trust them.

    Walks forward: each fold searches on the past and is judged on what came after it. The last
    part of the time is a hold-out that no search ever sees; the settings found on everything
    before it are judged on it once. An interrupted search goes on from its study file.

    Examples:
      pumpwatch tune candles --trials 200 --workers 2
      pumpwatch tune candles --search ewma_jump=0.02:0.1 --rule ewma
      pumpwatch tune candles --write pumpwatch.toml
    """
    check_range("--workers", workers, 1, MOST_WORKERS)
    acts, rule = strategy or "fade", detector or "boosted"
    path = study or Path("build") / f"tune-{folder.resolve().name}-{acts.replace(':', '-')}.journal"
    check_engine(engine, address)
    check_study(path)
    check_report_path(report)
    keep_freed_memory()
    console = Console(stderr=True)
    if write is not None:
        settings_of_file(write if write.exists() else None)
        check_writable("the settings", write)
    if acts == "alert":
        raise BadInput("alert places no orders: tune fade or ride")
    space = space_for(acts, rule, search=search or (), fixed=set_ or ())
    recordings = Recordings(folder, quote_price=quote_price)
    blocks = track(recordings.blocks(), "Segments of candles", len(recordings.segments))
    pool = SignalPool(blocks, space.loosest())
    recordings.check_length(max(loosest.detect.warm_up_minutes for loosest in space.loosest()))
    plan = split(list(recordings.segments.values()), folds=folds, holdout=holdout)
    storage = storage_at(path, _purpose(pool, space, plan, objective, seed))
    with (
        opened(engine, pool, space, workers=workers, address=address) as running,
        bars(transient=False) as progress,
    ):
        tuned = walk_forward(
            plan,
            space,
            running,
            storage,
            objective=objective,
            trials=trials,
            seed=seed,
            alarms=pool.alarms,
            progress=_teller(progress, plan, trials),
        )
    own = "is your own: only Pumpwatch's settings were searched, none of its"
    warnings = [f"{name} {own}." for name in (acts, rule) if ":" in name]
    warnings += doubts(tuned) + sample_warning(space.detector, recordings.fingerprints)
    page = write_page(render_tuned(tuned, folder.resolve().name, warnings), report)
    if write is not None:
        merge_lines(write, _found(tuned))
    if as_json:
        document = {
            "strategy": acts,
            "detector": space.detector,
            **_json(tuned),
            "warnings": warnings,
            "minutes": recordings.minutes,
            "study": str(path),
        }
        typer.echo(json.dumps(document))
    else:
        print_tuned(tuned, warnings, Console())
    print_end(console, recordings.gaps(), study=path, report=page, settings=write)


def _found(tuned: Tuned) -> dict[str, str]:
    """Return strategy, rule, what was fixed and what was found; assumptions are no settings."""
    chosen = {"strategy": tuned.space.strategy, "detector": tuned.space.detector}
    settings = {**chosen, **tuned.space.fixed, **tuned.settings}
    return {name: text for name, text in settings.items() if name in KNOWN}


def _json(tuned: Tuned) -> dict[str, object]:
    steps = [step.to_json() for step in tuned.steps]
    return {
        "settings": dict(tuned.settings),
        "trials": tuned.trials,
        "folds": steps[:-1],
        "final": steps[-1],
    }


def _purpose(
    pool: SignalPool, space: SearchSpace, plan: WalkPlan, objective: str, seed: int
) -> dict[str, object]:
    """Return what a study is about: trials of another purpose say nothing about this one."""
    coverage = pool.coverage
    return {
        "candles": [coverage.begin, coverage.end, coverage.candles, pool.alarms],
        "space": space.describe(),
        "folds": [str(fold) for fold in plan.folds],
        "objective": objective,
        "seed": seed,
    }


def _teller(
    progress: Progress, plan: WalkPlan, trials: int
) -> Callable[[Fold, int, BestSettings | None], None]:
    tasks = {fold.name: progress.add_task(fold.name, total=trials, note="") for fold in plan.folds}

    def tell(fold: Fold, done: int, best: BestSettings | None) -> None:
        text = ""
        if best is not None:
            verdict = best.verdict
            text = (
                f"best {verdict.shrunk_t:.2f}, {verdict.trades} trades, {verdict.profit:+,.0f} USDT"
            )
        progress.update(tasks[fold.name], completed=done, note=text)

    return tell
