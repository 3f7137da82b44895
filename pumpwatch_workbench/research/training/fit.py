"""Train the learned score: a linear part and boosted trees, averaged, thresholds by symbol folds.

Seeded and in one thread: the same folder gives the same file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pumpwatch.domain.detection.learned import LearnedScore
from pumpwatch.domain.market.candles import BoolArray, FloatArray, IntArray

ROUNDS, DEPTH = 120, 3
PENALTY = 100.0
"""Factor of the squared weights in the linear part's loss, on standardised traits."""
TREES: Mapping[str, Any] = {
    "objective": "binary",
    "max_depth": DEPTH,
    "num_leaves": 2**DEPTH,
    "learning_rate": 0.06,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.5,
    "lambda_l2": 5.0,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
DIGITS = 7


def fit(
    traits: FloatArray, pump: BoolArray, names: Sequence[str], *, threshold: float = 0.0
) -> dict[str, Any]:
    """Return a trained score as plain JSON, see `LearnedScore`.

    `traits` is shaped (candidates, traits), `pump` says which are the beginning of a pump.
    """
    import lightgbm  # noqa: PLC0415 - an extra, and `pumpwatch train --help` works without it

    mean, scale = traits.mean(axis=0), traits.std(axis=0)
    scale[scale == 0] = 1.0
    intercept, weight = _linear((traits - mean) / scale, pump)
    data = lightgbm.Dataset(traits, pump.astype(np.float64), free_raw_data=False)
    booster = lightgbm.train({**TREES, "seed": 1}, data, num_boost_round=ROUNDS)
    return {
        "traits": list(names),
        "threshold": threshold,
        "mean": _short(mean),
        "scale": _short(scale),
        "weight": _short(weight),
        "intercept": float(f"{intercept:.{DIGITS}g}"),
        "base": 0.0,
        "trees": [_nodes(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]],
    }


def out_of_fold(
    traits: FloatArray,
    pump: BoolArray,
    teaches: BoolArray,
    symbol: Sequence[str],
    folds: int,
    seed: int,
) -> FloatArray:
    """Return each candidate's score by a model that saw no candidate of its symbol."""
    symbols = np.array(symbol)
    scores = np.full(len(traits), -np.inf)
    for held_out in symbol_folds(sorted(set(symbol)), folds, seed):
        inside = np.isin(symbols, held_out)
        learn = teaches & ~inside
        scores[inside] = score_of(fit(traits[learn], pump[learn], ()), traits[inside])
    return scores


def score_of(model: Mapping[str, Any], traits: FloatArray) -> FloatArray:
    """Return the scores of rows of traits by a model as `fit` returns it."""
    return LearnedScore.from_json(model, model["traits"]).score(traits)


def symbol_folds(symbols: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Return the symbols in so many parts of about equal size, shuffled."""
    order = np.array(symbols)
    np.random.default_rng(seed).shuffle(order)
    return [part.tolist() for part in np.array_split(order, folds)]


def _linear(standard: FloatArray, pump: BoolArray) -> tuple[float, FloatArray]:
    """Return intercept and weights of a logistic regression with squared weights penalised."""
    from scipy.optimize import minimize  # noqa: PLC0415 - comes with the same extra

    inputs = np.column_stack([np.ones(len(standard)), standard])
    penalty = np.full(inputs.shape[1], PENALTY)
    penalty[0] = 0.0
    sign = np.where(pump, 1.0, -1.0)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        margin = sign * (inputs @ weights)
        slope = -sign * np.exp(-np.logaddexp(0.0, margin))
        value = np.logaddexp(0.0, -margin).sum() + 0.5 * (penalty * weights**2).sum()
        return float(value), inputs.T @ slope + penalty * weights

    solution = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B", tol=1e-10)
    return float(solution.x[0]), solution.x[1:]


def _nodes(root: Mapping[str, Any]) -> dict[str, list[float] | list[int]]:
    """Return LightGBM's nested nodes as lists, a node's children after it."""
    feature: list[int] = []
    left: list[int] = []
    right: list[int] = []
    threshold: list[float] = []
    value: list[float] = []

    def add(node: Mapping[str, Any]) -> int:
        place = len(feature)
        inner = "split_feature" in node
        feature.append(int(node["split_feature"]) if inner else -1)
        threshold.append(float(node["threshold"]) if inner else 0.0)
        value.append(0.0 if inner else float(f"{node['leaf_value']:.{DIGITS}g}"))
        left.append(0)
        right.append(0)
        if inner:
            left[place], right[place] = add(node["left_child"]), add(node["right_child"])
        return place

    add(root)
    return {
        "feature": feature, "threshold": _short(np.array(threshold)), "left": left,
        "right": right, "value": value,
    }  # fmt: skip


def _short(values: FloatArray | IntArray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
