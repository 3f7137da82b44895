"""Every alert that ships, tried by promtool: quiet, firing, and without any data."""

import subprocess
from pathlib import Path

import pytest
import yaml
from support.monitoring import rules, to_prometheus_rules
from support.servers import needs_server

CASES = yaml.safe_load(Path(__file__).with_name("alert_cases.yaml").read_text())
LABELS = {"DET": 'job="pumpwatch_detect",stage="prod"', "TRD": 'job="pumpwatch_trade",stage="prod"'}


def spelled_out(series):
    for short, long in LABELS.items():
        series = series.replace(short, long)
    return series


def run_promtool(folder, suites):
    """Try each rule with its tests; each in a file of its own, so that no other is evaluated."""
    names = []
    for made, tests in suites:
        name = made[0]["alert"]
        (folder / f"{name}.rules.yaml").write_text(
            yaml.safe_dump({"groups": [{"name": name, "rules": made}]})
        )
        suite = {"rule_files": [f"{name}.rules.yaml"], "evaluation_interval": "1m", "tests": tests}
        (folder / f"{name}.tests.yaml").write_text(yaml.safe_dump(suite, sort_keys=False))
        names.append(f"{name}.tests.yaml")
    return subprocess.run(
        ["promtool", "test", "rules", *names],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_test(rule, name, series, at, expected):
    return {
        "name": f"{rule['title']}: {name}",
        "interval": "1m",
        "input_series": [
            {"series": spelled_out(key), "values": values} for key, values in series.items()
        ],
        "alert_rule_test": [
            {"eval_time": f"{at}m", "alertname": rule["title"], "exp_alerts": expected}
        ],
    }


def cases_of(rule):
    """Return the three tests of a rule."""
    case = CASES[rule["title"]]
    fired = {
        "exp_labels": rule["labels"] | case.get("labels", {}),
        "exp_annotations": {"summary": case["summary"]},
    }
    silent = {"exp_labels": rule["labels"], "exp_annotations": {"summary": "No data."}}
    missing = [silent] if case.get("missing") == "alarm" else []
    return [
        one_test(rule, "quiet", case["quiet"], case["at"], []),
        one_test(rule, "firing", case["firing"], case["at"], [fired]),
        one_test(rule, "missing", {}, case["at"], missing),
    ]


def test_every_alert_has_its_cases():
    assert set(CASES) == {rule["title"] for rule in rules()}


def test_missing_data_is_an_alarm_where_the_case_says_so():
    """The state `Alerting` is Grafana's own; it is also tried below as `absent`."""
    for rule in rules():
        wanted = "Alerting" if CASES[rule["title"]].get("missing") == "alarm" else "OK"
        assert rule["noDataState"] == wanted, rule["title"]
        assert rule["execErrState"] == "Error", rule["title"]


@needs_server("promtool")
def test_alerts_are_quiet_fire_and_bear_missing_data(tmp_path):
    done = run_promtool(tmp_path, [(to_prometheus_rules(rule), cases_of(rule)) for rule in rules()])
    assert done.returncode == 0, done.stdout + done.stderr


@needs_server("promtool")
@pytest.mark.parametrize("title", ["DetectorSilent", "PositionWithoutStop", "ApiErrors"])
def test_cases_notice_a_changed_threshold(tmp_path, title):
    """A case that could not fail would prove nothing."""
    (rule,) = (rule for rule in rules() if rule["title"] == title)
    (first, *_) = to_prometheus_rules(rule)
    blunt = first | {"expr": first["expr"].rpartition(" ")[0] + " 1000000"}
    done = run_promtool(tmp_path, [([blunt], cases_of(rule))])
    assert done.returncode == 1
    assert "firing" in done.stdout + done.stderr


@needs_server("promtool")
def test_rules_are_checked_by_promtool(tmp_path):
    made = [one for rule in rules() for one in to_prometheus_rules(rule)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": made}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=none", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
