"""Incidents of market and account: by control call, from a seed, and as the page describes them."""

import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from support.exchange_user import User
from support.scripted_market import listing

from pumpwatch_workbench.simulator.troubles.incidents.forms import incidents_from_json
from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS, apply_incident
from pumpwatch_workbench.simulator.troubles.incidents.schedule import (
    DRAWN,
    NEEDS_POSITION,
    IncidentSchedule,
)

MINUTE = 60_000
SYMBOL = "AAAUSDT"
PAGE = Path(__file__).parents[3] / "docs" / "simulator-incidents.md"


@pytest.mark.parametrize(
    ("kind", "execution", "left"),
    [
        ("auto_deleverage", "AdlTrade", "1"),
        ("liquidate", "BustTrade", "1"),
        ("delist", "Settle", "0"),
        ("manual_close", "Trade", "1"),
        ("funding", "Funding", "2"),
    ],
)
def test_execution_list_says_what_closed_or_cost(kind, execution, left):
    user = User()
    user.placed("Buy", "2", stopLoss="95")
    user.happen(kind, quantity="1")
    row = user.executions()[-1]
    assert (row["execType"], row["orderLinkId"]) == (execution, "")
    assert (row["orderType"] == "UNKNOWN") == (kind == "funding")
    assert user.position()["size"] == left


def test_lowered_funding_rate_is_shown_and_paid_from_then_on():
    hourly = listing(SYMBOL, funding_interval_minutes=60)
    user = User(listings=[hourly], funding=[(30 * MINUTE, 0.0001), (90 * MINUTE, 0.0001)])
    user.placed("Sell", "1")
    user.advance(60 * MINUTE)
    user.happen("funding_rate", fraction="-0.02")
    ticker = user.get("/v5/market/tickers", symbol=SYMBOL)["result"]["list"][0]
    assert ticker["fundingRate"] == "-0.02"
    user.advance(91 * MINUTE)
    fees = [row["execFee"] for row in user.executions() if row["execType"] == "Funding"]
    assert [Decimal(fee) for fee in fees] == [Decimal("-0.01"), Decimal(2)]


def test_halted_contract_takes_no_order_and_stands_still():
    user = User({SYMBOL: [(0, 100.0), (10 * MINUTE, 110.0)]})
    user.advance(MINUTE)
    user.happen("halt_symbol")
    user.advance(5 * MINUTE)
    assert user.order("Buy", "1")["retCode"] == 110074
    ticker = user.get("/v5/market/tickers", symbol=SYMBOL)["result"]["list"][0]
    assert Decimal(ticker["lastPrice"]) == 101
    user.happen("resume_symbol")
    assert user.order("Buy", "1")["retCode"] == 0


def test_changed_filters_are_told_and_enforced():
    user = User()
    user.happen("change_filters", quantity_step="1", min_quantity="2", min_notional="500")
    found = user.get("/v5/market/instruments-info", symbol=SYMBOL)["result"]["list"][0]
    assert found["lotSizeFilter"]["qtyStep"] == "1"
    assert found["lotSizeFilter"]["minNotionalValue"] == "500"
    assert user.order("Buy", "2.5")["retCode"] == 10001
    assert user.order("Buy", "1")["retCode"] == 10001
    assert user.order("Buy", "2")["retCode"] == 110094
    assert user.order("Buy", "6")["retCode"] == 0


def test_what_is_set_for_the_next_order_is_used_up_by_it():
    user = User()
    user.happen("partial_fill", fraction="0.25")
    first, second = user.placed("Buy", "4"), user.placed("Buy", "4")
    assert (first["cumExecQty"], first["orderStatus"]) == ("1", "Cancelled")
    assert (second["cumExecQty"], second["orderStatus"]) == ("4", "Filled")
    user.happen("band_cancel")
    third = user.placed("Buy", "4")
    assert (third["cumExecQty"], third["rejectReason"]) == ("0", "EC_NoImmediateQtyToFill")
    user.happen("refuse_stop", times=2)
    stop = {"symbol": SYMBOL, "stopLoss": "95", "tpslMode": "Full", "positionIdx": 0}
    codes = [user.post("/v5/position/trading-stop", **stop)["retCode"] for _ in range(3)]
    assert codes == [10001, 10001, 0]


def test_entry_that_loses_its_stop_is_filled_without_one():
    user = User()
    user.happen("drop_next_stop")
    user.placed("Buy", "1", stopLoss="95")
    assert (user.position()["size"], user.position()["stopLoss"]) == ("1", "")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"incidents": {}}, "expected"),
        ({"incidents": ["delist"]}, "an incident is an object"),
        ({"incidents": [{"kind": "delist"}]}, "symbol: Field required"),
        ({"incidents": [{"symbol": SYMBOL}]}, "kind: Field required"),
        ({"incidents": [{"kind": "delist", "symbol": "NOUSDT"}]}, "no symbol 'NOUSDT'"),
        (
            {"incidents": [{"kind": "delist", "symbol": SYMBOL, "size": 1}]},
            "size: ",
        ),
        (
            {"incidents": [{"kind": "delist", "symbol": SYMBOL, "price": "x"}]},
            "price: it should",
        ),
        ({"incidents": [{"kind": "delist", "symbol": SYMBOL, "price": "inf"}]}, "finite number"),
        (
            {"incidents": [{"kind": "refuse_stop", "symbol": SYMBOL, "times": -1}]},
            "times: it",
        ),
        ({"incidents": [{"kind": "price_gap", "symbol": SYMBOL, "fraction": "-1"}]}, "cannot fall"),
        ({"incidents": [{"kind": "partial_fill", "symbol": SYMBOL, "fraction": 2}]}, "between 0"),
        ({"incidents": [{"kind": "change_filters", "symbol": SYMBOL}]}, "needs one of tick_size"),
        ({"incidents": [{"kind": "funding_rate", "symbol": SYMBOL, "fraction": 5}]}, "below 1"),
        ({"incidents": [{"kind": "manual_close", "symbol": SYMBOL}]}, "no position"),
        ({"incidents": [{"kind": "earthquake", "symbol": SYMBOL}]}, "no incident 'earthquake'"),
        ({"seed": 7, "kinds": ["resume_symbol"]}, "no incident 'resume_symbol'"),
        ({"seed": 7, "rate": -1}, "rate of incidents is -1"),
        ({"seed": "7"}, "seed: it should be a valid integer"),
        ({"seed": 7, "rate": 1.5}, "rate of incidents is 1.5"),
        ({"seed": 7, "rate": True}, "rate of incidents is True"),
        ({"seed": 7, "kinds": []}, "no kind of incident is named"),
        ({"seed": 7, "kinds": ["earthquake"]}, "no incident 'earthquake'"),
        ({"seed": 7, "kinds": "delist"}, "kinds must be a list"),
        ({"seed": 7, "incidents": []}, "expected"),
    ],
)
def test_badly_described_incident_is_refused_with_a_sentence(document, text):
    status, answer = User().told("incidents", document)
    assert status == 400
    assert text in answer["error"]


def after(seed, rate, minutes, *, step=MINUTE, kinds=None, hold=True):
    """What happened in so many minutes to a user that holds something whenever it can."""
    user = User({SYMBOL: [(0, 100.0)], "BBBUSDT": [(0, 20.0)], "CCCUSDT": [(0, 5.0)]})
    document = {"seed": seed, "rate": rate} | ({"kinds": kinds} if kinds else {})
    assert user.told("incidents", document)[0] == 200
    for minute in range(1, minutes + 1):
        for time in range((minute - 1) * MINUTE + step, minute * MINUTE + 1, step):
            user.advance(time)
        if hold and not list(user.ledger.open_positions()):
            user.order("Buy", "1", "BBBUSDT")
            user.order("Sell", "1", "CCCUSDT")
    return user.state()


def test_same_seed_gives_the_same_incidents_however_often_the_market_is_asked():
    first, again, finer = after(3, 0.5, 40), after(3, 0.5, 40), after(3, 0.5, 40, step=15_000)
    assert first["incidents"]
    assert first == again
    assert finer["incidents"] == first["incidents"]
    assert after(4, 0.5, 40)["incidents"] != first["incidents"]


def test_rate_is_the_chance_of_a_minute():
    counts = [
        sum(after(seed, 0.3, 100, kinds=["thin_book"])["incidents"].values()) for seed in (1, 2)
    ]
    assert all(15 < count < 45 for count in counts)
    assert after(1, 0, 50)["incidents"] == {}
    assert after(1, 1, 50, kinds=["price_gap"])["incidents"] == {"price_gap": 50}


def test_every_kind_comes_up():
    seen = Counter()
    for seed in range(12):
        seen.update(after(seed, 0.8, 60, kinds=list(DRAWN))["incidents"])
    assert set(seen) == set(DRAWN) == set(KINDS) - {"resume_symbol"}


def test_what_needs_a_position_does_not_happen_without_one():
    assert after(1, 1, 30, kinds=sorted(NEEDS_POSITION), hold=False)["incidents"] == {}


def test_drawn_halt_ends_by_itself():
    user = User()
    schedule = IncidentSchedule(1, 1.0, kinds=["halt_symbol"])
    user.exchange.incidents = schedule
    user.advance(MINUTE)
    schedule.rate = 0
    user.advance(5 * MINUTE)
    assert user.order("Buy", "1")["retCode"] == 110074
    user.advance(6 * MINUTE)
    assert user.order("Buy", "1")["retCode"] == 0


def test_schedule_ends_with_rate_zero_and_counts_go_on():
    user = User()
    user.told("incidents", {"seed": 1, "rate": 1.0, "kinds": ["thin_book"]})
    user.advance(3 * MINUTE)
    user.told("incidents", {"seed": 1, "rate": 0})
    user.advance(9 * MINUTE)
    user.happen("thin_book")
    assert user.state()["incidents"] == {"thin_book": 4}


def test_every_incident_is_documented_with_a_call_that_works():
    rows = re.findall(r"^\| `(\w+)` \| .* \|(?: `(.*)`)? \|$", PAGE.read_text(), re.M)
    assert {name for name, _ in rows} == set(KINDS)
    for name, fields in rows:
        example = {"kind": name, "symbol": "PUMPUSDT", **json.loads(f"{{{fields}}}")}
        (incident,) = incidents_from_json({"incidents": [example]})
        assert incident.kind == name
        user = User({"PUMPUSDT": [(0, 100.0)]})
        user.placed("Buy", "2", "PUMPUSDT", stopLoss="95")
        user.advance(1)
        apply_incident(user.exchange.engine, incident)
