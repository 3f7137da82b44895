"""A learned score: the mean of a linear and a boosted-tree log-odds, read from plain JSON.

`score = (intercept + sum(weight * (x - mean) / scale) + base + sum of one leaf a tree) / 2`

Trees are lists of nodes: `feature` (-1: a leaf), `threshold` (left when x <= threshold), `left`,
`right`, and `value`, the leaf's contribution.
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
    threshold: FloatArray
    left: IntArray
    right: IntArray
    value: FloatArray

    def total(self, traits: FloatArray) -> FloatArray:
        """Return the sum of one leaf of every tree for each row, shaped (rows,)."""
        node = np.broadcast_to(self.root, (len(traits), len(self.root)))
        while True:
            feature = self.feature[node]
            inner = feature >= 0
            if not inner.any():
                total: FloatArray = self.value[node].sum(axis=1)
                return total
            asked = np.take_along_axis(traits, np.maximum(feature, 0), axis=1)
            child = np.where(asked <= self.threshold[node], self.left[node], self.right[node])
            node = np.where(inner, child, node)

    @classmethod
    def from_json(cls, stored: Sequence[Mapping[str, Sequence[float]]]) -> Trees:
        """Return the stored trees; children are numbered within their tree."""
        sizes = np.array([len(one["feature"]) for one in stored], dtype=np.int64)
        root = np.cumsum(sizes) - sizes

        def joined(name: str, kind: type) -> Any:
            return np.array([value for one in stored for value in one[name]], dtype=kind)

        moved = np.repeat(root, sizes)
        return cls(
            root,
            joined("feature", np.int64),
            joined("threshold", np.float64),
            joined("left", np.int64) + moved,
            joined("right", np.int64) + moved,
            joined("value", np.float64),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LearnedScore:
    """`traits` names what the columns must hold; an alarm needs a score above `threshold`."""

    traits: tuple[str, ...]
    threshold: float
    mean: FloatArray
    scale: FloatArray
    weight: FloatArray
    intercept: float
    base: float
    trees: Trees

    def score(self, traits: FloatArray) -> FloatArray:
        """Return the log-odds of rows of traits, shaped (rows,)."""
        linear = self.intercept + (traits - self.mean) / self.scale @ self.weight
        mixed: FloatArray = (linear + self.base + self.trees.total(traits)) / 2
        return mixed

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], traits: Sequence[str]) -> LearnedScore:
        """Return the score that was stored. Raises `ValueError` when it is of other traits."""
        if tuple(stored["traits"]) != tuple(traits):
            raise ValueError("the stored model was trained on other traits: train it again")
        return cls(
            tuple(traits),
            float(stored["threshold"]),
            np.array(stored["mean"], dtype=np.float64),
            np.array(stored["scale"], dtype=np.float64),
            np.array(stored["weight"], dtype=np.float64),
            float(stored["intercept"]),
            float(stored["base"]),
            Trees.from_json(stored["trees"]),
        )
