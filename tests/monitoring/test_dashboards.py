"""The dashboards that ship: what dashboard-linter checks, and rules of our own."""

import re
from collections import Counter

import pytest
from support.monitoring import (
    DASHBOARDS,
    dashboard_files,
    dashboards,
    panels,
    selectors,
)

from tools.dashboards.dashboards import built_dashboards, write_dashboards

UNITS = {
    "short", "s", "percentunit", "currencyUSD", "reqps", "bool_on_off", "dateTimeFromNow",
}  # fmt: skip
RANGES = {"$__rate_interval", "$__range"}
FIXED_RANGES = {("pumpwatch-trading", "Drawdown"): "the protection looks back over 24 hours"}
"""Panels whose range is fixed on purpose, with the reason."""

each_dashboard = pytest.mark.parametrize(
    "dashboard", dashboards(), ids=lambda dashboard: dashboard["uid"]
)
each_panel = pytest.mark.parametrize(
    ("dashboard", "panel"),
    [
        pytest.param(dashboard, panel, id=f"{dashboard['uid']}-{panel['title']}")
        for dashboard in dashboards()
        for panel in panels(dashboard)
    ],
)


def test_committed_files_are_what_the_code_builds(tmp_path):
    written = write_dashboards(tmp_path)
    assert [path.name for path in written] == [path.name for path in dashboard_files()]
    for path in written:
        committed = (DASHBOARDS / path.name).read_text()
        assert committed == path.read_text(), "run `make dashboards` and commit what it writes"
        assert len(committed) < 900_000, "it must fit into a ConfigMap"
    assert built_dashboards() == built_dashboards()
    assert len({dashboard["uid"] for dashboard in dashboards()}) == 2


@each_dashboard
def test_dashboard_as_a_whole(dashboard):
    assert 0 < len(dashboard["uid"]) <= 40
    assert dashboard["schemaVersion"] >= 36
    assert all(dashboard[key] for key in ("title", "description", "refresh"))
    assert dashboard["editable"] is False
    assert not dashboard.keys() & {"id", "__inputs"}
    ids = Counter(
        panel["id"] for row in dashboard["panels"] for panel in (row, *row.get("panels", ()))
    )
    assert ids.most_common(1)[0][1] == 1
    titles = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert all(title.endswith("?") for title in titles), "a row answers a question"


@each_dashboard
def test_variables(dashboard):
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    source = variables.pop("datasource")
    shown = [source[key] for key in ("type", "label", "query")]
    assert shown == ["datasource", "Data Source", "prometheus"]
    assert set(variables) == {"job", "stage"}
    for variable in variables.values():
        assert variable["multi"] is variable["includeAll"] is True
        assert variable["allValue"] == ".+"
        assert variable["refresh"] == 2, "refreshed when the time range changes"
        assert variable["datasource"]["uid"] == "${datasource}"


@each_dashboard
def test_panels_fill_the_grid_and_do_not_overlap(dashboard):
    taken = Counter()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24, panel["title"]
        for y in range(place["y"], place["y"] + place["h"]):
            taken.update((x, y) for x in range(place["x"], place["x"] + place["w"]))
    assert max(taken.values()) == 1, "panels overlap"
    lines = Counter(y for _, y in taken)
    assert set(lines.values()) == {24}, "a row of panels is not filled"


@each_panel
def test_panel_says_what_it_shows(dashboard, panel):
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    assert defaults["thresholds"]["steps"][0]["value"] is None
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs)) > 0
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert target["legendFormat"]


@each_panel
def test_queries_can_be_read_choose_a_job_and_read_counters_as_rates(dashboard, panel):
    for target in panel["targets"]:
        expr = target["expr"]
        for name, labels in selectors(expr):
            assert "job" in labels, expr
            if name.startswith("pumpwatch_"):
                assert re.search(rf'{name}{{job=~"\$job",stage=~"\$stage"', expr), expr
        rates_of_counters(expr)
    spans = [
        span for target in panel["targets"] for span in re.findall(r"\[([^]]+)]", target["expr"])
    ]
    fixed = (dashboard["uid"], panel["title"]) in FIXED_RANGES
    assert all(span in RANGES for span in spans) is not fixed


def rates_of_counters(expr):
    counters = re.findall(r"[a-z_]+_(?:total|bucket)\b", expr)
    rates = re.findall(r"(?:rate|increase)\(([a-z_]+_(?:total|bucket))\b", expr)
    assert Counter(counters) == Counter(rates), f"a raw counter says nothing: {expr}"
