"""The learned score on a model small enough to reckon by hand."""

import numpy as np
import pytest

from pumpwatch.domain.detection.learned import LearnedScore, Trees

LEAF = {"feature": [-1], "number": [0.25], "right": [0]}
TREE = {
    "feature": [1, -1, 0, -1, -1],
    "number": [5.0, 1.0, 2.0, 2.0, 4.0],
    "right": [2, 0, 4, 0, 0],
}


def stored(*trees):
    """Return trees one after another, as a model stores them."""
    joined = {name: [value for tree in trees for value in tree[name]] for name in LEAF}
    return {**joined, "sizes": [len(tree["feature"]) for tree in trees]}


MODEL = {
    "traits": ["a", "b"],
    "threshold": 0.5,
    "middle": [1.5, 4.0],
    "low": [1.0, 0.0],
    "high": [2.0, 5.0],
    "weight": [3.0, -1.0],
    "intercept": 0.125,
    "trees": stored(LEAF, TREE),
}
ROWS = np.array([[1.0, 5.0], [2.0, 5.1], [2.1, 5.1]])


def test_each_row_takes_the_left_branch_up_to_the_threshold_and_the_right_one_beyond():
    assert Trees.from_json(stored(TREE)).total(ROWS).tolist() == [1.0, 2.0, 4.0]


def test_one_leaf_of_every_tree_is_added_wherever_the_tree_stands():
    for trees in ([LEAF, TREE], [TREE, LEAF], [LEAF, LEAF, TREE]):
        expected = np.array([1.0, 2.0, 4.0]) + 0.25 * (len(trees) - 1)
        assert Trees.from_json(stored(*trees)).total(ROWS).tolist() == expected.tolist()


def test_the_score_is_the_mean_of_the_linear_and_the_boosted_log_odds():
    model = LearnedScore.from_json(MODEL, ("a", "b"))
    assert (model.traits, model.threshold) == (("a", "b"), 0.5)
    first = 0.125 + 3.0 - 5.0 + 0.25 + 1.0
    assert model.score(ROWS)[0] == pytest.approx(first / 2)


def test_the_linear_part_takes_what_is_beyond_its_bounds_for_the_bound_and_trees_do_not():
    model = LearnedScore.from_json(MODEL, ("a", "b"))
    third = 0.125 + 6.0 - 5.0 + 0.25 + 4.0
    assert model.score(ROWS)[2] == pytest.approx(third / 2)
    far = model.score(np.array([[-9.0, -9.0], [1e9, 1e9]])).tolist()
    assert far == pytest.approx([(0.125 + 3.0 + 0.25 + 1.0) / 2, third / 2])


def test_what_is_not_known_is_taken_for_the_middle_by_both_parts():
    model = LearnedScore.from_json(MODEL, ("a", "b"))
    holes = np.array([[np.nan, 5.1], [1.0, np.nan], [np.nan, np.nan]])
    filled = np.array([[1.5, 5.1], [1.0, 4.0], [1.5, 4.0]])
    assert model.score(holes).tolist() == model.score(filled).tolist()


def test_a_model_of_other_traits_or_another_order_is_refused():
    for traits in (("a",), ("b", "a"), ("a", "c")):
        with pytest.raises(ValueError, match="trained on other traits: train it again"):
            LearnedScore.from_json(MODEL, traits)
