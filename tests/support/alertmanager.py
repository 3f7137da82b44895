"""Our alerts in a real Alertmanager: its config, and a stub of Slack.

Grafana differs in three ways. A rule names its receiver and timing itself, and Grafana makes a
route for each kind of them, which a label chooses. Links to panel and silence are fields of an
alert there and annotations here. Its contact points are Alertmanager's receivers by other names.
"""

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import Queue
from urllib.request import Request, urlopen

import yaml
from support.monitoring import in_prometheus, provisioning, rules
from support.prometheus import PATIENCE
from support.servers import Handler, answers, program, served

FASTER = 200
"""How much shorter waits and intervals of groups are here; repeats keep their hours."""
LEAST_WAIT = 2_000
"""Milliseconds in which alerts that are posted together come together, on any machine."""

DEADMAN = "deadman"
LINKS = {"PanelURL": "panel_url", "SilenceURL": "silence_url"}
PANEL = "https://grafana.example.com/d/pumpwatch?viewPanel=15"
SILENCE = "https://grafana.example.com/alerting/silence/new"
MILLISECONDS = {"s": 1_000, "m": 60_000, "h": 3_600_000}


def told_in_slack():
    """Return every rule but the dead-man's switch."""
    return [rule for rule in rules() if rule["notification_settings"]["receiver"] != DEADMAN]


def contact_points():
    """Return every contact point."""
    files = ("contact-points.yaml", "rules-deadman.yaml")
    return [point for name in files for point in provisioning(name)["contactPoints"]]


def annotations_of(rule, *, data=True):
    """Return the annotations with Prometheus' names of what Grafana calls $values.

    Without data there is no value: a label that does not exist is as empty.
    """
    texts = {
        name: in_prometheus(rule, text) if data else text.replace("$values.A", "$labels.absent")
        for name, text in rule["annotations"].items()
    }
    return texts | {"panel_url": PANEL, "silence_url": SILENCE}


def message_template():
    """Return the template of the messages, with its links where Alertmanager has them."""
    (template,) = provisioning("templates.yaml")["templates"]
    text = template["template"]
    for field, annotation in LINKS.items():
        text = text.replace(f"$first.{field}", f"$first.Annotations.{annotation}")
    return text


def webhooks_of(rule):
    """Return (webhook, whether recoveries are told) of each receiver of a rule."""
    receiver = rule["notification_settings"]["receiver"]
    (point,) = (point for point in contact_points() if point["name"] == receiver)
    return [(_webhook(it), not it["disableResolveMessage"]) for it in point["receivers"]]


def _webhook(receiver):
    return receiver["settings"]["url"].rstrip("}").rpartition("/")[2]


def with_route(rule, alert, **labels):
    """Return an alert with the labels that Grafana adds: a route for each kind of settings."""
    its, annotations = alert
    added = {"grafana_folder": "Pumpwatch", "route": _route_name(rule)}
    return its | added | labels, annotations


def _route_name(rule):
    return json.dumps(rule["notification_settings"], sort_keys=True)


def _routes():
    settings = {_route_name(rule): rule["notification_settings"] for rule in rules()}
    return [
        its
        | {"matchers": [f"route={json.dumps(name)}"]}
        | {"group_wait": f"{max(LEAST_WAIT, _faster(its['group_wait']))}ms"}
        | {"group_interval": f"{_faster(its['group_interval'])}ms"}
        for name, its in settings.items()
    ]


def _faster(text):
    number, unit = re.fullmatch(r"(\d+)([smh])", text).groups()
    return int(number) * MILLISECONDS[unit] // FASTER


def receivers(address):
    """Return Alertmanager's receivers; the path of a stub's address names the webhook."""
    return [
        {"name": point["name"], **_configs(point["receivers"], address)}
        for point in contact_points()
    ]


def _configs(its, address):
    if its[0]["type"] == "webhook":
        return {"webhook_configs": [{"url": f"http://{address}/{DEADMAN}", "send_resolved": False}]}
    return {"slack_configs": [_slack(receiver, address) for receiver in its]}


def _slack(receiver, address):
    settings = {key: text for key, text in receiver["settings"].items() if key != "url"}
    return settings | {
        "api_url": f"http://{address}/{_webhook(receiver)}",
        "channel": "#any",
        "send_resolved": not receiver["disableResolveMessage"],
        "title_link": "",
        "fallback": "",
    }


def write_config(folder, address):
    """Write Alertmanager's files and return the path of its config."""
    (folder / "messages.tmpl").write_text(message_template())
    config = {
        "route": {
            "receiver": "slack-warning",
            "group_by": ["alertname"],
            "routes": _routes(),
        },
        "receivers": receivers(address),
        "templates": [str(folder / "messages.tmpl")],
    }
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


class Slack:
    """What stubs of webhooks were sent, as (webhook, title, text), and which of them are gone."""

    def __init__(self):
        self.sent, self.gone = Queue(), set()

    def take(self):
        """Return the next message; fail if none comes."""
        return self.sent.get(timeout=PATIENCE)

    def take_many(self, count):
        """Return as many messages."""
        return [self.take() for _ in range(count)]


class Alertmanager:
    """A client of a real Alertmanager."""

    def __init__(self, url, slack):
        self.url, self.slack = url, slack

    def failed(self):
        """Return how many messages to Slack were not delivered; Grafana counts as this does."""
        with urlopen(f"{self.url}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        pattern = r'^alertmanager_notifications_failed_total{integration="slack".*} (\d+)$'
        return sum(int(count) for count in re.findall(pattern, text, re.M))

    def post(self, *alerts, minutes=0, over=False):
        """Send alerts that began some minutes ago and last, or have just ended.

        One that began before its group's wait is told at once, without those that come with it.
        """
        now = datetime.now(UTC)
        begin, end = now - timedelta(minutes=minutes), now if over else now + timedelta(hours=1)
        times = {"startsAt": begin.isoformat(), "endsAt": end.isoformat()}
        body = [
            {"labels": labels, "annotations": annotations} | times for labels, annotations in alerts
        ]
        data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
        with urlopen(Request(f"{self.url}/api/v2/alerts", data, kind), timeout=PATIENCE) as answer:
            assert answer.status == 200


@contextmanager
def alertmanager(folder):
    """Run Alertmanager with our contact points and templates, and a stub of Slack."""
    slack = Slack()

    class Webhook(Handler):
        def do_POST(self):
            webhook, body = self.path.strip("/"), json.loads(self.body())
            if webhook in slack.gone:
                self.answer("no_service", status=404)
                return
            (said,) = body.get("attachments", [{"title": body.get("status"), "text": ""}])
            slack.sent.put((webhook, said["title"], said["text"]))
            self.answer("ok")

    with served(Webhook) as address:
        config = write_config(folder, address)

        def arguments(port):
            return [
                f"--config.file={config}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                "--log.level=warn",
            ]

        def is_ready(port):
            return answers(f"http://127.0.0.1:{port}/-/ready")

        log = folder / "alertmanager.log"
        with program("prometheus-alertmanager", log, arguments, is_ready) as port:
            yield Alertmanager(f"http://127.0.0.1:{port}", slack)
