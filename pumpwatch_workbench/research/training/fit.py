"""Train a learned score: a linear part and boosted trees, averaged.

Seeded and in one thread: the same examples give the same score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pumpwatch.domain.detection.learned import LearnedScore
from pumpwatch.domain.market.candles import BoolArray, FloatArray

ROUNDS, DEPTH = 120, 3
PENALTY = 30.0
"""Factor of the squared weights in the linear part's loss, on standardised traits."""
OUTLIERS = (0.005, 0.995)
"""Quantiles beyond which the linear part takes a trait for less than it is."""
TREES: Mapping[str, Any] = {
    "objective": "binary",
    "max_depth": DEPTH,
    "num_leaves": 2**DEPTH,
    "learning_rate": 0.1,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "lambda_l2": 1.0,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
    "seed": 1,
}
DIGITS = 6


def fit(
    traits: FloatArray,
    pump: BoolArray,
    weight: FloatArray,
    names: Sequence[str] | None = None,
    *,
    threshold: float = 0.0,
) -> dict[str, Any]:
    """Return a trained score as plain JSON, see `LearnedScore`.

    `traits` is shaped (examples, traits), `pump` says which are the beginning of a pump, `weight`
    how much each counts.
    """
    import lightgbm  # noqa: PLC0415 - an extra, and `pumpwatch train --help` works without it

    middle = np.nanmedian(traits, axis=0)
    known = np.where(np.isnan(traits), middle, traits)
    low, high = np.quantile(known, OUTLIERS, axis=0)
    clipped = np.clip(known, low, high)
    mean, scale = clipped.mean(axis=0), clipped.std(axis=0)
    scale[low == high] = 1.0
    intercept, slope = _linear((clipped - mean) / scale, pump, weight)
    data = lightgbm.Dataset(known, pump.astype(np.float64), weight=weight, free_raw_data=False)
    booster = lightgbm.train(dict(TREES), data, num_boost_round=ROUNDS)
    return {
        "traits": [""] * traits.shape[1] if names is None else list(names),
        "threshold": threshold,
        "intercept": _short(intercept - float((slope * mean / scale).sum())),
        "middle": _all_short(middle),
        "low": _all_short(low),
        "high": _all_short(high),
        "weight": _all_short(slope / scale),
        "trees": _trees([tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]),
    }


def score_of(model: Mapping[str, Any], traits: FloatArray) -> FloatArray:
    """Return the scores of rows of traits by a model as `fit` returns it."""
    return LearnedScore.from_json(model, model["traits"]).score(traits)


def symbol_folds(symbols: Sequence[str], folds: int, seed: int) -> list[list[str]]:
    """Return the symbols in so many parts of about equal size, shuffled."""
    order = np.array(sorted(symbols))
    np.random.default_rng(seed).shuffle(order)
    return [part.tolist() for part in np.array_split(order, folds)]


def _linear(standard: FloatArray, pump: BoolArray, weight: FloatArray) -> tuple[float, FloatArray]:
    """Return intercept and weights of a logistic regression with squared weights penalised."""
    from scipy.optimize import minimize  # noqa: PLC0415 - comes with the same extra

    inputs = np.column_stack([np.ones(len(standard)), standard])
    penalty = np.full(inputs.shape[1], PENALTY)
    penalty[0] = 0.0
    sign = np.where(pump, 1.0, -1.0)

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        margin = sign * (inputs @ weights)
        slope = -sign * np.exp(-np.logaddexp(0.0, margin)) * weight
        value = weight @ np.logaddexp(0.0, -margin) + 0.5 * (penalty * weights**2).sum()
        return float(value), inputs.T @ slope + penalty * weights

    solution = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B", tol=1e-9)
    return float(solution.x[0]), solution.x[1:]


def _trees(roots: Sequence[Mapping[str, Any]]) -> dict[str, list[int] | list[float]]:
    """Return LightGBM's nested nodes as lists, a node's left child right behind it."""
    feature: list[int] = []
    number: list[float] = []
    right: list[int] = []
    sizes: list[int] = []

    def add(node: Mapping[str, Any], begin: int) -> None:
        place = len(feature)
        inner = "split_feature" in node
        feature.append(int(node["split_feature"]) if inner else -1)
        number.append(_short(node["threshold" if inner else "leaf_value"]))
        right.append(0)
        if inner:
            add(node["left_child"], begin)
            right[place] = len(feature) - begin
            add(node["right_child"], begin)

    for root in roots:
        begin = len(feature)
        add(root, begin)
        sizes.append(len(feature) - begin)
    return {"feature": feature, "number": number, "right": right, "sizes": sizes}


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _all_short(values: FloatArray) -> list[float]:
    return [_short(value) for value in values.tolist()]
