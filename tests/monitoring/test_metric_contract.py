"""Names agree both ways: code, dashboards, alerts, runbooks and docs."""

import re

import promql_parser
import pytest
from support.external_metrics import EXTERNAL
from support.monitoring import CHART, REPOSITORY, RUNBOOKS, every_query, metric_names, rules

from pumpwatch.metrics.catalogue import METRICS, Kind

HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
DECLARED = {
    metric.name + end: metric.name
    for metric in METRICS
    for end in (("", "_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",))
}
"""Every series' name and its metric's."""
WORD = re.compile(r"pumpwatch_(?:detect|trade)_[a-z0-9_]+")
GRAFANAS_OWN = "datasourceerror.md"
PAGES = sorted([*RUNBOOKS.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])


def test_every_metric_is_made_by_somebody_and_shown_or_alerted_on():
    used = {name for _, expr in every_query() for name in metric_names(expr)}
    assert used - DECLARED.keys() == EXTERNAL.keys()
    assert {DECLARED[name] for name in used & DECLARED.keys()} == set(DECLARED.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_names_only_metrics_that_exist_and_its_queries_can_be_read(page):
    text = page.read_text()
    assert set(WORD.findall(text)) <= DECLARED.keys()
    queries = re.findall(r"promtool query instant \S+ '([^']+)'", text)
    for query in queries:
        promql_parser.parse(query)
        assert metric_names(query) <= DECLARED.keys() | EXTERNAL.keys(), query
    if page.parent == RUNBOOKS:
        assert queries or page.name in {"README.md", "haltactive.md"}


def test_a_runbook_for_each_alert_and_no_other():
    wanted = {f"{rule['title'].lower()}.md": rule for rule in rules()}
    pages = {page.name for page in RUNBOOKS.glob("*.md")}
    assert pages == wanted.keys() | {"README.md", GRAFANAS_OWN}
    assert re.findall(r"^## (.+)$", (RUNBOOKS / GRAFANAS_OWN).read_text(), re.M) == HEADINGS
    index = (RUNBOOKS / "README.md").read_text()
    lists = dict(re.findall(r"^## (\w+)\n\n((?:\* .+\n)+)", index, re.M))
    for name, rule in wanted.items():
        text, severity = (RUNBOOKS / name).read_text(), rule["labels"]["severity"]
        assert text.startswith(f"# {rule['title']}\n")
        assert f"Severity: {severity}." in text
        assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS
        assert f"* [{rule['title']}]({name}): " in lists[severity.title()]


def test_no_file_of_the_cluster_carries_a_secret():
    for path in (*CHART.rglob("*.yaml"), *CHART.rglob("*.json")):
        if "charts" not in path.parts:
            text = path.read_text()
            assert "hooks.slack.com/services/" not in text
            assert not re.search(r"password: *['\"]?[A-Za-z0-9]{8,}", text), path.name
