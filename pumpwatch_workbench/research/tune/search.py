"""One search with Optuna: resumable, and the same whatever evaluates its trials.

Trials are asked for and told in batches of a fixed size. What a batch proposes depends on the seed
and on the trials finished before it, not on how many workers there are or how often the search was
interrupted between batches.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study

from pumpwatch.errors import BadInput

from .engines import TrialEngine
from .objective import BacktestSummary, Task
from .space import SearchSpace
from .splits import Fold

BATCH = 10
STARTUP = 20
"""Trials at random before the sampler learns from them."""


@dataclass(frozen=True, slots=True)
class BestSettings:
    """The best settings on the period of the search."""

    values: Mapping[str, str]
    verdict: BacktestSummary
    trials: int
    scores: tuple[float, ...] = ()
    """Values of the objective, of every trial in order."""


def check_study(path: Path) -> None:
    """Raise `BadInput` for a file that cannot keep trials, before any candle is read."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder: name a file with --study")
    if not path.exists():
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise BadInput(f"{path} cannot be written: name a --study in a folder you may write to")
    elif not (path.is_file() and os.access(path, os.R_OK | os.W_OK)):
        raise BadInput(f"{path} cannot be read and written: name another --study")


def storage_at(path: Path, purpose: Mapping[str, object]) -> JournalStorage:
    """Open the file that keeps the trials; `purpose` is what the search is about.

    Raises `BadInput` when the file cannot be written or belongs to another search.
    """
    stamp = hashlib.sha256(json.dumps(purpose, sort_keys=True).encode()).hexdigest()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            storage = JournalStorage(JournalFileBackend(str(path)))
            mark = optuna.create_study(study_name="purpose", storage=storage, load_if_exists=True)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written ({error.strerror}): name another --study"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path} is no study of ours ({error}): name another --study or remove it"
        ) from None
    known = mark.user_attrs.get("stamp")
    if known is None:
        mark.set_user_attr("stamp", stamp)
    elif known != stamp:
        raise BadInput(
            f"{path} belongs to a search with other candles or options: give the same ones to go "
            "on with it, name another --study, or remove it"
        )
    return storage


def search(
    storage: JournalStorage,
    fold: Fold,
    space: SearchSpace,
    engine: TrialEngine,
    *,
    objective: str,
    trials: int,
    seed: int,
    progress: Callable[[int, BestSettings | None], None],
) -> BestSettings:
    """Search on the fold's training period until it has `trials` finished trials.

    `progress` is called with how many are finished and the best so far.
    """
    kept = optuna.create_study(
        study_name=fold.name, storage=storage, direction="maximize", load_if_exists=True
    )
    # The sampler works in memory, where asking is cheap; the file gets finished trials only.
    study = optuna.create_study(direction="maximize")
    study.add_trials(kept.get_trials(deepcopy=False))
    done = len(study.trials)
    best = _best(study)
    progress(done, best)
    while done < trials:
        study.sampler = _sampler(seed, fold, done)
        asked = [study.ask() for _ in range(min(BATCH, trials - done))]
        tasks = [Task(space.suggest(trial), fold.train) for trial in asked]
        for trial, task, verdict in zip(asked, tasks, engine.run(tasks), strict=True):
            trial.set_user_attr("values", dict(task.values))
            trial.set_user_attr("verdict", verdict.to_json())
            study.tell(trial, verdict.score(objective))
        kept.add_trials(study.get_trials(deepcopy=False)[done:])
        done += len(asked)
        best = _best(study)
        progress(done, best)
    if best is None:
        raise BadInput("--trials must be at least 1")
    return best


def _sampler(seed: int, fold: Fold, done: int) -> optuna.samplers.BaseSampler:
    text = f"{seed}|{fold.name}|{done}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=number, n_startup_trials=STARTUP, constant_liar=True, multivariate=True
        )


def _best(study: Study) -> BestSettings | None:
    trials = study.get_trials(deepcopy=False)
    if not trials:
        return None
    # The first of equals: later ones were found with more knowledge of the same candles.
    trial = max(trials, key=lambda trial: (trial.value or 0.0, -trial.number))
    verdict = BacktestSummary(**trial.user_attrs["verdict"])
    scores = tuple(trial.value or 0.0 for trial in trials)
    return BestSettings(dict(trial.user_attrs["values"]), verdict, len(trials), scores)
