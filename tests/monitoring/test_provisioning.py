"""Grafana's provisioning files: a misspelt key is dropped in silence there, so it is found here."""

import re
from collections import Counter

import promql_parser
import pytest
import yaml
from support.monitoring import (
    ALERTING,
    CHART,
    RUNBOOKS,
    dashboards,
    groups,
    panels,
    provisioning,
    query_of,
    rule_files,
    rules,
    selectors,
    without_comments,
)

GROUP_KEYS = {"orgId", "name", "folder", "interval", "rules"}
RULE_KEYS = {
    "uid", "title", "condition", "for", "keepFiringFor", "missing_series_evals_to_resolve",
    "noDataState", "execErrState", "dashboardUid", "panelId", "labels", "annotations",
    "notification_settings", "data", "isPaused",
}  # fmt: skip
SETTING_KEYS = {"receiver", "group_by", "group_wait", "group_interval", "repeat_interval"}
QUERY_KEYS = {"refId", "datasourceUid", "relativeTimeRange", "model"}
SLACK_KEYS = {
    "url", "title", "text", "color", "username", "icon_emoji", "icon_url", "mentionChannel",
    "mentionUsers", "mentionGroups", "recipient", "token", "endpointUrl", "footer",
}  # fmt: skip
POLICY_KEYS = SETTING_KEYS | {
    "orgId",
    "routes",
    "object_matchers",
    "continue",
    "mute_time_intervals",
}
SECONDS = {"s": 1, "m": 60, "h": 3600}
RECEIVERS = {"critical": "slack-critical", "warning": "slack-warning", "info": "slack-info"}

each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["title"])


def seconds(text):
    (number, unit) = re.fullmatch(r"(\d+)([smh])", text).groups()
    return int(number) * SECONDS[unit]


def test_every_file_is_one_of_those_that_are_known():
    names = {path.name for path in ALERTING.glob("*")}
    known = {"contact-points.yaml", "templates.yaml", "policies.yaml"}
    assert names == known | {path.name for path in rule_files()}
    for name in names:
        document = provisioning(name)
        assert document.pop("apiVersion") == 1
        assert document.keys() <= {"groups", "contactPoints", "templates", "policies"}


def test_groups_have_known_keys_and_unique_names():
    names = Counter(group["name"] for group in groups())
    assert set(names.values()) == {1}
    for group in groups():
        assert set(group) == GROUP_KEYS
        assert group["orgId"] == 1
        assert seconds(group["interval"]) % 10 == 0


def test_uids_and_titles_are_unique_and_short():
    uids = [rule["uid"] for rule in rules()]
    titles = [rule["title"] for rule in rules()]
    assert len(uids) == len(set(uids))
    assert len(titles) == len(set(titles))
    for uid in uids:
        assert re.fullmatch(r"[a-z0-9-]{1,40}", uid)


@each_rule
def test_rule_has_only_known_keys(rule):
    assert set(rule) <= RULE_KEYS
    assert RULE_KEYS - {"keepFiringFor", "isPaused"} <= set(rule)
    assert rule["noDataState"] in {"OK", "NoData", "Alerting", "KeepLast"}
    assert rule["execErrState"] in {"OK", "Error", "Alerting", "KeepLast"}
    assert isinstance(rule["missing_series_evals_to_resolve"], int)
    assert rule["missing_series_evals_to_resolve"] > 0
    seconds(rule["for"])
    assert set(rule["notification_settings"]) <= SETTING_KEYS


@each_rule
def test_rule_has_one_query_and_one_threshold(rule):
    query, threshold = rule["data"]
    assert set(query) == QUERY_KEYS
    assert set(threshold) == QUERY_KEYS - {"relativeTimeRange"}
    assert query["datasourceUid"] == "prometheus"
    assert threshold["datasourceUid"] == "__expr__"
    assert set(query["model"]) == {"refId", "instant", "expr"}
    assert set(threshold["model"]) == {"refId", "type", "expression", "conditions"}
    assert rule["condition"] == threshold["refId"] == threshold["model"]["refId"]
    assert query["refId"] == query["model"]["refId"] == threshold["model"]["expression"]
    assert query["model"]["instant"] is True
    assert threshold["model"]["type"] == "threshold"


@each_rule
def test_rule_s_query_can_be_read_and_names_its_job(rule):
    expr = query_of(rule)
    promql_parser.parse(expr)
    bare = without_comments(expr)
    assert "$" not in bare
    for name, labels in selectors(expr):
        assert name
        assert "job" in labels, f"{name} of which job?"


@each_rule
def test_rule_says_what_happened_and_what_to_do(rule):
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert notes["summary"].endswith(".")
    assert notes["description"].endswith(".")
    assert len(notes["summary"]) < 140, "it must fit on a phone"
    page = notes["runbook_url"].removeprefix("https://RUNBOOKS/")
    assert page == f"{rule['title'].lower()}.md"
    assert (RUNBOOKS / page).is_file()


@each_rule
def test_no_label_trips_over_a_dollar_or_a_long_value(rule):
    assert set(rule["labels"]) == {"severity", "component"}
    for value in rule["labels"].values():
        assert "$" not in value
    for note in rule["annotations"].values():
        assert "${" not in note, "newer versions expand a braced dollar in annotations"
        assert "$$" not in note


@each_rule
def test_rule_goes_where_its_severity_belongs(rule):
    settings = rule["notification_settings"]
    assert settings["receiver"] == RECEIVERS[rule["labels"]["severity"]]
    assert {"grafana_folder", "alertname"} <= set(settings["group_by"])
    assert seconds(settings["group_interval"]) >= 10
    assert seconds(settings["repeat_interval"]) >= 3600


@each_rule
def test_rule_points_to_a_panel_that_is_there(rule):
    ids = {
        (dashboard["uid"], panel["id"]) for dashboard in dashboards() for panel in panels(dashboard)
    }
    assert (rule["dashboardUid"], rule["panelId"]) in ids


def test_contact_points_read_their_webhooks_from_files():
    points = provisioning("contact-points.yaml")["contactPoints"]
    assert {point["name"] for point in points} == set(RECEIVERS.values())
    uids = []
    for point in points:
        assert set(point) == {"orgId", "name", "receivers"}
        (receiver,) = point["receivers"]
        assert set(receiver) == {"uid", "type", "disableResolveMessage", "settings"}
        assert set(receiver["settings"]) <= SLACK_KEYS
        severity = point["name"].removeprefix("slack-")
        assert receiver["settings"]["url"] == f"$__file{{/etc/grafana/secrets/slack/{severity}}}"
        uids.append(receiver["uid"])
        for key, value in receiver["settings"].items():
            if key != "url":
                assert "$" not in value.replace("$many", ""), "expanded by Grafana"
    assert len(set(uids)) == 3
    assert max(map(len, uids)) <= 40


def test_an_info_message_has_no_resolve_message():
    points = {one["name"]: one for one in provisioning("contact-points.yaml")["contactPoints"]}
    assert points["slack-info"]["receivers"][0]["disableResolveMessage"] is True
    assert points["slack-critical"]["receivers"][0]["disableResolveMessage"] is False


def test_templates_are_defined_closed_and_used():
    (template,) = provisioning("templates.yaml")["templates"]
    text = template["template"]
    defined = set(re.findall(r'define "([^"]+)"', text))
    used = set(re.findall(r'template "([^"]+)"', (ALERTING / "contact-points.yaml").read_text()))
    assert defined == used == {"pumpwatch.title", "pumpwatch.text"}
    opened = len(re.findall(r"\{\{-? ?(?:define|if|range|with)\b", text))
    assert opened == len(re.findall(r"\{\{-? ?end\b", text))
    for link in ("PanelURL", "runbook_url", "SilenceURL"):
        assert link in text


def test_policies_catch_everything_and_their_root_has_no_matchers():
    (root,) = provisioning("policies.yaml")["policies"]
    assert set(root) <= POLICY_KEYS
    assert "object_matchers" not in root, "Grafana 12.3 refuses to start"
    assert root["receiver"] in RECEIVERS.values()
    assert "grafana-default-email" not in (ALERTING / "policies.yaml").read_text()
    for route in root["routes"]:
        assert set(route) <= POLICY_KEYS
        ((label, operator, severity),) = route["object_matchers"]
        assert (label, operator) == ("severity", "=")
        assert route["receiver"] == RECEIVERS[severity]


def test_pump_reaches_slack_within_45_seconds_of_its_push():
    """Worst case: just missed by a scrape, then by an evaluation, then by the group's interval."""
    scrape = yaml.safe_load((CHART / "scrape" / "pumpwatch.yaml").read_text())
    (pushed,) = (one for one in scrape["scrape_configs"] if one["job_name"] == "pushgateway")
    assert pushed["honor_labels"] is True
    (group,) = (one for one in groups() if one["name"] == "messages")
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    least = values["grafana"]["grafana.ini"]["unified_alerting"]["min_interval"]
    assert seconds(group["interval"]) == seconds(least) == 10
    for rule in group["rules"]:
        settings = rule["notification_settings"]
        assert settings["group_wait"] == "0s"
        assert rule["for"] == "0s"
        waits = max(seconds(settings["group_wait"]), seconds(settings["group_interval"]))
        worst = seconds(pushed["scrape_interval"]) + seconds(group["interval"]) + waits
        assert worst + 5 <= 45, "and Slack needs a few seconds"


def test_a_pump_gives_at_most_three_messages():
    (rule,) = (one for one in rules() if one["title"] == "PumpEvent")
    assert 'phase=~"rising|peaked|over"' in query_of(rule)
    settings = rule["notification_settings"]
    assert "symbol" in settings["group_by"]
    assert "phase" not in settings["group_by"]
    assert seconds(settings["repeat_interval"]) >= 12 * 3600
    assert rule["missing_series_evals_to_resolve"] >= 3


def test_heartbeat_comes_daily():
    (rule,) = (one for one in rules() if one["title"] == "Heartbeat")
    assert rule["notification_settings"]["repeat_interval"] == "24h"
    assert rule["noDataState"] == "OK", "it must be silent when nothing is known"


ASKED_FOR = {
    "silent detector": "DetectorSilent", "late detector": "DetectorLate",
    "no symbols": "NoSymbols", "trade errors": "TradeErrors",
    "position without a stop": "PositionWithoutStop", "unknown orders": "UnknownOrders",
    "reconciliation": "ReconciliationMismatch", "drawdown": "Drawdown", "halt": "HaltActive",
    "key expiring": "KeyExpiring", "API errors": "ApiErrors",
    "rate limited or banned": "RateLimitedOrBanned", "push stale": "PushStale",
    "push rejected": "PushRejected", "Pushgateway down": "PushgatewayDown",
    "cluster CPU": "NodeCpuHigh", "cluster memory": "NodeMemoryLow", "pump": "PumpEvent",
    "fill": "OrderFilled", "heartbeat": "Heartbeat",
}  # fmt: skip


def test_nothing_that_people_rely_on_was_dropped():
    assert set(ASKED_FOR.values()) <= {rule["title"] for rule in rules()}
