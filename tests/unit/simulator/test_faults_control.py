import json
import re
from pathlib import Path

import pytest
from support.exchange_user import User

from pumpwatch_workbench.simulator.troubles.faults.catalogue import KINDS, LISTS
from pumpwatch_workbench.simulator.troubles.faults.forms import faults_from_json
from pumpwatch_workbench.simulator.troubles.forms import TroubleError

CREATE, POSITIONS = "/v5/order/create", "/v5/position/list"


RULE = {"path": CREATE, "action": "delay"}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "expected"),
        ([], "expected"),
        ({"fault": []}, "expected"),
        ({"rate": 0.5}, "expected"),
        ({"faults": {}}, "expected"),
        ({"faults": [], "seed": 1}, "not both"),
        ({"faults": ["delay"]}, "needs a path"),
        ({"faults": [{"action": "delay"}]}, "needs a path"),
        ({"faults": [{"path": CREATE}]}, "action must be one of delay"),
        ({"faults": [RULE | {"fault": "delay"}]}, "not both"),
        ({"faults": [{"path": CREATE, "fault": "explode"}]}, "no fault 'explode'"),
        ({"faults": [{"path": CREATE, "fault": ["delay"]}]}, "no fault ['delay']"),
        ({"faults": [RULE | {"skp": 1}]}, "skp: Unexpected keyword"),
        (
            {"faults": [RULE | {"delay_ms": -1}]},
            "delay_ms: it should be greater",
        ),
        ({"faults": [RULE | {"times": True}]}, "times: it should be a valid integer, not True"),
        ({"faults": [RULE | {"skip": 1.5}]}, "skip: it should be a valid integer"),
        ({"faults": [RULE | {"acted": False}]}, "always strikes after"),
        ({"faults": [{"path": CREATE, "action": "drop_before", "acted": True}]}, "cannot strike"),
        ({"faults": [{"path": CREATE, "action": "stale", "acted": True}]}, "cannot strike after"),
        (
            {"faults": [{"path": CREATE, "action": "reset", "acted": "yes"}]},
            "acted: it",
        ),
        (
            {"faults": [{"path": CREATE, "action": "status", "status": 999}]},
            "status: it",
        ),
        ({"faults": [{"path": CREATE, "action": "stale", "lists": []}]}, "lists must name some"),
        ({"faults": [{"path": CREATE, "action": "stale", "lists": ["all"]}]}, "lists must name"),
        ({"faults": [{"path": CREATE, "action": "stale", "lists": [[]]}]}, "lists must name"),
        ({"seed": "7"}, "seed: it should be a valid integer"),
        ({"seed": 7, "rate": 1.5}, "rate of faults is 1.5"),
        ({"seed": 7, "rate": "often"}, "rate of faults is 'often'"),
        ({"seed": 7, "kinds": "delay"}, "kinds must be a list"),
        ({"seed": 7, "kinds": []}, "no kind of fault is named"),
        ({"seed": 7, "kinds": ["explode"]}, "no fault 'explode'"),
        ({"seed": 7, "kinds": {"delay": 0}}, "weight of delay is 0"),
        ({"seed": 7, "kinds": {"delay": "much"}}, "weight of delay is 'much'"),
        ({"clock_skew_ms": 1e3}, "clock_skew_ms: it should be a valid integer"),
        ({"clock_skew_ms": 10**9}, "less than or equal to 86400000"),
    ],
)
def test_badly_described_faults_are_refused_with_a_sentence(document, text):
    user = User()
    user.inject({"path": CREATE, "fault": "error_10016"})
    status, answer = user.told("faults", document)
    assert status == 400
    assert text in answer["error"]
    assert user.order("Buy", "1")["retCode"] == 10016  # what was there before still is


def test_each_call_replaces_what_was_there_before():
    user = User()
    user.told("faults", {"clock_skew_ms": -5_000})
    assert user.order("Buy", "1")["retCode"] == 10002
    user.told("faults", {"seed": 7, "rate": 1.0, "kinds": ["error_10016"], "clock_skew_ms": 100})
    assert user.order("Buy", "1")["retCode"] == 10016
    assert user.state()["clock_skew_ms"] == 100
    user.inject()
    assert user.order("Buy", "1")["retCode"] == 0
    assert user.state()["clock_skew_ms"] == 0


def test_fields_of_a_named_fault_can_be_changed():
    row = {"path": "/v5/*", "fault": "stale_orders", "lag_ms": 7, "lists": ["positions"], "skip": 2}
    (rule,) = faults_from_json({"faults": [row]}).plan.rules
    assert (rule.fault.name, rule.fault.lag_ms, rule.fault.lasts_ms) == ("stale_orders", 7, 1_000)
    assert (rule.fault.lists, rule.skip) == ((POSITIONS,), 2)
    row = {"path": CREATE, "fault": "rate_10006", "reset_ms": None, "ret_msg": "slow down"}
    (rule,) = faults_from_json({"faults": [row]}).plan.rules
    assert (rule.fault.reset_ms, rule.fault.ret_msg) == (400, "slow down")


def test_unreadable_text_is_refused():
    with pytest.raises(TroubleError, match="expected"):
        faults_from_json("faults")


@pytest.mark.parametrize("name", KINDS)
def test_every_named_fault_can_be_asked_for_by_name_alone(name):
    (rule,) = faults_from_json({"faults": [{"path": CREATE, "fault": name}]}).plan.rules
    assert rule.fault == KINDS[name].fault
    assert rule.fault.label == name
    assert set(rule.fault.lists) <= set(LISTS.values())


PAGE = Path(__file__).parents[3] / "docs" / "simulator-faults.md"


def test_every_named_fault_is_documented_with_a_control_call_that_works():
    row = r"^\| (`\w+`(?:, `\w+`)*) \| (\w+(?:, \w+)*) \| .* \|(?: `(.*)`)? \|$"
    documented = [
        (name.strip("`"), acts, fields)
        for names, all_acts, fields in re.findall(row, PAGE.read_text(), re.M)
        for name, acts in zip(names.split(", "), all_acts.split(", "), strict=True)
    ]
    assert {name for name, _, _ in documented} == set(KINDS)
    for name, acts, fields in documented:
        rule = {"path": CREATE, "fault": name, **json.loads(f"{{{fields}}}")}
        fault = faults_from_json({"faults": [rule]}).plan.rules[0].fault
        assert fault.label == name
        goes_on = fault.strikes_after or fault.action in {"stale", "hide_orders"}
        assert (acts != "no") == goes_on
