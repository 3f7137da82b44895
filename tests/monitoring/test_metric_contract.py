"""Names agree both ways: code, dashboards, alerts, runbooks and docs."""

import re

import promql_parser
import pytest
from support.external_metrics import EXTERNAL
from support.monitoring import (
    DASHBOARDS,
    REPOSITORY,
    RUNBOOKS,
    every_query,
    metric_names,
    provisioning,
    rule_files,
    rules,
)

from pumpwatch.metrics.catalogue import METRICS, Kind

DOCS = REPOSITORY / "docs"
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
DECLARED = {metric.name: metric for metric in METRICS}
SERIES = {
    name: metric
    for metric in METRICS
    for name in (
        [metric.name]
        if metric.kind is not Kind.HISTOGRAM
        else [metric.name, *(f"{metric.name}{end}" for end in ("_bucket", "_sum", "_count"))]
    )
}
WORD = re.compile(r"pumpwatch_(?:detect|trade)_[a-z0-9_]+")
JOB_ALONE = {"pumpwatch_detect", "pumpwatch_trade"}


def used_names():
    return {name for _, expr in every_query() for name in metric_names(expr)}


def pages():
    return sorted([*RUNBOOKS.glob("*.md"), *DOCS.glob("*.md")])


def test_every_name_that_is_asked_for_is_made_by_somebody():
    unknown = used_names() - SERIES.keys() - EXTERNAL.keys()
    assert not unknown


def test_every_declared_metric_is_shown_or_alerted_on():
    used = {SERIES[name].name for name in used_names() if name in SERIES}
    assert used == set(DECLARED)


def test_every_metric_of_others_is_used():
    assert set(EXTERNAL) <= used_names()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_page_names_only_metrics_that_exist(page):
    for word in WORD.findall(page.read_text()):
        assert word in SERIES, word


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.name)
def test_queries_on_runbooks_can_be_read(page):
    queries = re.findall(r"promtool query instant \S+ '([^']+)'", page.read_text())
    for query in queries:
        promql_parser.parse(query)
        assert metric_names(query) <= SERIES.keys() | EXTERNAL.keys(), query
    if page.name != "README.md":
        assert queries or page.name in {"haltactive.md"}


def test_a_runbook_for_each_alert_and_no_other():
    wanted = {f"{rule['title'].lower()}.md": rule for rule in rules()}
    there = {page.name for page in RUNBOOKS.glob("*.md")}
    assert there == set(wanted) | {"README.md"}
    index = dict(
        re.findall(r"^## (\w+)\n\n((?:\* .+\n)+)", (RUNBOOKS / "README.md").read_text(), re.M)
    )
    for name, rule in wanted.items():
        text = (RUNBOOKS / name).read_text()
        assert text.startswith(f"# {rule['title']}\n")
        assert f"Severity: {rule['labels']['severity']}." in text
        assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS
        assert f"* [{rule['title']}]({name}): " in index[rule["labels"]["severity"].title()]


def test_no_file_of_the_cluster_carries_a_secret():
    paths = [*rule_files(), *DASHBOARDS.glob("*"), *(REPOSITORY / "k8s-monitoring").glob("*.yaml")]
    for path in paths:
        text = path.read_text()
        assert "hooks.slack.com/services/" not in text
        assert not re.search(r"password: *['\"]?[A-Za-z0-9]{8,}", text), path.name
    assert provisioning("contact-points.yaml")
