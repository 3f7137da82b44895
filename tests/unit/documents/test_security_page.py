"""docs/security.md speaks of code and tests that are there, and of what the template does."""

import re
from pathlib import Path

from pumpwatch_workbench.local.aws.template import load_template
from pumpwatch_workbench.play.paper import endpoint
from pumpwatch_workbench.simulator.exchange import LOOPBACK

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "layers/pumpwatch/pumpwatch"
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_every_test_it_names_exists():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py"))
    there = set(re.findall(r"^ *def (test_\w+)", sources, re.M))
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > 40
    assert [name for name in named if name not in there] == []


def test_every_path_it_names_exists():
    named = re.findall(r"`([\w.-]+(?:/[\w.-]*)+|\w+\.(?:py|yaml))`", PAGE)
    assert len(named) > 15
    missing = [n for n in named if not (PACKAGE / n).exists() and not (ROOT / n).exists()]
    assert missing == []


def test_every_threat_says_what_stops_it_and_what_holds_it():
    rows = [
        line.strip("|").split(" | ")
        for section in PAGE.split("\n### ")[1:]
        for line in section.splitlines()
        if line.startswith("| ") and not line.startswith(("| threat |", "| ---"))
    ]
    assert len(rows) > 20
    assert [row[0] for row in rows if len(row) != 3 or "`test_" not in row[2]] == []


def test_nothing_listens_in_aws():
    resources = load_template(ROOT / "template.yaml")["Resources"]
    kinds = {resource["Type"] for resource in resources.values()}
    assert not {kind for kind in kinds if re.search("Api|Url|LoadBalancer|Listener", kind)}
    functions = [r for r in resources.values() if r["Type"] == "AWS::Serverless::Function"]
    events = [event for one in functions for event in one["Properties"]["Events"].values()]
    assert {event["Type"] for event in events} == {"ScheduleV2", "DynamoDB"}
    assert not [one for one in functions if "FunctionUrlConfig" in one["Properties"]]


def test_servers_on_this_machine_listen_on_loopback_alone(monkeypatch):
    serve, bound = endpoint.start_http_server, []

    def record(port, *, addr, registry):
        bound.append(addr)
        return serve(port, addr=addr, registry=registry)

    monkeypatch.setattr(endpoint, "start_http_server", record)
    with endpoint.metrics_endpoint(endpoint.ShownMetrics("paper"), 0):
        assert bound == [LOOPBACK] == ["127.0.0.1"]
    served = [
        path for path in (ROOT / "pumpwatch_workbench").rglob("*.py") if path.name != "pictures.py"
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in served)
    assert not re.findall(r"0\.0\.0\.0|\[::\]|INADDR_ANY", text)
