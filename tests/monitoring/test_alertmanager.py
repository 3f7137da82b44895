"""Every alert that ships, from Prometheus through a real Alertmanager to a stub of Slack."""

from collections import Counter

import pytest
from support.alert_cases import rendered_alerts
from support.alertmanager import (
    PANEL,
    SILENCE,
    alertmanager,
    annotations_of,
    told_in_slack,
    webhooks_of,
    with_route,
)
from support.monitoring import rule_named
from support.prometheus import wait_until
from support.servers import needs_server

pytestmark = [needs_server("promtool"), needs_server("prometheus-alertmanager")]

NONSENSE = ("no value", "{{", "}}", "%!", "<nil>", "NaN", "()", "  ", " .", "::")
MINUTES = 12


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Return {title: (labels, annotations)} of every alert, as Prometheus fills it in."""
    return rendered_alerts(tmp_path_factory.mktemp("firing"), told_in_slack(), annotations_of)


@pytest.fixture
def server(tmp_path):
    with alertmanager(tmp_path) as running:
        yield running


def as_sent(shown):
    return [with_route(rule_named(title), alert) for title, alert in shown.items()]


def expect_silence(server, shown):
    """Fail if any message is still to come.

    What is asked for now passes a whole interval of the slowest groups, so all others did too.
    """
    last = with_route(rule_named("PodNotReady"), shown["PodNotReady"], stage="the last")
    server.post(last)
    assert server.slack.take()[0] == "warning"
    server.post(last, over=True)
    assert server.slack.take()[1].startswith("Resolved")
    assert server.slack.sent.empty()


def expected(shown):
    """Return {(webhook, title): alert} of what fires and of what resolves."""
    fired, resolved = {}, {}
    for rule in told_in_slack():
        labels, annotations = alert = shown[rule["title"]]
        stage = f" ({labels['stage']})" if "stage" in labels else ""
        urgent = f"CRITICAL{stage}: " if labels["severity"] == "critical" else ""
        for webhook, resolves in webhooks_of(rule):
            fired[webhook, urgent + annotations["summary"]] = alert
            if resolves:
                over = f"Resolved after {MINUTES} min: {annotations['resolved']}"
                resolved[webhook, over] = alert
    return fired, resolved


def test_every_alert_fires_once_and_resolves_once(server, shown):
    assert len(shown) == len(told_in_slack())
    fired, resolved = expected(shown)
    server.post(*as_sent(shown), minutes=MINUTES)
    messages = server.slack.take_many(len(fired))
    assert sorted(message[:2] for message in messages) == sorted(fired)
    for webhook, title, text in messages:
        labels, annotations = fired[webhook, title]
        assert annotations["description"] in text
        assert f"<{annotations['runbook_url']}|Runbook>" in text
        assert f"<{PANEL}|Panel>" in text
        assert f"<{SILENCE}|Silence>" in text
        assert ("<!here>" in text) is (labels["severity"] == "critical"), "who is woken"
        assert not any(word in title + text for word in NONSENSE)

    server.post(*as_sent(shown), minutes=MINUTES, over=True)
    messages = server.slack.take_many(len(resolved))
    assert sorted(message[:2] for message in messages) == sorted(resolved)
    for webhook, title, text in messages:
        _, annotations = resolved[webhook, title]
        assert text.splitlines()[0] == annotations["afterwards"]
        assert f"<{annotations['runbook_url']}|Runbook>" in text
        assert annotations["description"] not in text, "that is the present"
        assert "<!here>" not in text, "nobody is woken by a recovery"
        assert "Silence" not in text
        assert not any(word in title + text for word in NONSENSE)
    expect_silence(server, shown)


def test_a_hundred_pumps_are_a_single_message(server, shown):
    labels, annotations = shown["PumpEvent"]
    items = {f"S{number:03}USDT": f"S{number:03}USDT rising 12.5%" for number in range(100)}
    server.post(
        *(
            with_route(rule_named("PumpEvent"), (labels, annotations | {"item": item}), symbol=name)
            for name, item in items.items()
        )
    )
    webhook, title, text = server.slack.take()
    assert webhook == "info"
    listed = ", ".join(list(items.values())[:3])
    assert title == f"Pumps: {listed} and 97 more"
    assert "… and 90 more." in text
    assert text.count("|TradingView>") == 10
    assert len(text) < 4000
    expect_silence(server, shown)


def test_a_part_that_is_over_wakes_nobody(server, shown):
    """Two stages are two groups; two alerts of the same rule and stage cannot be critical."""
    rule = rule_named("TableUnreachable")
    alert = shown["TableUnreachable"]
    trade, detect = (
        with_route(rule, alert, job=job) for job in ("pumpwatch_trade", "pumpwatch_detect")
    )
    server.post(trade, detect)
    for _, title, text in server.slack.take_many(2):
        assert title.startswith("CRITICAL")
        assert "<!here>" in text
    server.post(detect, over=True)
    _, title, text = server.slack.take()
    assert title.startswith("Resolved")
    assert "<!here>" not in text
    expect_silence(server, shown)


def unanswered(rule):
    """Return what Grafana sends when Prometheus does not answer: its annotations are as written."""
    labels = rule["labels"] | {"alertname": "DatasourceError", "rulename": rule["title"]}
    error = 'Post "http://pumpwatch-prometheus/api/v1/query": dial tcp: <no route to host>'
    return with_route(rule, (labels, rule["annotations"] | {"Error": error}))


def test_prometheus_away_is_a_message_for_each_channel(server, shown):
    asked = [rule for rule in told_in_slack() if rule["execErrState"] == "Error"]
    alerts = [unanswered(rule) for rule in asked]
    server.post(*alerts)
    messages = server.slack.take_many(5)
    assert Counter(webhook for webhook, *_ in messages) == {"critical": 2, "warning": 2, "info": 1}
    (woken,) = (message for message in messages if "<!here>" in message[2])
    assert woken[1].startswith("CRITICAL: Grafana cannot evaluate alerts: ")
    assert woken[1].endswith(" more")
    for _, title, text in messages:
        assert "dial tcp: no route to host`" in text
        assert "datasourceerror.md|Runbook>" in text
        assert not any(word in title + text for word in NONSENSE)

    critical = [rule["labels"]["severity"] == "critical" for rule in asked]
    first = critical.index(True)
    server.post(alerts[first], over=True)
    _, title, text = server.slack.take()
    assert title.startswith("CRITICAL: Grafana cannot evaluate alerts: ")
    assert f"Over after less than a minute: {asked[first]['title']}\n" in text
    assert "<!here>" not in text, "part of it is over"

    server.post(*alerts, over=True)
    for _, title, text in server.slack.take_many(5):
        assert "could not evaluate alerts: " in title
        assert "work again" in text
        assert "<!here>" not in text
    expect_silence(server, shown)


def test_a_channel_that_is_gone_is_told_of_in_the_others(server, shown):
    server.slack.gone.add("critical")
    server.post(with_route(rule_named("HaltActive"), shown["HaltActive"]))
    assert wait_until(server.failed), "what NotificationsFailing asks for"
    told = with_route(rule_named("NotificationsFailing"), shown["NotificationsFailing"])
    server.post(told)
    messages = server.slack.take_many(2)
    assert {webhook for webhook, *_ in messages} == {"warning", "info"}
    assert {title for _, title, _ in messages} == {told[1]["summary"]}


def test_the_dead_man_s_switch_calls_while_all_is_well(server, shown, tmp_path_factory):
    rule = rule_named("DeadMansSwitch")
    folder = tmp_path_factory.mktemp("well")
    ((_, alert),) = rendered_alerts(folder, [rule], annotations_of).items()
    server.post(with_route(rule, alert))
    assert server.slack.take() == ("deadman", "firing", "")
    server.post(with_route(rule, alert), over=True)
    expect_silence(server, shown)


def test_no_data_is_told_without_figures(server, shown, tmp_path_factory):
    missing = [rule for rule in told_in_slack() if rule["noDataState"] == "Alerting"]
    folder = tmp_path_factory.mktemp("missing")
    alerts = rendered_alerts(folder, missing, annotations_of, data=False)
    assert len(alerts) == len(missing) == 5
    server.post(*as_sent(alerts))
    messages = server.slack.take_many(len(missing))
    assert {title for _, title, _ in messages} == {
        "CRITICAL: The detector is silent: Prometheus has no figures of it.",
        "CRITICAL: The trader is silent: Prometheus has no figures of it.",
        "CRITICAL: The Pushgateway is down: Prometheus cannot scrape it.",
        "Pumpwatch has pushed no metrics.",
        "Prometheus cannot scrape anything.",
    }
    for _, title, text in messages:
        assert not any(word in title + text for word in NONSENSE)
