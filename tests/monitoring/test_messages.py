"""What a message in Slack says: the templates that ship, rendered by a real Go template engine.

Helm's engine is one; the functions that the templates use are the same in Grafana.
"""

import pytest
import yaml
from helm_python import Chart
from support.monitoring import provisioning

URLS = {
    "PanelURL": "https://grafana.example.com/d/pumpwatch-trading?viewPanel=15",
    "SilenceURL": "https://grafana.example.com/alerting/silence/new",
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
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

    def render(notification):
        ((_, text),) = chart.render({"data": notification}, name="x", namespace="y").items()
        title, _, body = text.partition("=====")
        return title.strip(), "\n".join(line.rstrip() for line in body.strip().splitlines())

    return render


def alert(summary, status="firing", **more):
    annotations = {
        "summary": summary,
        "description": "Stage prod: a loss in them is not bounded.",
        "runbook_url": "https://example.com/runbooks/positionwithoutstop.md",
    }
    return {"Annotations": annotations, "Status": status, **URLS, **more}


def notification(*alerts, severity="critical", status="firing", name="PositionWithoutStop"):
    labels = {"severity": severity, "alertname": name}
    return {"Status": status, "CommonLabels": labels, "Alerts": list(alerts)}


def test_one_alert_reads_as_one_sentence_with_three_links(rendered):
    title, text = rendered(notification(alert("1 open positions have no stop on the exchange.")))
    assert title == "CRITICAL: 1 open positions have no stop on the exchange."
    assert text.splitlines() == [
        "Stage prod: a loss in them is not bounded.",
        f"<{URLS['PanelURL']}|Panel> · <https://example.com/runbooks/positionwithoutstop.md|Runbook>"
        f" · <{URLS['SilenceURL']}|Silence>",
    ]


def test_several_alerts_are_counted_and_told_one_by_one(rendered):
    pair = [alert("AUSDT rising, 12% up."), alert("AUSDT peaked, 15% up.")]
    title, text = rendered(notification(*pair, severity="info", name="PumpEvent"))
    assert title == "2 x PumpEvent"
    assert text.splitlines()[0] == "*AUSDT rising, 12% up.*"
    assert "*AUSDT peaked, 15% up.*" in text
    assert text.count("|Runbook>") == 2


def test_resolved_alert_says_so_and_offers_no_silence(rendered):
    title, text = rendered(
        notification(alert("Node n1 uses 95% of its CPU.", "resolved"), status="resolved")
    )
    assert title == "Resolved: Node n1 uses 95% of its CPU."
    assert "|Silence>" not in text


def test_alert_without_a_panel_has_no_empty_link(rendered):
    _, text = rendered(notification(alert("Summary.", PanelURL="")))
    assert "<|" not in text
    assert "|Runbook>" in text


def test_first_line_fits_on_a_locked_phone(rendered):
    title, _ = rendered(notification(alert("x" * 100 + ".")))
    assert len(title) < 150
    assert "\n" not in title
