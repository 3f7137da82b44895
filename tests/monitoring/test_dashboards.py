"""The dashboards that ship: what dashboard-linter checks, and rules of our own."""

import re
from collections import Counter

import pytest
import yaml
from support.dimensions import UNITS, dimension_of
from support.monitoring import (
    CHART,
    DASHBOARDS,
    RUNBOOKS,
    dashboard_files,
    dashboards,
    panels,
    promtool,
    read_yaml,
    selectors,
)
from support.panel_answers import ABOVE, BELOW_ZERO, MAY_BE_EMPTY, panel_queries
from support.servers import needs_server

from pumpwatch.metrics.catalogue import MODES
from tools.dashboards.dashboards import built_dashboards, write_dashboards

RANGES = {"$__rate_interval", "$__range"}
FIXED_RANGES = {
    ("pumpwatch-trading", "Drawdown"): "the protection looks back over 24 hours",
    ("pumpwatch-trading", "Problems in the last hour"): "its title says so",
}
"""Panels whose range is fixed on purpose, with the reason."""
SAFETY = {
    "trade_mode_info", "trade_halted", "trade_positions_without_stop", "trade_exits_overdue",
    "trade_unknown_orders", "trade_vanished_positions", "detect_last_success_timestamp_seconds",
    "trade_last_success_timestamp_seconds", "trade_equity_usdt", "trade_locks",
    "trade_problems_total", "trade_key_expiry_timestamp_seconds",
}  # fmt: skip
"""What the first row of *Trading* must tell."""

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
    """A counter is read as a rate, or as its exact growth since the point before."""
    name = r"[a-z_]+_(?:total|bucket)\b"
    counters = re.findall(name, expr)
    rates = re.findall(rf"(?:rate|increase)\(({name})", expr)
    total = r"(sum(?: by \([a-z, ]+\) )?)"
    growth = rf"clamp_min\({total}\(([^()]+)\)\n- \1\(\2 offset \$__interval\), 0\)"
    rates += [each for _, now in re.findall(growth, expr) for each in 2 * re.findall(name, now)]
    assert Counter(counters) == Counter(rates), f"a raw counter says nothing: {expr}"


@each_panel
def test_unit_is_that_of_what_the_metrics_measure(dashboard, panel):
    (dimension,) = {dimension_of(target["expr"]) for target in panel["targets"]}
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS[dimension]


@each_panel
def test_words_are_those_that_people_use(dashboard, panel):
    legends = [target["legendFormat"] for target in panel["targets"]]
    shown = " ".join([panel["title"], panel["description"], *legends])
    assert "$" not in shown, "money is USDT"
    assert not re.search(r"\bhalf\b|95 %|\bcost\b", shown, re.I)
    for target, legend in zip(panel["targets"], legends, strict=True):
        share = re.search(r"histogram_quantile\((0\.\d+)", target["expr"])
        if share:
            name = {"0.5": "median", "0.95": "95th percentile"}[share[1]]
            assert name in (legend if len(legends) > 1 else shown)


@each_dashboard
def test_first_row_says_whether_it_is_safe(dashboard):
    base = read_yaml(CHART / "values.yaml")["runbookBaseUrl"]
    row, *rest = dashboard["panels"]
    assert row["title"] == "Is it safe?"
    first = []
    for panel in rest:
        if panel["type"] == "row":
            break
        first.append(panel)
    for panel in first:
        assert panel["type"] == "stat"
        assert panel["options"]["colorMode"] == "background"
        words = panel["fieldConfig"]["defaults"]["mappings"]
        nothing = [word for word in words if word["type"] == "special"]
        assert nothing, f"{panel['title']} must say what it means when there is no number"
        for link in panel.get("links", ()):
            page = link["url"].removeprefix(f"{base}/")
            assert (RUNBOOKS / page).is_file()
        assert panel.get("links") or panel["title"] == "Mode"
    if dashboard["uid"] == "pumpwatch-trading":
        asked = " ".join(target["expr"] for panel in first for target in panel["targets"])
        assert set(re.findall(r"pumpwatch_([a-z_]+)\{", asked)) == SAFETY


@needs_server("promtool")
def test_the_panel_of_the_mode_has_a_word_for_each(tmp_path):
    shown = [panel for dashboard in dashboards() for panel in panels(dashboard)]
    (panel,) = [panel for panel in shown if panel["title"] == "Mode"]
    (target,) = panel["targets"]
    texts = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    tests = []
    for mode in MODES:
        (value,) = [key for key, option in texts.items() if option["text"] == mode.upper()]
        labels = 'job="pumpwatch_trade",stage="dev"'
        series = [
            {
                "series": f'pumpwatch_trade_mode_info{{{labels},mode="{other}"}}',
                "values": str(int(other == mode)),
            }
            for other in MODES
        ]
        expression = target["expr"].replace("$job", ".*").replace("$stage", ".*")
        samples = [{"labels": '{stage="dev"}', "value": int(value)}]
        asked = {"expr": expression, "eval_time": "0m", "exp_samples": samples}
        tests.append({"input_series": series, "promql_expr_test": [asked]})
    (tmp_path / "modes.yaml").write_text(yaml.safe_dump({"tests": tests}))
    status, text = promtool("test", "rules", "modes.yaml", cwd=tmp_path)
    assert status == 0, text


@each_panel
def test_symbols_link_to_their_charts(dashboard, panel):
    has_symbol = any(re.search(r"\bsymbol\b", target["expr"]) for target in panel["targets"])
    if not has_symbol:
        return
    assert panel["type"] == "table", "a field of a row is read as ${__data.fields...}"
    (override,) = panel["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byName", "options": "symbol"}
    ((name, links),) = [(each["id"], each["value"]) for each in override["properties"]]
    assert name == "links"
    urls = {
        link["title"]: link["url"].replace("${__data.fields.symbol}", "XUSDT") for link in links
    }
    assert urls == {
        "Bybit": "https://www.bybit.com/trade/usdt/XUSDT",
        "TradingView": "https://www.tradingview.com/chart/?symbol=BYBIT:XUSDT.P",
    }


def test_marks_are_on_the_panels_of_the_equity_and_of_the_profit():
    (trading,) = (each for each in dashboards() if each["uid"] == "pumpwatch-trading")
    titles = {panel["id"]: panel["title"] for panel in panels(trading)}
    marks = trading["annotations"]["list"]
    assert [mark["name"] for mark in marks] == ["Entries", "Exits", "Halts", "Resumed"]
    for mark in marks:
        assert [titles[number] for number in mark["filter"]["ids"]] == ["Equity", "Profit and loss"]
        assert mark["target"]["expr"] == mark["expr"]
        assert mark["target"]["interval"] == mark["step"]
        for name, labels in selectors(mark["expr"]):
            assert {"job", "stage"} <= labels, name


def test_exceptions_of_the_panels_name_panels():
    known = {where for where, _ in panel_queries()}
    assert len(known) == sum(1 for _ in panel_queries())
    assert MAY_BE_EMPTY.keys() | ABOVE.keys() | BELOW_ZERO.keys() <= known
