"""The dashboards that ship: what dashboard-linter checks, and rules of our own."""

import json
import re
from collections import Counter

import promql_parser
import pytest
from support.monitoring import (
    DASHBOARDS,
    dashboard_files,
    dashboards,
    metric_names,
    panels,
    selectors,
    without_macros,
)

from tools.dashboards.dashboards import built_dashboards, write_dashboards

UNITS = {
    "short", "s", "percentunit", "currencyUSD", "reqps", "bool_on_off", "dateTimeFromNow",
}  # fmt: skip
RANGES = {"$__rate_interval", "$__range"}
FIXED_RANGES = {("pumpwatch-trading", "Drawdown"): "the protection looks back over 24 hours"}
"""Panels whose range is fixed on purpose, with the reason."""


def every_panel():
    return [
        pytest.param(dashboard, panel, id=f"{dashboard['uid']}-{panel['title']}")
        for dashboard in dashboards()
        for panel in panels(dashboard)
    ]


def expressions(panel):
    return [target["expr"] for target in panel["targets"]]


def test_committed_files_are_what_the_code_builds(tmp_path):
    written = write_dashboards(tmp_path)
    assert [path.name for path in written] == [path.name for path in dashboard_files()]
    for path in written:
        committed = (DASHBOARDS / path.name).read_text()
        assert committed == path.read_text(), "run `make dashboards` and commit what it writes"


def test_building_twice_gives_the_same():
    assert built_dashboards() == built_dashboards()


@pytest.mark.parametrize("dashboard", dashboards(), ids=lambda one: one["uid"])
def test_dashboard_as_a_whole(dashboard):
    assert 0 < len(dashboard["uid"]) <= 40
    assert dashboard["title"]
    assert dashboard["description"]
    assert dashboard["editable"] is False
    assert "id" not in dashboard
    assert "__inputs" not in dashboard
    assert dashboard["refresh"]
    ids = Counter(
        panel["id"] for row in dashboard["panels"] for panel in (row, *row.get("panels", ()))
    )
    assert ids.most_common(1)[0][1] == 1
    titles = Counter(panel["title"] for panel in dashboard["panels"] if panel["type"] == "row")
    assert all(title.endswith("?") for title in titles), "a row answers a question"


def test_uids_are_unique():
    uids = [dashboard["uid"] for dashboard in dashboards()]
    assert len(uids) == len(set(uids)) == 2


@pytest.mark.parametrize("dashboard", dashboards(), ids=lambda one: one["uid"])
def test_variables(dashboard):
    variables = {one["name"]: one for one in dashboard["templating"]["list"]}
    assert set(variables) == {"datasource", "job", "stage"}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["label"] == "Data Source"
    assert variables["datasource"]["query"] == "prometheus"
    for name in ("job", "stage"):
        assert variables[name]["multi"] is True
        assert variables[name]["includeAll"] is True
        assert variables[name]["allValue"] == ".+"
        assert variables[name]["refresh"] == 2, "refreshed when the time range changes"
        assert variables[name]["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("dashboard", dashboards(), ids=lambda one: one["uid"])
def test_panels_fill_the_grid_and_do_not_overlap(dashboard):
    taken = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[x, y]}"
                taken[x, y] = panel["title"]
    lines = Counter(y for _, y in taken)
    assert all(count == 24 for count in lines.values()), "a row of panels is not filled"


@pytest.mark.parametrize(("dashboard", "panel"), every_panel())
def test_panel_says_what_it_shows(dashboard, panel):
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    assert defaults["thresholds"]["steps"][0]["value"] is None
    assert panel["targets"]
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs))
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert target["legendFormat"]


@pytest.mark.parametrize(("dashboard", "panel"), every_panel())
def test_queries_can_be_read_and_choose_a_job(dashboard, panel):
    for expr in expressions(panel):
        promql_parser.parse(without_macros(expr))
        for name, labels in selectors(expr):
            assert "job" in labels, expr
            if name.startswith("pumpwatch_"):
                assert "stage" in labels, expr
                assert re.search(rf'{name}{{job=~"\$job",stage=~"\$stage"', expr), expr


@pytest.mark.parametrize(("dashboard", "panel"), every_panel())
def test_counters_are_read_as_rates_over_what_the_panel_shows(dashboard, panel):
    fixed = (dashboard["uid"], panel["title"]) in FIXED_RANGES
    for expr in expressions(panel):
        for span in re.findall(r"\[([^\]]+)\]", expr):
            assert span in RANGES or fixed, expr
        counters = re.findall(r"[a-z_]+_(?:total|bucket)\b", expr)
        rates = re.findall(r"(?:rate|increase)\(([a-z_]+_(?:total|bucket))\b", expr)
        assert Counter(counters) == Counter(rates), f"a raw counter says nothing: {expr}"


def test_every_exception_is_needed():
    for uid, title in FIXED_RANGES:
        found = [
            expr
            for dashboard in dashboards()
            if dashboard["uid"] == uid
            for panel in panels(dashboard)
            if panel["title"] == title
            for expr in expressions(panel)
        ]
        assert any(span not in RANGES for expr in found for span in re.findall(r"\[([^\]]+)", expr))


def test_linter_notices_a_raw_counter_and_a_broken_query():
    """The checks above could fail: here they do."""
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        promql_parser.parse("sum(rate(up[5m])")
    panel = {"targets": [{"expr": 'sum(pumpwatch_trade_orders_total{job=~"$job"})'}]}
    with pytest.raises(AssertionError, match="raw counter"):
        test_counters_are_read_as_rates_over_what_the_panel_shows(
            {"uid": "x"}, panel | {"title": "y"}
        )
    assert metric_names("sum(rate(a_total[5m])) / on (x) max(b_seconds)") == {
        "a_total",
        "b_seconds",
    }


def test_files_are_small_enough_for_a_config_map():
    for path in dashboard_files():
        assert path.stat().st_size < 900_000
        assert json.loads(path.read_text())["schemaVersion"] >= 36
