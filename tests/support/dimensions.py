"""What a PromQL expression measures: its dimension follows from its metrics' names."""

import re

import promql_parser
from support.monitoring import selectors, without_macros

from tools.dashboards.shared_rows import CORE

NUMBER = "number"
"""A plain number, which takes any dimension."""
UNITS = {
    "seconds": {"s"},
    "USDT": {"suffix:USDT"},
    "ratio": {"percentunit"},
    "count": {"short", "bool_on_off"},
    "count per second": {"reqps"},
    "milliseconds since 1970": {"dateTimeFromNow"},
}
"""Dimensions and the units in which Grafana may show them."""
NAMES = [
    (r"_timestamp_seconds$|^push_(failure_)?time_seconds$", "seconds since 1970"),
    (r"_seconds(_max|_total|_bucket)?$|second_of_minute$", "seconds"),
    (r"_usdt$", "USDT"),
    (r"_bytes$", "bytes"),
    (r"_ratio_bucket$|pump_event_active$", "ratio"),
]


def dimension_of(expr):
    """Return the dimension of an expression; fails where it adds apples and pears."""
    return _of(promql_parser.parse(without_macros(expr)))


def _of(node):
    kind = type(node).__name__
    return DIMENSIONS[kind](node)


def _selector(node):
    for pattern, dimension in NAMES:
        if re.search(pattern, node.name):
            return dimension
    return "count"


def _number(node):
    return "bytes" if node.val == CORE else NUMBER


def _call(node):
    name = node.func.name
    if name == "time":
        return "seconds since 1970"
    if name == "vector":
        return NUMBER
    if name == "histogram_quantile":
        ((bucket, _),) = selectors(node.args[1].prettify())
        return _selector(promql_parser.parse(bucket))
    assert name in {"rate", "increase", "clamp_min", "max_over_time"}, name
    dimension = _of(node.args[0])
    if name == "rate":
        return "ratio" if dimension == "seconds" else f"{dimension} per second"
    return dimension


def _binary(node):
    left, right, operator = _of(node.lhs), _of(node.rhs), str(node.op)
    if operator in {"unless", "and"}:
        return left
    if operator == "-" and left == right == "seconds since 1970":
        return "seconds"
    if operator == "/":
        assert left == right, f"{left} / {right}"
        return "ratio"
    if operator == "*":
        assert (left, right, node.rhs.val) == ("seconds since 1970", NUMBER, 1000)
        return "milliseconds since 1970"
    assert NUMBER in {left, right} or left == right, f"{left} {operator} {right}"
    if operator == ">" and node.modifier and node.modifier.return_bool:
        return "count"
    return right if left == NUMBER else left


DIMENSIONS = {
    "VectorSelector": _selector,
    "MatrixSelector": lambda node: _selector(node.vector_selector),
    "NumberLiteral": _number,
    "Call": _call,
    "BinaryExpr": _binary,
    "AggregateExpr": lambda node: _of(node.expr),
    "ParenExpr": lambda node: _of(node.expr),
}
