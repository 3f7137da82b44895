"""Which records of the stream pass the template's filter."""

import pytest

from pumpwatch_workbench.local.aws.streams import UnsupportedPattern, matches

RECORD = {
    "eventName": "INSERT",
    "dynamodb": {"Keys": {"pk": {"S": "SIGNAL"}, "sk": {"S": "0001#a"}}, "SizeBytes": 12},
    "flag": True,
    "nothing": None,
}


PASSED = (
    {},
    {"eventName": ["INSERT"]},
    {"eventName": ["MODIFY", "INSERT"]},
    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": ["SIGNAL"]}}}},
    {"dynamodb": {"SizeBytes": [12]}},
    {"flag": [True]},
    {"nothing": [None]},
)
DROPPED = (
    {"eventName": ["MODIFY"]},
    {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": ["TRADES"]}}}},
    {"dynamodb": {"Keys": {"pk": {"N": ["SIGNAL"]}}}},
    {"dynamodb": {"SizeBytes": ["12"]}},
    {"flag": [1]},
    {"absent": [None]},
    {"absent": {"deeper": ["x"]}},
    {"eventName": {"deeper": ["x"]}},
)


def test_patterns():
    assert [pattern for pattern in PASSED if not matches(pattern, RECORD)] == []
    assert [pattern for pattern in DROPPED if matches(pattern, RECORD)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        {"eventName": "INSERT"},
        {"eventName": [{"numeric": [">", 1]}]},
        {"eventName": [{"prefix": "I"}]},
    ],
)
def test_comparison_that_is_not_known_is_an_error(pattern):
    with pytest.raises(UnsupportedPattern):
        matches(pattern, RECORD)
