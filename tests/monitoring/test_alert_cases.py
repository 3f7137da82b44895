"""Every alert that ships, tried by promtool: quiet, firing, and without any data."""

from pathlib import Path

import yaml
from support.monitoring import promtool, read_yaml, rules, to_prometheus_rules
from support.servers import needs_server

CASES = read_yaml(Path(__file__).with_name("alert_cases.yaml"))
LABELS = {"DET": 'job="pumpwatch_detect",stage="prod"', "TRD": 'job="pumpwatch_trade",stage="prod"'}


def spelled_out(series):
    for short, long in LABELS.items():
        series = series.replace(short, long)
    return series


def run_promtool(folder, suites):
    """Try each rule with its tests; each in a file of its own, so that no other is evaluated."""
    for rule, tests in suites:
        name = rule[0]["alert"]
        groups = {"groups": [{"name": name, "rules": rule}]}
        (folder / f"{name}.rules.yaml").write_text(yaml.safe_dump(groups))
        suite = {"rule_files": [f"{name}.rules.yaml"], "evaluation_interval": "1m", "tests": tests}
        (folder / f"{name}.tests.yaml").write_text(yaml.safe_dump(suite, sort_keys=False))
    names = sorted(path.name for path in folder.glob("*.tests.yaml"))
    return promtool("test", "rules", *names, cwd=folder)


def cases_of(rule):
    """Return the three tests of a rule."""
    title = rule["title"]
    case = CASES[title]
    fired = {
        "exp_labels": rule["labels"] | case.get("labels", {}),
        "exp_annotations": {"summary": case["summary"]},
    }
    silent = {"exp_labels": rule["labels"], "exp_annotations": {"summary": "No data."}}
    kinds = [
        ("quiet", case["quiet"], []),
        ("firing", case["firing"], [fired]),
        ("missing", {}, [silent] if case.get("missing") == "alarm" else []),
    ]
    return [
        {
            "name": f"{title}: {name}",
            "interval": "1m",
            "input_series": [
                {"series": spelled_out(key), "values": values} for key, values in series.items()
            ],
            "alert_rule_test": [
                {"eval_time": f"{case['at']}m", "alertname": title, "exp_alerts": expected}
            ],
        }
        for name, series, expected in kinds
    ]


def test_every_alert_has_its_cases_and_missing_data_is_an_alarm_where_they_say_so():
    """The state `Alerting` is Grafana's own; it is also tried below as `absent`."""
    states = {rule["title"]: rule["noDataState"] for rule in rules()}
    alarms = {title: case.get("missing") == "alarm" for title, case in CASES.items()}
    assert states == {title: "Alerting" if alarm else "OK" for title, alarm in alarms.items()}
    assert {rule["execErrState"] for rule in rules()} == {"Error"}


@needs_server("promtool")
def test_alerts_are_quiet_fire_and_bear_missing_data(tmp_path):
    suites = [(to_prometheus_rules(rule), cases_of(rule)) for rule in rules()]
    status, text = run_promtool(tmp_path, suites)
    assert status == 0, text
