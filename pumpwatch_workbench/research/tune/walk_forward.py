"""Walk forward over the folds of a plan, then judge the final settings on the hold-out, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

from optuna.storages import JournalStorage

from .engines import TrialEngine
from .objective import BacktestSummary, Task
from .search import BestSettings, search
from .space import SearchSpace
from .splits import Fold, WalkPlan


@dataclass(frozen=True, slots=True)
class Step:
    """A fold, the settings found on its training period, and what they made after it."""

    fold: Fold
    best: BestSettings
    test: BacktestSummary
    default_train: BacktestSummary
    """Result of the default settings on the same periods."""
    default_test: BacktestSummary

    def to_json(self) -> dict[str, object]:
        """Return the step as plain values."""
        return {
            "name": self.fold.name,
            "train": asdict(self.fold.train),
            "test": asdict(self.fold.test),
            "settings": dict(self.best.values),
            "trials": self.best.trials,
            "in_sample": self.best.verdict.to_json(),
            "out_of_sample": self.test.to_json(),
            "default_in_sample": self.default_train.to_json(),
            "default_out_of_sample": self.default_test.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Tuned:
    """Result of a walk forward. The last step's test is the hold-out."""

    space: SearchSpace
    objective: str
    steps: tuple[Step, ...]
    alarms: int

    @property
    def final(self) -> Step:
        """Return the step that ends on the hold-out."""
        return self.steps[-1]

    @property
    def settings(self) -> Mapping[str, str]:
        """Return the settings found on everything before the hold-out."""
        return self.final.best.values

    @property
    def trials(self) -> int:
        """Return how many settings were tried in all."""
        return sum(step.best.trials for step in self.steps)


def walk_forward(
    plan: WalkPlan,
    space: SearchSpace,
    engine: TrialEngine,
    storage: JournalStorage,
    *,
    objective: str,
    trials: int,
    seed: int,
    alarms: int,
    progress: Callable[[Fold, int, BestSettings | None], None],
) -> Tuned:
    """Search on each fold and judge what was found on the period after it.

    A test period is evaluated once, for the settings that were chosen without it, and for the
    defaults beside them.
    """
    steps = []
    for fold in plan.folds:
        best = search(
            storage,
            fold,
            space,
            engine,
            objective=objective,
            trials=trials,
            seed=seed,
            progress=partial(progress, fold),
        )
        steps.append(_judged(fold, best, engine))
    return Tuned(space, objective, tuple(steps), alarms)


def _judged(fold: Fold, best: BestSettings, engine: TrialEngine) -> Step:
    tasks = [Task(best.values, fold.test), Task({}, fold.train), Task({}, fold.test)]
    return Step(fold, best, *engine.run(tasks))
