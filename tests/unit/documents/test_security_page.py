"""docs/security.md speaks of code and tests that are there, and of what the template does."""

import re
from pathlib import Path

from pumpwatch_workbench.local.aws.template import load_template
from pumpwatch_workbench.play.desk import endpoint
from pumpwatch_workbench.play.desk.options import desk_options
from pumpwatch_workbench.simulator.exchange import LOOPBACK

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "layers/pumpwatch/pumpwatch"
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_every_test_and_path_it_names_exists():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py"))
    tests = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(tests) > 40
    assert tests - set(re.findall(r"^ *def (test_\w+)", sources, re.M)) == set()
    paths = re.findall(r"`([\w.-]+(?:/[\w.-]*)+|\w+\.(?:py|yaml))`", PAGE)
    assert len(paths) > 15
    folders = (PACKAGE, ROOT)
    missing = [path for path in paths if not any((folder / path).exists() for folder in folders)]
    assert missing == []


def test_every_threat_has_a_protection_and_a_test():
    rows = [
        line.strip("|").split(" | ")
        for section in PAGE.split("\n### ")[1:]
        for line in section.splitlines()
        if line.startswith("| ") and not line.startswith(("| threat |", "| ---"))
    ]
    assert len(rows) > 20
    assert [row[0] for row in rows if len(row) != 3 or "`test_" not in row[2]] == []


def test_nothing_listens_in_aws():
    resources = load_template(ROOT / "template.yaml")["Resources"].values()
    kinds = {resource["Type"] for resource in resources}
    assert not [kind for kind in kinds if re.search("Api|Url|LoadBalancer|Listener", kind)]
    functions = [r["Properties"] for r in resources if r["Type"] == "AWS::Serverless::Function"]
    events = [event["Type"] for function in functions for event in function["Events"].values()]
    assert set(events) == {"ScheduleV2", "DynamoDB", "SQS"}
    assert not any("FunctionUrlConfig" in function for function in functions)


def test_servers_on_this_machine_listen_on_loopback_alone():
    metrics, health = endpoint.ShownMetrics("paper"), endpoint.Health()
    with endpoint.metrics_endpoint(metrics, health, 0) as address:
        assert address.startswith(f"http://{LOOPBACK}:")
    assert desk_options({}, {}).desk.metrics_address == LOOPBACK == "127.0.0.1"
    for path in (ROOT / "pumpwatch_workbench").rglob("*.py"):
        assert not re.search(r"0\.0\.0\.0|\[::\]|INADDR_ANY", path.read_text(encoding="utf-8"))
