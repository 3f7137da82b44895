"""What a message in Slack says, rendered by amtool; with a server: test_alertmanager."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from support.alertmanager import PANEL, SILENCE, message_template
from support.servers import needs_server

pytestmark = needs_server("amtool")

RUNBOOK = "https://example.com/runbooks/podnotready.md"
BEGIN = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
LOCKED_PHONE = 180
SLACK = 4_000


@pytest.fixture
def render(tmp_path):
    """Return a function that renders title and text of a notification."""
    (tmp_path / "messages.tmpl").write_text(message_template())

    def rendered(*alerts, severity="warning", **labels):
        firing = any(alert["status"] == "firing" for alert in alerts)
        (tmp_path / "data.json").write_text(
            json.dumps(
                {
                    "status": "firing" if firing else "resolved",
                    "commonLabels": {"severity": severity} | labels,
                    "alerts": alerts,
                }
            )
        )
        return tuple(_amtool(tmp_path, name) for name in ("title", "text"))

    return rendered


def _amtool(folder, name):
    done = subprocess.run(
        [
            "amtool", "template", "render",
            f"--template.glob={folder / 'messages.tmpl'}",
            f'--template.text={{{{ template "pumpwatch.{name}" . }}}}',
            f"--template.data={folder / 'data.json'}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    return done.stdout.removesuffix("\n")


def alert(name="a", *, over=None, labels=(), **annotations):
    """Return an alert about a pod; `over` says after how long it ended."""
    texts = {
        "summary": f"Pod {name} is not ready.",
        "description": "A part of the monitoring does not work.",
        "resolved": f"Pod {name} was not ready.",
        "afterwards": "Nothing to do.",
        "several": "Pods not ready",
        "item": name,
        "runbook_url": RUNBOOK,
        "panel_url": PANEL,
        "silence_url": SILENCE,
    } | annotations
    return {
        "status": "firing" if over is None else "resolved",
        "labels": {"alertname": "PodNotReady"} | dict(labels),
        "annotations": {name: text for name, text in texts.items() if text is not None},
        "startsAt": BEGIN.isoformat(),
        "endsAt": (BEGIN + (over or timedelta())).isoformat(),
    }


def test_a_single_alert_reads_as_a_sentence_with_three_links(render):
    title, text = render(alert())
    assert title == "Pod a is not ready."
    links = f"<{PANEL}|Panel> · <{RUNBOOK}|Runbook> · <{SILENCE}|Silence>"
    assert text.splitlines() == ["A part of the monitoring does not work.", links]


def test_a_critical_alert_names_its_stage_and_wakes_people(render):
    title, text = render(alert(), severity="critical", stage="prod")
    assert title == "CRITICAL (prod): Pod a is not ready."
    assert text.splitlines()[0] == "<!here>"


def test_several_alerts_are_named_and_each_is_told(render):
    title, text = render(alert("a"), alert("b"), alert("c"), alert("d"), alert("e"))
    assert title == "Pods not ready: a, b, c and 2 more"
    assert [line for line in text.splitlines() if line.startswith("• ")] == [
        f"• Pod {name} is not ready." for name in "abcde"
    ]
    assert text.count("|Runbook>") == text.count("|Panel>") == 1


def test_what_is_over_beside_what_is_not_is_told_as_such(render):
    title, text = render(alert("a"), alert("b", over=timedelta(minutes=12)), severity="critical")
    assert title == "CRITICAL: Pod a is not ready."
    assert text.splitlines()[:3] == [
        "• Pod a is not ready.",
        "• Over after 12 min: Pod b was not ready.",
        "A part of the monitoring does not work.",
    ]


def test_several_that_are_over_are_named(render):
    ended = [alert(name, over=timedelta(minutes=12)) for name in "abcdefg"]
    title, text = render(*ended)
    assert title == "Resolved: Pods not ready: a, b, c and 4 more"
    assert "… and 2 more are over." in text
    assert "does not work" not in text
    assert "Nothing to do." in text


@pytest.mark.parametrize(
    ("over", "words"),
    [
        (timedelta(seconds=20), "less than a minute"),
        (timedelta(seconds=40), "1 min"),
        (timedelta(minutes=12, seconds=10), "12 min"),
        (timedelta(minutes=59, seconds=50), "1 h"),
        (timedelta(hours=1, minutes=10), "1 h 10 min"),
        (timedelta(hours=20), "20 h"),
        (timedelta(hours=50, minutes=1), "50 h 1 min"),
    ],
)
def test_a_recovery_says_how_long_it_took(render, over, words):
    title, text = render(alert(over=over), severity="critical", stage="prod")
    assert title == f"Resolved after {words}: Pod a was not ready."
    assert text == f"Nothing to do.\n<{PANEL}|Panel> · <{RUNBOOK}|Runbook>"


def test_titles_fit_on_a_locked_phone_and_texts_in_slack(render):
    long = "x" * 500
    many = [alert(long, labels={"symbol": "A" * 20}) for _ in range(60)]
    ended = [alert(long, over=timedelta(hours=1)) for _ in range(60)]
    for alerts in ([alert(long)], many, ended, many + ended):
        title, text = render(*alerts, severity="critical", stage="prod")
        assert len(title) <= LOCKED_PHONE
        assert "\n" not in title
        assert len(text) <= SLACK


def test_a_symbol_leads_to_its_charts(render):
    _, text = render(alert(labels={"symbol": "AUSDT"}))
    assert "<https://www.bybit.com/trade/usdt/AUSDT|Bybit>" in text
    assert "<https://www.tradingview.com/chart/?symbol=BYBIT:AUSDT.P|TradingView>" in text


def test_a_rule_made_by_hand_is_told_by_its_summary(render):
    """It has no annotations but the usual ones, and no panel."""
    plain = {"resolved": None, "afterwards": None, "several": None, "item": None, "panel_url": None}
    title, text = render(alert(**plain))
    assert title == "Pod a is not ready."
    assert "Panel" not in text
    assert render(alert(**plain), alert("b", **plain))[0] == (
        "PodNotReady: Pod a is not ready., Pod b is not ready."
    )
    assert render(alert(over=timedelta(minutes=5), **plain))[0] == (
        "Resolved after 5 min: Pod a is not ready."
    )
