"""`pumpwatch tune`: search settings, walk forward, and judge them on candles never searched."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, Detector, Folder, QuotePrice, Setting, Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import Progress

    from pumpwatch_workbench.research.backtest.recordings import Recordings
    from pumpwatch_workbench.research.tune.pool import SignalPool
    from pumpwatch_workbench.research.tune.search import BestSettings
    from pumpwatch_workbench.research.tune.space import SearchSpace
    from pumpwatch_workbench.research.tune.splits import Fold, WalkPlan

MOST_WORKERS = 256


class Objective(StrEnum):
    """What a search makes as large as it can."""

    T = "t"
    PROFIT = "profit"


class EngineName(StrEnum):
    """Where trials are evaluated."""

    LOCAL = "local"
    RAY = "ray"


def tune(
    folder: Folder,
    *,
    strategy: Annotated[Strategy, typer.Option(help="fade or ride.")] = Strategy.FADE,
    detector: Annotated[Detector, typer.Option(help="The rule.")] = Detector.BOOSTED,
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
    ] = Objective.T,
    seed: Annotated[int, typer.Option(help="Same seed, same search.", min=0)] = 1,
    workers: Annotated[int, typer.Option(help="Processes that try settings.")] = 1,
    engine: Annotated[EngineName, typer.Option(help="ray is for a cluster.")] = EngineName.LOCAL,
    address: Annotated[str, typer.Option(help="The Ray cluster's; empty: this machine.")] = "",
    study: Annotated[
        Path | None, typer.Option(help="File that keeps the trials; given again, it goes on.")
    ] = None,
    quote_price: QuotePrice = None,
    report: Annotated[Path, typer.Option(help="Where the report page goes.")] = Path(
        "build/tune-report.html"
    ),
    as_json: AsJson = False,
) -> None:
    """Search settings that would have made money, and say how far to trust them.

    Walks forward: each fold searches on the past and is judged on what came after it. The last
    part of the time is a hold-out that no search ever sees; the settings found on everything
    before it are judged on it once. An interrupted search goes on from its study file.
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    from pumpwatch_workbench.kept_memory import keep_freed_memory  # noqa: PLC0415
    from pumpwatch_workbench.pages.files import check_report_path, write_page  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.recordings import Recordings  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.doubts import doubts  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.engines import check_engine, opened  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.page import (  # noqa: PLC0415
        TuneReport,
        print_tuned,
        render_tuned,
    )
    from pumpwatch_workbench.research.tune.search import check_study, storage_at  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.splits import split  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.walk_forward import walk_forward  # noqa: PLC0415

    if not 1 <= workers <= MOST_WORKERS:
        raise BadInput(f"--workers is {workers}: give a number from 1 to {MOST_WORKERS}")
    path = study or Path("build") / f"tune-{folder.resolve().name}-{strategy}.journal"
    check_engine(engine, address)
    check_study(path)
    check_report_path(report)
    keep_freed_memory()
    console = Console(stderr=True)
    space = _space(strategy, detector, search or (), set_ or ())
    recordings = Recordings(folder, quote_price=quote_price)
    pool = _pool(recordings, space)
    recordings.check_length(max(one.detect.warm_up_minutes for one in space.loosest()))
    plan = split(list(recordings.segments.values()), folds=folds, holdout=holdout)
    purpose = _purpose(pool, space, plan, objective, seed)
    storage = storage_at(path, purpose)
    with (
        opened(engine, pool, space, workers=workers, address=address) as running,
        _progress(console) as bars,
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
            progress=_teller(bars, plan, trials),
        )
    found = doubts(tuned)
    page = write_page(render_tuned(TuneReport(tuned, folder.resolve().name, found)), report)
    if as_json:
        steps = [step.to_json() for step in tuned.steps]
        typer.echo(
            json.dumps(
                {
                    "strategy": strategy,
                    "detector": space.detector,
                    "settings": dict(tuned.settings),
                    "trials": tuned.trials,
                    "folds": steps[:-1],
                    "final": steps[-1],
                    "warnings": found,
                    "minutes": recordings.minutes,
                    "study": str(path),
                }
            )
        )
    else:
        print_tuned(tuned, found, Console())
    if gaps := recordings.gaps():
        console.print(gaps, highlight=False)
    console.print(f"Study: {path}", soft_wrap=True, highlight=False)
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)


def _space(
    strategy: str, detector: str, search: list[str] | tuple[()], fixed: list[str] | tuple[()]
) -> SearchSpace:
    from pumpwatch_workbench.research.tune.space import space_for  # noqa: PLC0415

    if strategy == Strategy.ALERT:
        raise BadInput("alert places no orders: tune fade or ride")
    return space_for(strategy, detector, search=search, fixed=fixed)


def _pool(recordings: Recordings, space: SearchSpace) -> SignalPool:
    from pumpwatch_workbench.cli.progress import track  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.pool import SignalPool  # noqa: PLC0415

    blocks = track(recordings.blocks(), "Segments of candles", len(recordings.segments))
    return SignalPool(blocks, space.loosest())


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


def _progress(console: Console) -> Progress:
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[best]}"),
        console=console,
        disable=not console.is_terminal,
    )


def _teller(
    bars: Progress, plan: WalkPlan, trials: int
) -> Callable[[Fold, int, BestSettings | None], None]:
    """Return what shows how far each fold is, and the best so far."""
    tasks = {fold.name: bars.add_task(fold.name, total=trials, best="") for fold in plan.folds}

    def tell(fold: Fold, done: int, best: BestSettings | None) -> None:
        text = ""
        if best is not None:
            one = best.verdict
            text = f"best {one.shrunk_t:.2f}, {one.trades} trades, {one.profit:+,.0f} USDT"
        bars.update(tasks[fold.name], completed=done, best=text)

    return tell
