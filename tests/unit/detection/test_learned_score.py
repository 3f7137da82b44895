"""The learned score on a model small enough to reckon by hand."""

import numpy as np
import pytest

from pumpwatch.domain.detection.learned import LearnedScore, Trees

LEAF = {"feature": [-1], "threshold": [0.0], "left": [0], "right": [0], "value": [0.25]}
TREE = {
    "feature": [1, -1, 0, -1, -1],
    "threshold": [5.0, 0.0, 2.0, 0.0, 0.0],
    "left": [1, 0, 3, 0, 0],
    "right": [2, 0, 4, 0, 0],
    "value": [9.0, 1.0, 9.0, 2.0, 4.0],
}
MODEL = {
    "traits": ["a", "b"],
    "threshold": 0.5,
    "mean": [1.0, 2.0],
    "scale": [2.0, 4.0],
    "weight": [3.0, -1.0],
    "intercept": 0.125,
    "base": 0.5,
    "trees": [LEAF, TREE],
}
ROWS = np.array([[1.0, 5.0], [2.0, 5.1], [2.1, 5.1]])


def test_each_row_takes_the_left_branch_up_to_the_threshold_and_the_right_one_beyond():
    assert Trees.from_json([TREE]).total(ROWS).tolist() == [1.0, 2.0, 4.0]


def test_one_leaf_of_every_tree_is_added_wherever_the_tree_stands():
    for trees in ([LEAF, TREE], [TREE, LEAF], [LEAF, LEAF, TREE]):
        expected = np.array([1.0, 2.0, 4.0]) + 0.25 * (len(trees) - 1)
        assert Trees.from_json(trees).total(ROWS).tolist() == expected.tolist()


def test_the_score_is_the_mean_of_the_linear_and_the_boosted_log_odds():
    model = LearnedScore.from_json(MODEL, ("a", "b"))
    assert (model.traits, model.threshold) == (("a", "b"), 0.5)
    first = 0.125 + 0.0 - 0.75 + 0.5 + 0.25 + 1.0
    third = 0.125 + 1.65 - 0.775 + 0.5 + 0.25 + 4.0
    assert model.score(ROWS)[[0, 2]].tolist() == pytest.approx([first / 2, third / 2])


def test_a_model_of_other_traits_or_another_order_is_refused():
    for traits in (("a",), ("b", "a"), ("a", "c")):
        with pytest.raises(ValueError, match="trained on other traits: train it again"):
            LearnedScore.from_json(MODEL, traits)
