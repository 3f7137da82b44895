"""The monitoring files as tests read them, and the real servers they are tried on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import promql_parser
import yaml

from pumpwatch.metrics.catalogue import Kind

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "k8s-monitoring"
ALERTING = CHART / "alerting"
DASHBOARDS = CHART / "dashboards"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"

OPERATORS = {"gt": ">", "lt": "<", "gte": ">=", "lte": "<=", "eq": "==", "ne": "!="}
MACROS = {
    "$__rate_interval": "5m",
    "$__interval": "1m",
    "$__range": "1h",
    "${job}": ".+",
    "$job": ".+",
    "${stage}": ".+",
    "$stage": ".+",
}


def most_series(metric):
    """Return how many series a metric has at most."""
    if metric.is_open:
        return metric.most
    per_label_set = len(metric.bounds) + 2 if metric.kind is Kind.HISTOGRAM else 1
    return sum(1 for _ in metric.label_sets()) * per_label_set


def provisioning(name):
    """Return one provisioning file."""
    return yaml.safe_load((ALERTING / name).read_text())


def rule_files():
    """Return the files that hold rules."""
    return sorted(ALERTING.glob("rules-*.yaml"))


def groups():
    """Return every rule group."""
    return [group for path in rule_files() for group in yaml.safe_load(path.read_text())["groups"]]


def rules():
    """Return every alert rule."""
    return [rule for group in groups() for rule in group["rules"]]


def query_of(rule):
    """Return the PromQL of a rule, comments included."""
    models = {query["refId"]: query["model"] for query in rule["data"]}
    return models[models[rule["condition"]]["expression"]]["expr"]


def threshold_of(rule):
    """Return operator and figure of a rule's condition."""
    models = {query["refId"]: query["model"] for query in rule["data"]}
    evaluator = models[rule["condition"]]["conditions"][0]["evaluator"]
    return OPERATORS[evaluator["type"]], evaluator["params"][0]


def to_prometheus_rules(rule):
    """Return the rule as Prometheus knows it; where no data is an alarm, a second one says so."""
    operator, figure = threshold_of(rule)
    expr = query_of(rule)
    made = {
        "alert": rule["title"],
        "expr": f"({expr}\n) {operator} {figure}",
        "for": rule.get("for", "0s"),
        "labels": rule["labels"],
        "annotations": {
            "summary": rule["annotations"]["summary"].replace("$values.A.Value", "$value")
        },
    }
    if rule["noDataState"] != "Alerting":
        return [made]
    absent = {"expr": f"absent(({expr}\n))", "annotations": {"summary": "No data."}}
    return [made, made | absent]


def dashboard_files():
    """Return the committed dashboards."""
    return sorted(DASHBOARDS.glob("*.json"))


def dashboards():
    """Return every dashboard."""
    return [json.loads(path.read_text()) for path in dashboard_files()]


def panels(dashboard):
    """Return the panels that show something, those of closed rows too."""
    found = []
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            found += panel.get("panels", [])
        else:
            found.append(panel)
    return found


def without_macros(expr):
    """Return PromQL without what Grafana fills in."""
    for macro, value in MACROS.items():
        expr = expr.replace(macro, value)
    return expr


def without_comments(expr):
    """Return PromQL without its comments."""
    return re.sub(r"#[^\n]*", "", expr)


def every_query():
    """Return (where, PromQL) of each panel and each alert, without macros."""
    found = [(f"alert {rule['title']}", query_of(rule)) for rule in rules()]
    for dashboard in dashboards():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                where = f"{dashboard['uid']} {panel['title']} {target['refId']}"
                found.append((where, without_macros(target["expr"])))
    return found


def selectors(expr):
    """Return (metric, labels that are matched) of each selector, from the syntax tree."""
    found = []

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node.name or "", {one.name for one in node.matchers.matchers}))
            return
        for attribute in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
            child = getattr(node, attribute, None)
            for one in child if isinstance(child, list) else [child]:
                if one is not None and not isinstance(one, str):
                    walk(one)

    walk(promql_parser.parse(without_macros(expr)))
    return found


def metric_names(expr):
    """Return the names of the metrics in a PromQL expression."""
    return {name for name, _ in selectors(expr)}
