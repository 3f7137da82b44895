"""Each fault of the simulator through pybit: the error it becomes, and whether an order arrived."""

from decimal import Decimal

import pytest
from support.broker_rigs import bybit_rig
from support.records import an_entry

from pumpwatch.errors import (
    DuplicateOrder,
    ExchangeForbidden,
    ExchangeUnavailable,
    KeyRefused,
    OutcomeUnknown,
)
from pumpwatch_workbench.simulator.troubles.faults.catalogue import CREATE, KINDS, POSITIONS
from pumpwatch_workbench.simulator.troubles.faults.forms import faults_from_json

CONDITIONS = {"stale_orders", "stale_positions", "stale_history"}
HIDDEN = {"hidden_order", "hidden_order_empty"}
SLOW_DOWN = {"rate_10006", "rate_10006_bare", "rate_10006_past", "rate_10006_far", "too_many_429"}
CLOCK = {"clock_ahead", "clock_behind"}
FORBIDDEN = {"forbidden_page", "forbidden_text"}
KEY = {"unauthorised"}
DUPLICATE = {"duplicate_delivery"}
FINE = CONDITIONS | HIDDEN | {"delay"}
DOUBTFUL = set(KINDS) - FINE - SLOW_DOWN - CLOCK - FORBIDDEN - KEY - DUPLICATE

ORDER_ERRORS = {
    **dict.fromkeys(DOUBTFUL, OutcomeUnknown),
    **dict.fromkeys(SLOW_DOWN | CLOCK, ExchangeUnavailable),
    **dict.fromkeys(FORBIDDEN, ExchangeForbidden),
    **dict.fromkeys(KEY, KeyRefused),
    **dict.fromkeys(DUPLICATE, DuplicateOrder),
}
NEVER_PLACED = {
    *("drop_before", "reset_before", "timeout_10000", "error_10016", "http_500", "http_502"),
    *("http_503", "not_json", "empty"),
    *(SLOW_DOWN | CLOCK | FORBIDDEN | KEY),
}
HOPELESS = FORBIDDEN | KEY | CLOCK
"""Errors of a question that are not cured by asking again."""


@pytest.fixture
def rig():
    """The broker of production; a dripping body takes longer than its time-out."""
    with bybit_rig(timeout_seconds=1.0, wait=lambda _: None) as rig:
        rig.session.time()
        yield rig


def strike(rig, name, path):
    rule = {"path": path, "fault": name, "times": 9}
    rig.exchange.faults = faults_from_json({"faults": [rule]}).plan


def place(rig):
    terms = {"quantity": Decimal(1), "stop_loss": Decimal(110), "limit_price": Decimal(99)}
    return rig.broker.place(an_entry("entry-1", take_profit=None, **terms))


def is_placed(rig):
    return "entry-1" in rig.exchange.engine.ledger.by_link


@pytest.mark.parametrize("name", sorted(set(KINDS) - FINE))
def test_order_that_meets_a_fault_is_sent_once_and_its_error_says_what_to_do(rig, name):
    strike(rig, name, CREATE)
    with pytest.raises(ORDER_ERRORS[name]) as raised:
        place(rig)
    assert type(raised.value) is ORDER_ERRORS[name]
    assert rig.exchange.requests[CREATE] == 1
    assert rig.exchange.injected == {name: 1}
    assert is_placed(rig) == (name not in NEVER_PLACED)


@pytest.mark.parametrize("name", sorted(FINE))
def test_order_is_accepted_under_a_fault_that_is_not_about_it(rig, name):
    strike(rig, name, CREATE)
    assert place(rig)
    assert rig.exchange.injected == {name: 1}
    assert is_placed(rig)


@pytest.mark.parametrize("name", sorted(set(KINDS) - CONDITIONS - HIDDEN - DUPLICATE - {"delay"}))
def test_question_that_meets_a_fault_again_is_left_to_the_next_tick(rig, name):
    strike(rig, name, POSITIONS)
    errors = dict.fromkeys(FORBIDDEN, ExchangeForbidden) | dict.fromkeys(KEY, KeyRefused)
    expected = errors.get(name, ExchangeUnavailable)
    with pytest.raises(expected) as raised:
        rig.broker.positions()
    assert type(raised.value) is expected
    assert rig.exchange.requests[POSITIONS] <= (1 if name in HOPELESS else 2)
