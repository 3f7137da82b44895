from collections import Counter

import pytest
from support.exchange_user import User
from support.scripted_market import START

from pumpwatch_workbench.simulator.troubles.faults.catalogue import KINDS
from pumpwatch_workbench.simulator.troubles.faults.plan import Call
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule
from pumpwatch_workbench.simulator.troubles.forms import TroubleError

CREATE, ORDERS, TIME = "/v5/order/create", "/v5/order/realtime", "/v5/market/time"
METHODS = {CREATE: "POST", ORDERS: "GET", TIME: "GET", "/v5/account/info": "GET"}


def call(path, count):
    return Call(METHODS[path], path, count, START)


def played(schedule, calls):
    return [(schedule.before(one), schedule.after(one)) for one in calls]


def labels(struck):
    return Counter(fault.label for pair in struck for fault in pair if fault is not None)


def test_same_seed_and_same_calls_give_the_same_faults():
    calls = [call(path, count) for count in range(1, 200) for path in METHODS]
    first, again, other = (played(FaultSchedule(seed, 0.3), calls) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_order_of_calls_to_different_paths_does_not_matter():
    one = [call(path, count) for count in range(1, 50) for path in METHODS]
    two = [call(path, count) for path in METHODS for count in range(1, 50)]
    by_call = [
        {(c.path, c.count): struck for c, struck in zip(calls, played(s, calls), strict=True)}
        for calls, s in ((one, FaultSchedule(7, 0.3)), (two, FaultSchedule(7, 0.3)))
    ]
    assert by_call[0] == by_call[1]


def test_rate_is_the_share_of_calls_that_go_wrong():
    schedule = FaultSchedule(7, 0.1, kinds=["error_10016", "drop_after"])
    struck = played(schedule, [call(CREATE, count) for count in range(1, 4_001)])
    counts = labels(struck)
    assert 320 < counts.total() < 480
    assert min(counts.values()) > 120


def test_nothing_goes_wrong_at_rate_zero_and_everything_at_one():
    calls = [call(CREATE, count) for count in range(1, 101)]
    assert played(FaultSchedule(7, 0.0), calls) == [(None, None)] * 100
    assert (None, None) not in played(FaultSchedule(7, 1.0), calls)


@pytest.mark.parametrize("path", METHODS)
def test_every_kind_that_fits_a_call_comes_up_and_no_other(path):
    schedule = FaultSchedule(7, 1.0)
    calls = [call(path, count) for count in range(1, 4_001)]
    drawn = labels(played(schedule, calls))
    assert set(drawn) == {n for n, kind in KINDS.items() if kind.fits(calls[0])}


def test_weights_decide_how_often_a_kind_comes_up():
    schedule = FaultSchedule(7, 1.0, kinds={"http_500": 9.0, "http_503": 1.0})
    struck = played(schedule, [call(TIME, count) for count in range(1, 2_001)])
    assert 100 < labels(struck)["http_503"] < 300


def test_kinds_mean_the_same_in_any_order():
    calls = [call(TIME, count) for count in range(1, 100)]
    one = FaultSchedule(7, 0.5, kinds=["http_500", "drop_after", "empty"])
    two = FaultSchedule(7, 0.5, kinds=["empty", "http_500", "drop_after"])
    assert played(one, calls) == played(two, calls)


def test_answer_to_a_call_under_a_condition_may_fail_as_well():
    schedule = FaultSchedule(7, 1.0, kinds=["hidden_order", "drop_after"])
    struck = played(schedule, [call(CREATE, count) for count in range(1, 400)])
    both = [pair for pair in struck if None not in pair]
    assert both
    assert {(before.name, after.name) for before, after in both} == {("hidden_order", "drop_after")}


def test_drawn_faults_vary_within_what_makes_sense():
    schedule = FaultSchedule(7, 1.0, kinds=["clock_ahead", "clock_behind", "stale_orders"])
    faults = [schedule.before(call(ORDERS, count)) for count in range(1, 500)]
    skews = {fault.clock_skew_ms for fault in faults if fault.action == "clock_skew"}
    lags = {fault.lag_ms for fault in faults if fault.action == "stale"}
    assert len(skews) > 100
    assert all(skew >= 6_000 or skew <= -1_500 for skew in skews)  # all of them are refused
    assert len(lags) > 50
    assert 100 <= min(lags) <= max(lags) <= 3_000


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rate": float("nan")}, "rate of faults is nan"),
        ({"kinds": {"delay": float("nan")}}, "weight of delay is nan"),
        ({"kinds": {"delay": float("inf")}}, "weight of delay is inf"),
    ],
)
def test_schedule_that_makes_no_sense_is_refused(options, text):
    with pytest.raises(TroubleError, match=text):
        FaultSchedule(7, **options)


def test_exchange_under_a_schedule_repeats_itself_and_counts():
    def play():
        user = User(settings={"latency_ms": 40})
        user.exchange.faults = FaultSchedule(11, 0.4)
        bodies = []
        for number in range(60):
            order = {"category": "linear", "symbol": "AAAUSDT", "side": "Buy"}
            order |= {"orderType": "Market", "qty": "0.1", "orderLinkId": f"order-{number}"}
            bodies.append(user.raw("POST", CREATE, **order).body)
            bodies.append(user.raw("GET", ORDERS, category="linear", symbol="AAAUSDT").body)
        return bodies, user.exchange.injected

    bodies, injected = play()
    assert play() == (bodies, injected)
    assert 30 < injected.total() < 100
