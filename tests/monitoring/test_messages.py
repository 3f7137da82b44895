"""What a message in Slack says: the templates that ship, rendered by a real Go template engine.

Helm's engine is such an engine; the functions that the templates use are the same in Grafana.
"""

import pytest
import yaml
from helm_python import Chart
from support.monitoring import provisioning

PANEL = "https://grafana.example.com/d/pumpwatch-trading?viewPanel=15"
SILENCE = "https://grafana.example.com/alerting/silence/new"
RUNBOOK = "https://example.com/runbooks/positionwithoutstop.md"
DESCRIPTION = "Stage prod: a loss in them is not bounded."


@pytest.fixture(scope="module")
def render(tmp_path_factory):
    """Return a function that renders title and text of a notification."""
    folder = tmp_path_factory.mktemp("messages") / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: messages, version: 0.1.0}\n")
    (template,) = provisioning("templates.yaml")["templates"]
    (folder / "values.yaml").write_text(yaml.safe_dump({"messages": template["template"]}))
    call = '{{ tpl (print .Values.messages "{{ template \\"pumpwatch.%s\\" . }}") .Values.data }}'
    (folder / "templates" / "text.txt").write_text(
        "\n=====\n".join(call % name for name in ("title", "text"))
    )
    chart = Chart.load(folder)

    def rendered(*alerts, severity="critical", status="firing", name="PositionWithoutStop"):
        labels = {"severity": severity, "alertname": name}
        data = {"Status": status, "CommonLabels": labels, "Alerts": list(alerts)}
        ((_, text),) = chart.render({"data": data}, name="x", namespace="y").items()
        title, _, body = text.partition("=====")
        return title.strip(), [line.rstrip() for line in body.strip().splitlines()]

    return rendered


def alert(summary, status="firing", panel=PANEL):
    annotations = {"summary": summary, "description": DESCRIPTION, "runbook_url": RUNBOOK}
    return {
        "Annotations": annotations,
        "Status": status,
        "PanelURL": panel,
        "SilenceURL": SILENCE,
    }


def test_a_single_alert_reads_as_a_sentence_with_three_links(render):
    title, lines = render(alert("1 open positions have no stop on the exchange."))
    assert title == "CRITICAL: 1 open positions have no stop on the exchange."
    links = f"<{PANEL}|Panel> · <{RUNBOOK}|Runbook> · <{SILENCE}|Silence>"
    assert lines == [DESCRIPTION, links]


def test_several_alerts_are_counted_and_each_is_told(render):
    title, lines = render(
        alert("AUSDT rising, 12% up."),
        alert("AUSDT peaked, 15% up."),
        severity="info",
        name="PumpEvent",
    )
    assert title == "2 x PumpEvent"
    assert lines[0] == "*AUSDT rising, 12% up.*"
    assert "*AUSDT peaked, 15% up.*" in lines
    assert "\n".join(lines).count("|Runbook>") == 2


def test_a_resolved_alert_says_so_and_offers_no_silence(render):
    summary = "Node n1 uses 95% of its CPU."
    title, lines = render(alert(summary, "resolved"), status="resolved")
    assert title == f"Resolved: {summary}"
    assert "|Silence>" not in lines[-1]


def test_a_title_fits_on_a_locked_phone_and_no_link_is_empty(render):
    title, lines = render(alert("x" * 100 + ".", panel=""))
    assert len(title) < 150
    assert "\n" not in title
    assert lines[-1].startswith(f"<{RUNBOOK}|")
