"""The Zabbix template obeys the rules of its import, so far as it uses them.

By hand, real servers took it: docs/monitoring-backends.md says which and what they showed.
"""

import re

import pytest
from support.backends import FACTS, TYPES, configuration

from pumpwatch.metrics.catalogue import METRICS, Kind

RULES = FACTS["zabbix"]
UUID_4 = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")
REFERENCE = re.compile(r"/([^/,()]+)/([^,()]+)[,)]")
FUNCTIONS = {"now", "last", "nodata"}
EXPORT = configuration("Zabbix")["zabbix_export"]
(TEMPLATE,) = EXPORT["templates"]
MASTER, *DEPENDENT = TEMPLATE["items"]
TRIGGERS = [trigger for item in TEMPLATE["items"] for trigger in item.get("triggers", ())]


def wrong_parts(value, kind, where="zabbix_export"):
    """Return where a part of the template breaks a rule; a `kind` is a name in the rules."""
    if kind in RULES["values"]:
        return [] if value in RULES["values"][kind] else [f"{where}: {value}"]
    if kind in TYPES:
        return [] if TYPES[kind](value) else [f"{where} is no {kind}"]
    if isinstance(value, list):
        return [fault for part in value for fault in wrong_parts(part, kind, where)]
    known = RULES["fields"][kind]
    faults = [f"{where}.{name} is not known" for name in value.keys() - known.keys()]
    faults += [
        f"{where}.{name} is missing"
        for name, rule in known.items()
        if rule.endswith("!") and name not in value
    ]
    for name in value.keys() & known.keys():
        faults += wrong_parts(value[name], known[name].rstrip("!"), f"{where}.{name}")
    return faults


def uuids(part):
    """Return every uuid below a part of the template."""
    if isinstance(part, list):
        return [uuid for entry in part for uuid in uuids(entry)]
    if not isinstance(part, dict):
        return []
    own = [part["uuid"]] if "uuid" in part else []
    return own + [uuid for entry in part.values() for uuid in uuids(entry)]


def test_fields_types_and_values_are_the_import_s():
    assert wrong_parts(EXPORT, "zabbix_export") == []
    assert EXPORT["version"] == "6.0", "newer servers read older versions, never the reverse"
    assert {group["name"] for group in TEMPLATE["groups"]} == {EXPORT["groups"][0]["name"]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"delay": 15}, "zabbix_export.delay is no text"),
        ({"type": "HTTP"}, "zabbix_export.type: HTTP"),
        ({"colour": "red"}, "zabbix_export.colour is not known"),
        ({"triggers": [{}]}, "zabbix_export.triggers.uuid is missing"),
    ],
)
def test_what_breaks_the_rules_is_noticed(change, fault):
    assert fault in wrong_parts(MASTER | change, "item")


def test_uuids_are_of_version_4_and_differ():
    every = uuids(EXPORT)
    assert [uuid for uuid in every if not UUID_4.fullmatch(uuid)] == []
    assert len(every) == len(set(every)) == 2 + len(TEMPLATE["items"]) + len(TRIGGERS)


def test_one_item_fetches_and_the_others_depend_on_it():
    assert MASTER["type"] == "HTTP_AGENT"
    assert MASTER["url"].endswith("/metrics")
    assert len({item["key"] for item in TEMPLATE["items"]}) == len(TEMPLATE["items"])
    for item in DEPENDENT:
        assert (item["type"], item["delay"]) == ("DEPENDENT", "0")
        assert item["master_item"]["key"] == MASTER["key"]


def test_patterns_name_gauges_that_there_are():
    gauges = {metric.name for metric in METRICS if metric.kind is Kind.GAUGE}
    for item in DEPENDENT:
        (step,) = item["preprocessing"]
        pattern, output, label = step["parameters"]
        assert step["type"] == "PROMETHEUS_PATTERN"
        assert (output in RULES["outputs"], label) == (True, "")
        assert pattern.partition("{")[0] in gauges
        assert pattern.endswith('{stage="{$STAGE}"}')


def test_macros_are_declared_and_the_password_is_secret():
    used = {name for item in TEMPLATE["items"] for name in re.findall(r"\{\$\w+\}", str(item))}
    declared = {macro["macro"]: macro for macro in TEMPLATE["macros"]}
    assert used == declared.keys()
    assert declared["{$PUSHGATEWAY_PASSWORD}"] == {
        "macro": "{$PUSHGATEWAY_PASSWORD}",
        "type": "SECRET_TEXT",
    }


def test_triggers_ask_for_items_of_the_template():
    keys = {item["key"] for item in DEPENDENT}
    asked = set()
    for trigger in TRIGGERS:
        references = REFERENCE.findall(trigger["expression"])
        assert {template for template, _ in references} == {TEMPLATE["template"]}
        asked |= {key for _, key in references}
        assert set(re.findall(r"(\w+)\(", trigger["expression"])) <= FUNCTIONS
    assert asked == keys, "each item has a trigger"
