"""Which records of the stream pass the template's filter."""

import pytest

from pumpwatch_workbench.local.aws.streams import UnsupportedPattern, matches

RECORD = {
    "eventName": "INSERT",
    "dynamodb": {"Keys": {"pk": {"S": "SIGNAL"}, "sk": {"S": "0001#a"}}, "SizeBytes": 12},
    "flag": True,
    "nothing": None,
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "INSERT"]}, True),
        ({"eventName": ["MODIFY"]}, False),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": ["SIGNAL"]}}}}, True),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": ["TRADES"]}}}}, False),
        ({"dynamodb": {"Keys": {"pk": {"N": ["SIGNAL"]}}}}, False),
        ({"dynamodb": {"SizeBytes": [12]}}, True),
        ({"dynamodb": {"SizeBytes": ["12"]}}, False),
        ({"flag": [1]}, False),
        ({"flag": [True]}, True),
        ({"nothing": [None]}, True),
        ({"absent": [None]}, False),
        ({"absent": {"deeper": ["x"]}}, False),
        ({"eventName": {"deeper": ["x"]}}, False),
        ({"dynamodb": {"Keys": {"sk": {"S": [{"prefix": "0001#"}]}}}}, True),
        ({"dynamodb": {"Keys": {"sk": {"S": [{"prefix": "0002#"}]}}}}, False),
        ({"absent": [{"exists": False}]}, True),
        ({"absent": [{"exists": True}]}, False),
        ({"eventName": [{"anything-but": "REMOVE"}]}, True),
        ({"eventName": [{"anything-but": ["REMOVE", "INSERT"]}]}, False),
        ({"absent": [{"anything-but": "x"}]}, False),
    ],
)
def test_pattern(pattern, expected):
    assert matches(pattern, RECORD) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        {"eventName": "INSERT"},
        {"eventName": [{"numeric": [">", 1]}]},
        {"eventName": [{"prefix": "I", "suffix": "T"}]},
    ],
)
def test_comparison_that_is_not_known_is_an_error(pattern):
    with pytest.raises(UnsupportedPattern):
        matches(pattern, RECORD)
