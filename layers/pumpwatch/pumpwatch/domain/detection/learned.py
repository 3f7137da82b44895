"""A learned score: the mean of a linear and a boosted-tree log-odds, read from plain JSON.

    x = the trait, or its `middle` where it is not known (NaN)
    score = (intercept + sum(weight * min(max(x, low), high)) + sum of one leaf of each tree) / 2

Trees are stored one after another, a node's left child right behind it: `feature` (-1: a leaf),
`number` (a leaf's value, else the threshold: left when x <= threshold), `right` (the place of the
right child in the tree), and `sizes` (nodes of each tree).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """All trees' nodes one after another; every array is shaped (nodes,), `root` (trees,)."""

    root: IntArray
    feature: IntArray
    number: FloatArray
    right: IntArray

    def total(self, traits: FloatArray) -> FloatArray:
        """Return the sum of one leaf of every tree for each row, shaped (rows,)."""
        node = np.broadcast_to(self.root, (len(traits), len(self.root)))
        while True:
            feature = self.feature[node]
            inner = feature >= 0
            if not inner.any():
                total: FloatArray = self.number[node].sum(axis=1)
                return total
            asked = np.take_along_axis(traits, np.maximum(feature, 0), axis=1)
            child = np.where(asked <= self.number[node], node + 1, self.right[node])
            node = np.where(inner, child, node)

    @classmethod
    def from_json(cls, stored: Mapping[str, Sequence[float]]) -> Trees:
        """Return the stored trees."""
        sizes = np.array(stored["sizes"], dtype=np.int64)
        root = np.cumsum(sizes) - sizes
        return cls(
            root,
            np.array(stored["feature"], dtype=np.int64),
            np.array(stored["number"], dtype=np.float64),
            np.array(stored["right"], dtype=np.int64) + np.repeat(root, sizes),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LearnedScore:
    """`traits` names what the columns must hold; an alarm needs a score above `threshold`.

    `middle`, `low`, `high` and `weight` are shaped (traits,).
    """

    traits: tuple[str, ...]
    threshold: float
    intercept: float
    middle: FloatArray
    low: FloatArray
    high: FloatArray
    weight: FloatArray
    trees: Trees

    def score(self, traits: FloatArray) -> FloatArray:
        """Return the log-odds of rows of traits, shaped (rows,)."""
        known = np.where(np.isnan(traits), self.middle, traits)
        linear = self.intercept + np.clip(known, self.low, self.high) @ self.weight
        mixed: FloatArray = (linear + self.trees.total(known)) / 2
        return mixed

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], traits: Sequence[str]) -> LearnedScore:
        """Return the score that was stored. Raises `ValueError` when it is of other traits."""
        if tuple(stored["traits"]) != tuple(traits):
            raise ValueError("the stored model was trained on other traits: train it again")
        columns = {
            name: np.array(stored[name], dtype=np.float64)
            for name in ("middle", "low", "high", "weight")
        }
        return cls(
            tuple(traits),
            float(stored["threshold"]),
            float(stored["intercept"]),
            trees=Trees.from_json(stored["trees"]),
            **columns,
        )
