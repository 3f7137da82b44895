"""Grafana's provisioning files: a misspelt key is dropped silently there, so it fails here."""

import re
from collections import Counter

import pytest
from support.alert_cases import CASES
from support.monitoring import (
    ALERTING,
    CHART,
    RUNBOOKS,
    dashboards,
    groups,
    panels,
    provisioning,
    queries_of,
    query_of,
    read_yaml,
    rule_files,
    rule_named,
    rules,
    selectors,
    without_comments,
)

OPTIONAL_KEYS = {"keepFiringFor", "isPaused"}
RULE_KEYS = {
    "uid", "title", "condition", "for", "missing_series_evals_to_resolve", "noDataState",
    "execErrState", "dashboardUid", "panelId", "labels", "annotations", "notification_settings",
    "data",
}  # fmt: skip
SETTING_KEYS = {"receiver", "group_by", "group_wait", "group_interval", "repeat_interval"}
QUERY_KEYS = {"refId", "datasourceUid", "relativeTimeRange", "model"}
SLACK_KEYS = {
    "url", "title", "text", "color", "username", "icon_emoji", "icon_url", "recipient", "token",
    "endpointUrl", "footer",
}  # fmt: skip
POLICY_KEYS = SETTING_KEYS | {
    "orgId", "routes", "object_matchers", "continue", "mute_time_intervals",
}  # fmt: skip
EVERYWHERE = "slack-everywhere"
ELSEWHERE = {"NotificationsFailing": EVERYWHERE, "DeadMansSwitch": "deadman"}
SECONDS = {"s": 1, "m": 60, "h": 3600}
PAST = re.compile(
    r"\b(was|were|had|could not|failed|saw|looked|dropped|moved|answered|limited|pushed|rejected"
    r"|disagreed|held|refused|kept|found|did|closed)\b"
)
PRESENT = re.compile(r"\b(is|are|has|have|cannot|does|do|fails?|sees?|runs|rejects?|expires)\b")
RECEIVERS = {"critical": "slack-critical", "warning": "slack-warning", "info": "slack-info"}

each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["title"])


def seconds(text):
    (number, unit) = re.fullmatch(r"(\d+)([smh])", text).groups()
    return int(number) * SECONDS[unit]


def test_every_file_is_known_and_has_known_keys():
    names = {path.name for path in ALERTING.glob("*")}
    known = {"contact-points.yaml", "templates.yaml", "policies.yaml"}
    assert names == known | {path.name for path in rule_files()}
    for name in names:
        document = provisioning(name)
        assert document["apiVersion"] == 1
        assert document.keys() <= {
            "apiVersion", "groups", "contactPoints", "templates", "policies"
        }  # fmt: skip


def test_groups_have_known_keys_and_names_are_unique():
    for group in groups():
        assert set(group) == {"orgId", "name", "folder", "interval", "rules"}
        assert group["orgId"] == 1
        assert seconds(group["interval"]) % 10 == 0
    names = [("group", group["name"]) for group in groups()]
    names += [(key, rule[key]) for rule in rules() for key in ("uid", "title")]
    assert [name for name, count in Counter(names).items() if count > 1] == []


@each_rule
def test_rule_is_well_formed(rule):
    assert RULE_KEYS <= set(rule) <= RULE_KEYS | OPTIONAL_KEYS
    assert re.fullmatch(r"[a-z0-9-]{1,40}", rule["uid"])
    assert rule["noDataState"] in {"OK", "NoData", "Alerting", "KeepLast"}
    assert rule["missing_series_evals_to_resolve"] > 0
    seconds(rule["for"])
    first, *more, threshold = rule["data"]
    for query in (first, *more):
        assert set(query) == QUERY_KEYS
        assert query["datasourceUid"] == "prometheus"
        assert set(query["model"]) == {"refId", "instant", "expr"}
        assert query["model"]["instant"] is True
        assert query["refId"] == query["model"]["refId"]
    assert set(threshold) == QUERY_KEYS - {"relativeTimeRange"}
    assert threshold["datasourceUid"] == "__expr__"
    assert set(threshold["model"]) == {"refId", "type", "expression", "conditions"}
    assert rule["condition"] == threshold["refId"] == threshold["model"]["refId"]
    assert first["refId"] == threshold["model"]["expression"]
    assert threshold["model"]["type"] == "threshold"


@each_rule
def test_rule_s_query_can_be_read_and_names_its_job(rule):
    for expr in queries_of(rule).values():
        assert "$" not in without_comments(expr)
        for name, labels in selectors(expr):
            assert name
            assert "job" in labels, f"{name} of which job?"


def several_of(rule):
    """Return the labels by which a rule can have several alerts in a message."""
    labels = CASES[rule["title"]].get("labels", {}).keys()
    return labels - {"stage", "job", "code"} if is_critical(rule) else labels - {"stage"}


def is_critical(rule):
    return rule["labels"]["severity"] == "critical"


@each_rule
def test_rule_says_what_happened_and_what_to_do(rule):
    notes = rule["annotations"]
    told = {"summary", "description", "runbook_url"}
    if rule["labels"]["severity"] != "info":
        told |= {"resolved", "afterwards"}
    if several_of(rule):
        told |= {"several", "item"}
    assert set(notes) == told
    for name in told - {"runbook_url", "several", "item"}:
        assert notes[name].endswith("."), name
    page = notes["runbook_url"].removeprefix("https://RUNBOOKS/")
    assert page == f"{rule['title'].lower()}.md"
    assert (RUNBOOKS / page).is_file()
    for note in notes.values():
        assert not re.search(r"\$[{$]", note), "newer versions expand a braced dollar"
    shown = [
        (dashboard["uid"], panel["id"]) for dashboard in dashboards() for panel in panels(dashboard)
    ]
    assert (rule["dashboardUid"], rule["panelId"]) in shown


@each_rule
def test_rule_goes_where_its_severity_belongs(rule):
    assert set(rule["labels"]) == {"severity", "component"}
    assert not any("$" in value for value in rule["labels"].values())
    settings = rule["notification_settings"]
    assert set(settings) <= SETTING_KEYS
    receiver = ELSEWHERE.get(rule["title"], RECEIVERS[rule["labels"]["severity"]])
    assert settings["receiver"] == receiver
    assert {"grafana_folder", "alertname"} <= set(settings["group_by"])
    assert seconds(settings["group_interval"]) >= 10
    assert seconds(settings["repeat_interval"]) >= (300 if receiver == "deadman" else 3600)


@each_rule
def test_what_is_over_is_told_in_the_past(rule):
    """Without figures: Grafana fills in the value of the recovery, Prometheus the last bad one."""
    if rule["labels"]["severity"] == "info":
        return
    resolved = rule["annotations"]["resolved"]
    words = re.sub(r"\{\{.*?\}\}", "", resolved)
    assert PAST.search(words), resolved
    assert not PRESENT.search(words), resolved
    assert resolved != rule["annotations"]["summary"]
    assert "$values" not in resolved + rule["annotations"]["afterwards"]


def test_labels_that_may_be_absent_are_never_printed_bare():
    """Without data Grafana writes "[no value]" for a label, and a whole template for a value."""
    for rule in rules():
        if rule["noDataState"] == "Alerting":
            for note in rule["annotations"].values():
                assert not re.search(r"\{\{-? *\$", note), rule["title"]


def test_a_critical_message_is_about_a_single_alert():
    """Then it is either firing or over, and whoever is woken is woken by what is firing."""
    for rule in filter(is_critical, rules()):
        assert several_of(rule) == set(), rule["title"]
        settings = rule["notification_settings"]
        assert settings["group_by"] == ["grafana_folder", "alertname", "stage", "job", "code"]


def test_contact_points_read_their_webhooks_from_files():
    """A channel that Grafana mentions itself is mentioned by recoveries too: the text does it."""
    points = provisioning("contact-points.yaml")["contactPoints"]
    assert {point["name"] for point in points} == {*RECEIVERS.values(), EVERYWHERE}
    uids = []
    for point in points:
        assert set(point) == {"orgId", "name", "receivers"}
        severity = point["name"].removeprefix("slack-")
        to_all = point["name"] == EVERYWHERE
        urls = []
        for receiver in point["receivers"]:
            assert set(receiver) == {"uid", "type", "disableResolveMessage", "settings"}
            assert receiver["disableResolveMessage"] is (severity == "info")
            assert set(receiver["settings"]) <= SLACK_KEYS
            settings = dict(receiver["settings"])
            urls.append(settings.pop("url"))
            assert not any("$" in value for value in settings.values()), "expanded by Grafana"
            uids.append(receiver["uid"])
        wanted = RECEIVERS if to_all else [severity]
        assert urls == [f"$__file{{/etc/grafana/secrets/slack/{name}}}" for name in wanted]
    assert len(set(uids)) == len(uids)
    assert max(map(len, uids)) <= 40


def test_news_of_failed_messages_goes_to_every_channel():
    settings = rule_named("NotificationsFailing")["notification_settings"]
    assert settings["receiver"] == EVERYWHERE


def test_the_dead_man_s_switch_calls_often_and_falls_silent():
    document = provisioning("rules-deadman.yaml")
    ((receiver,),) = (point["receivers"] for point in document["contactPoints"])
    assert receiver["type"] == "webhook"
    assert receiver["disableResolveMessage"] is True
    assert receiver["settings"]["url"] == "$__file{/etc/grafana/secrets/slack/deadman}"
    rule = rule_named("DeadMansSwitch")
    assert seconds(rule["notification_settings"]["repeat_interval"]) == 300
    assert rule["noDataState"] == rule["execErrState"] == "OK"


def test_templates_are_those_that_are_used():
    """What they make of a notification is in test_messages."""
    (template,) = provisioning("templates.yaml")["templates"]
    defined = set(re.findall(r'define "([^"]+)"', template["template"]))
    points = (ALERTING / "contact-points.yaml").read_text()
    used = set(re.findall(r'template "([^"]+)"', template["template"] + points))
    assert defined == used


def test_policies_catch_everything_and_their_root_has_no_matchers():
    (root,) = provisioning("policies.yaml")["policies"]
    assert "object_matchers" not in root, "Grafana 12.3 refuses to start"
    assert root["receiver"] in RECEIVERS.values()
    for route in (root, *root["routes"]):
        assert set(route) <= POLICY_KEYS
    for route in root["routes"]:
        ((label, operator, severity),) = route["object_matchers"]
        assert (label, operator) == ("severity", "=")
        assert route["receiver"] == RECEIVERS[severity]


def test_pump_reaches_slack_within_45_seconds_of_its_push():
    """Worst case: just missed by a scrape, then by an evaluation, then by the group's interval."""
    jobs = read_yaml(CHART / "scrape" / "pumpwatch.yaml")["scrape_configs"]
    (pushed,) = (job for job in jobs if job["job_name"] == "pushgateway")
    (group,) = (group for group in groups() if group["name"] == "messages")
    grafana = read_yaml(CHART / "values.yaml")["grafana"]["grafana.ini"]
    least = grafana["unified_alerting"]["min_interval"]
    assert seconds(group["interval"]) == seconds(least) == 10
    for rule in group["rules"]:
        settings = rule["notification_settings"]
        assert rule["for"] == "0s"
        assert seconds(settings["group_wait"]) < seconds(settings["group_interval"])
        worst = seconds(pushed["scrape_interval"]) + seconds(group["interval"])
        worst += seconds(settings["group_interval"])
        assert worst + 5 <= 45, "and Slack needs a few seconds"


def test_a_pump_is_told_when_a_phase_begins_and_together_with_others():
    rule = rule_named("PumpEvent")
    assert 'phase=~"rising|peaked|over"' in query_of(rule)
    settings = rule["notification_settings"]
    assert settings["group_by"] == ["grafana_folder", "alertname", "stage"]
    assert seconds(settings["group_wait"]) > 0, "or the first is told alone"
    assert seconds(settings["repeat_interval"]) >= 12 * 3600
    assert rule["missing_series_evals_to_resolve"] >= 3


def test_heartbeat_comes_daily():
    rule = rule_named("Heartbeat")
    assert rule["notification_settings"]["repeat_interval"] == "24h"
    assert rule["noDataState"] == "OK", "it must be silent when nothing is known"
