"""The cases of the alerts, and promtool, which tries and renders them."""

import json
import re

import yaml
from support.monitoring import REPOSITORY, promtool, read_yaml, to_prometheus_rules

CASES = read_yaml(REPOSITORY / "tests" / "monitoring" / "alert_cases.yaml")
LABELS = {"DET": 'job="pumpwatch_detect",stage="prod"', "TRD": 'job="pumpwatch_trade",stage="prod"'}
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')


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
    return [_case(title, *kind) for kind in kinds]


def _case(title, name, series, expected):
    at = f"{CASES[title]['at']}m"
    return {
        "name": f"{title}: {name}",
        "interval": "1m",
        "input_series": [
            {"series": _spelled_out(key), "values": values} for key, values in series.items()
        ],
        "alert_rule_test": [{"eval_time": at, "alertname": title, "exp_alerts": expected}],
    }


def _spelled_out(series):
    for short, long in LABELS.items():
        series = series.replace(short, long)
    return series


def rendered_alerts(folder, rules, annotations_of, *, data=True):
    """Return {title: (labels, annotations)} of firing alerts, as Prometheus fills them in.

    `promtool` expects no alert and names those that it got. Without data a rule fires by `absent`.
    """
    suites = []
    for rule in rules:
        shown = to_prometheus_rules(rule)[0 if data else 1]
        series = CASES[rule["title"]]["firing"] if data else {}
        annotated = shown | {"annotations": annotations_of(rule, data=data)}
        suites.append(([annotated], [_case(rule["title"], "firing", series, [])]))
    _, text = run_promtool(folder, suites)
    alerts = re.findall(r"Labels:\{(.*)\}\s*Annotations:\{(.*)\}", text)
    pairs = ((_pairs(labels), _pairs(annotations)) for labels, annotations in alerts)
    return {labels["alertname"]: (labels, annotations) for labels, annotations in pairs}


def _pairs(text):
    return {name: json.loads(value) for name, value in PAIR.findall(text)}
