"""Which limit a load meets first: every one of them can be the first, when its number is small."""

from dataclasses import replace

import pytest
from support.scale_figures import USER, load, run, tightest

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.deployment import ROOT, TEMPLATE
from pumpwatch_workbench.local.aws.template import load_template
from pumpwatch_workbench.operations.costs.usage import installation
from studies.scale.demand import NOTIONAL_USDT, USAGES, meets, uses
from studies.scale.limits import LIMITS, limits_with
from studies.scale.load import MEGABYTES, REFRESH_SYMBOLS, Shape
from studies.scale.page_text import limits_table
from studies.scale.traffic import Traffic

TINY = 1e-9


def shape_that_uses(key):
    return next(shape for shape in reversed(Shape) if USAGES[key](load(shape=shape)) > 0)


@pytest.mark.parametrize("key", LIMITS)
def test_each_limit_is_met_first_when_its_number_is_small_enough(key):
    shape = shape_that_uses(key)
    assert tightest(load(shape=shape), limits_with({key: TINY})) == key


@pytest.mark.parametrize("key", LIMITS)
def test_a_limit_without_end_is_never_met_first(key):
    for shape in Shape:
        everything = load(symbols=50_000, movers=500, users=50_000, shape=shape)
        assert tightest(everything, limits_with({key: float("inf")})) != key


def test_every_limit_has_a_use_and_a_source():
    assert list(LIMITS) == list(USAGES)
    assert all(limit.source and limit.unit and limit.value > 0 for limit in LIMITS.values())


def test_candidates_are_the_first_limit_of_symbols():
    first, *_ = meets(load(), "symbols")
    assert (first.use.key, first.value) == ("candidates", 12_001)


def test_no_market_is_so_large_that_a_round_of_its_history_takes_too_long():
    loads = [load(symbols=many) for many in (5, 720, 721, 5_000, 500_000)]
    rounds = [one.slices / one.slices_a_tick for one in loads]
    assert rounds == pytest.approx([1, 144, 72.5, 1_000 / 7, 144], rel=0.01)
    assert max(rounds) < Boosted.unseen_limit


def test_a_limit_is_exceeded_from_the_value_that_is_named_and_not_before():
    for axis in ("symbols", "movers", "exchanges", "users"):
        for met in meets(load(shape=Shape.KEYED), axis):
            here, before = ({axis: value} for value in (met.value, met.value - 1))
            assert USAGES[met.use.key](load(shape=Shape.KEYED, **here)) > met.use.limit.value
            if met.value > 1:
                assert USAGES[met.use.key](load(shape=Shape.KEYED, **before)) <= met.use.limit.value


def test_another_number_moves_the_place_where_a_limit_is_met():
    (plain,) = [one for one in meets(load(), "movers") if one.use.key == "candidates"]
    wider = limits_with({"candidates": 200})
    (moved,) = [one for one in meets(load(), "movers", wider) if one.use.key == "candidates"]
    assert (plain.value, moved.value) == (61, 201)


def test_more_addresses_carry_more_users():
    one, ten = (load(users=10_000, shape=Shape.KEYED, addresses=count) for count in (1, 10))
    of = USAGES["address_requests"]
    assert of(ten) == pytest.approx(10_000 * USER.idle.requests / 10 / 60)
    assert of(one) == pytest.approx((10_000 * USER.idle.requests + one.tick_requests) / 60)


def test_a_larger_market_refreshes_more_of_its_history_in_a_tick():
    requests = [load(symbols=many, movers=0).tick_requests for many in (3, 720, 721, 5_000)]
    assert requests == [1 + 3, 1 + 5, 1 + 10, 1 + 7 * 5]


def test_one_lease_serves_one_run_after_another():
    shared = USAGES["lease_seconds"](load(users=100, shape=Shape.ONE_TABLE))
    own = USAGES["lease_seconds"](load(users=100, shape=Shape.KEYED))
    assert shared == pytest.approx(100 * own)


def test_the_hottest_key_is_one_that_users_share():
    quiet = replace(USER, entry=run(writes={"TRADE#1": 50, "LEASE": 2}, until_order=8))
    shared = replace(load(users=10, shape=Shape.ONE_TABLE), user=quiet)
    assert USAGES["partition_writes"](shared) == pytest.approx(10 * 2 / 10)


def test_uses_come_with_the_tightest_first():
    shares = [one.share for one in uses(load(users=100))]
    assert shares == sorted(shares, reverse=True)


def test_an_unknown_limit_and_one_of_nothing_are_refused():
    with pytest.raises(BadInput, match=r"candidate is no limit: .*candidates"):
        limits_with({"candidate": 1})
    with pytest.raises(BadInput, match="must be above 0"):
        limits_with({"candidates": 0})
    with pytest.raises(BadInput, match="must be above 0"):
        limits_with({"candidates": float("nan")})


def test_our_own_numbers_are_those_of_settings_and_template():
    fields = DetectSettings.model_fields
    assert LIMITS["candidates"].value == fields["max_candidates"].default
    assert LIMITS["answer_seconds"].value == fields["request_timeout_seconds"].default
    assert fields["refresh_symbols"].default == REFRESH_SYMBOLS
    assert TradeSettings.model_fields["max_notional_usdt"].default == NOTIONAL_USDT
    detect = load_template(TEMPLATE)["Resources"]["DetectFunction"]
    assert LIMITS["detect_seconds"].value == detect["Properties"]["Timeout"]
    assert LIMITS["detect_memory"].value == installation().detect_megabytes == MEGABYTES


def test_the_page_shows_every_limit_as_it_is():
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert limits_table() in page


def test_traffic_is_counted_as_it_is_paid_for():
    traffic = Traffic()
    key = {"pk": {"S": "LEASE"}, "sk": {"S": "trade"}}
    big = {**key, "text": {"S": "x" * 1_500}}
    traffic.note("GetItem", {"Key": key}, {"Item": big})
    values = {":pk": {"S": "SIGNAL"}}
    traffic.note("Query", {"ExpressionAttributeValues": values}, {"Items": [big] * 3})
    traffic.note("PutItem", {"Item": big}, {})
    traffic.note("UpdateItem", {"Key": key}, {"Attributes": key})
    writes = [{"Put": {"Item": {**key, "pk": {"S": "TRADE#1"}}}}, {"ConditionCheck": {"Key": key}}]
    traffic.note("TransactWriteItems", {"TransactItems": writes}, {})
    traffic.note("PutObject", {}, {})
    traffic.note("GetObject", {}, {})
    assert traffic.reads == {"LEASE": 1, "SIGNAL": 2}
    # A put of more than a kilobyte, an update, and half of a transaction at twice its price.
    assert traffic.writes == {"LEASE": 2 + 1 + 2, "TRADE#1": 2}
    assert traffic.units["bucket_reads"] == traffic.units["bucket_writes"] == 1
