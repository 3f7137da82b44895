"""The monitoring files as tests read them, and the PromQL in them."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import promql_parser
import yaml

from pumpwatch.metrics.catalogue import Kind

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "k8s-monitoring"
ALERTING = CHART / "alerting"
DASHBOARDS = CHART / "dashboards"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

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


@cache
def read_yaml(path):
    """Return a file's document, which no test may change."""
    return yaml.load(path.read_text(), Loader=FAST)  # noqa: S506 - a safe loader in C


def provisioning(name):
    """Return a provisioning file."""
    return read_yaml(ALERTING / name)


def rule_files():
    """Return the files that hold rules."""
    return sorted(ALERTING.glob("rules-*.yaml"))


def groups():
    """Return every rule group."""
    return [group for path in rule_files() for group in read_yaml(path)["groups"]]


def rules():
    """Return every alert rule."""
    return [rule for group in groups() for rule in group["rules"]]


def rule_named(title):
    """Return an alert rule."""
    (rule,) = (rule for rule in rules() if rule["title"] == title)
    return rule


def query_of(rule):
    """Return the PromQL of a rule, comments included."""
    models = {query["refId"]: query["model"] for query in rule["data"]}
    return models[models[rule["condition"]]["expression"]]["expr"]


def queries_of(rule):
    """Return the PromQL of all queries of a rule by their names, comments included."""
    models = [query["model"] for query in rule["data"]]
    return {model["refId"]: model["expr"] for model in models if "expr" in model}


def in_prometheus(rule, text):
    """Return an annotation with Prometheus' words for Grafana's values.

    The value of the condition's query is a field of Prometheus' data; others are asked for, with
    the alert's labels.
    """
    first, *others = queries_of(rule).items()
    text = text.replace(f"$values.{first[0]}", "$")
    for name, expr in others:
        labels = re.search(r"by \((.*?)\)", expr).group(1).split(", ")
        matchers = "".join(f"{label}=%q," for label in labels)
        asked = without_comments(expr).strip().replace("{", "{" + matchers, 1)
        values = " ".join(f"$labels.{label}" for label in labels)
        text = text.replace(f"$values.{name}", f"(query (printf `{asked}` {values}) | first)")
    return text


def to_prometheus_rules(rule):
    """Return the rule as Prometheus knows it; where no data is an alarm, a second one says so."""
    models = {query["refId"]: query["model"] for query in rule["data"]}
    evaluator = models[rule["condition"]]["conditions"][0]["evaluator"]
    expr = query_of(rule)
    present = {
        "alert": rule["title"],
        "expr": f"({expr}\n) {OPERATORS[evaluator['type']]} {evaluator['params'][0]}",
        "for": rule.get("for", "0s"),
        "labels": rule["labels"],
        "annotations": {"summary": in_prometheus(rule, rule["annotations"]["summary"])},
    }
    if rule["noDataState"] != "Alerting":
        return [present]
    absent = {"expr": f"absent(({expr}\n))", "annotations": {"summary": "No data."}}
    return [present, present | absent]


def promtool(*arguments, cwd=None):
    """Return the exit status and everything that promtool says."""
    done = subprocess.run(
        ["promtool", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def dashboard_files():
    """Return the committed dashboards."""
    return sorted(DASHBOARDS.glob("*.json"))


@cache
def dashboards():
    """Return every dashboard."""
    return [json.loads(path.read_text()) for path in dashboard_files()]


def panels(dashboard):
    """Return the panels that show something, those of closed rows too."""
    return [
        shown
        for panel in dashboard["panels"]
        for shown in (panel.get("panels", []) if panel["type"] == "row" else [panel])
    ]


def without_macros(expr):
    """Return PromQL without what Grafana fills in."""
    for macro, value in MACROS.items():
        expr = expr.replace(macro, value)
    return expr


def without_comments(expr):
    """Return PromQL without its comments."""
    return re.sub(r"#[^\n]*", "", expr)


def every_query():
    """Return (where, PromQL) of each panel, mark and alert, without macros."""
    queries = [
        (f"alert {rule['title']}", expr) for rule in rules() for expr in queries_of(rule).values()
    ]
    for dashboard in dashboards():
        for mark in dashboard["annotations"]["list"]:
            queries.append((f"mark {mark['name']}", without_macros(mark["target"]["expr"])))
        for panel in panels(dashboard):
            for target in panel["targets"]:
                where = f"{dashboard['uid']} {panel['title']} {target['refId']}"
                queries.append((where, without_macros(target["expr"])))
    return queries


@cache
def selectors(expr):
    """Return (metric, labels that are matched) of each selector, from the syntax tree."""
    selected = []

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            labels = {matcher.name for matcher in node.matchers.matchers}
            selected.append((node.name or "", labels))
            return
        for attribute in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
            child = getattr(node, attribute, None)
            for below in child if isinstance(child, list) else [child]:
                if below is not None and not isinstance(below, str):
                    walk(below)

    walk(promql_parser.parse(without_macros(expr)))
    return selected


def metric_names(expr):
    """Return the names of the metrics in a PromQL expression."""
    return {name for name, _ in selectors(expr)}


def most_series(metric):
    """Return how many series a metric has at most."""
    if metric.is_open:
        return metric.most
    per_label_set = len(metric.bounds) + 2 if metric.kind is Kind.HISTOGRAM else 1
    return sum(1 for _ in metric.label_sets()) * per_label_set
