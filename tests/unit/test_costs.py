"""What a month costs: the arithmetic, the target, and the page that is made of it."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.deployment import COSTS_PAGE
from pumpwatch_workbench.operations.costs.model import (
    SLOWER,
    VCPU_MEGABYTES,
    billed_seconds,
    monthly_cost,
    scans_in_a_minute,
)
from pumpwatch_workbench.operations.costs.page import TARGET, TARGET_SECONDS, costs, costs_page
from pumpwatch_workbench.operations.costs.prices import ListPrices
from pumpwatch_workbench.operations.costs.usage import (
    InstallationSize,
    TickUse,
    installation,
    tick_uses,
)

USE = TickUse(
    seconds=0.5,
    cpu_seconds=0.1,
    init_cpu_seconds=1.0,
    table_reads=5,
    table_writes=3,
    bucket_reads=1,
    bucket_writes=2,
    log_bytes=1_000,
)
MADE = InstallationSize(detect_megabytes=1024, trade_megabytes=1024, alarms=12, secrets=1)


def month(prices=None, *, use=USE, scan=None, made=MADE, symbols=600, scan_seconds=60):
    uses = {"detect": use, "trade": use, "scan": scan or use}
    prices = prices or ListPrices()
    return monthly_cost(uses, made, prices, symbols=symbols, scan_seconds=scan_seconds)


def test_waiting_is_taken_as_measured_and_computing_slowed_down():
    assert billed_seconds(USE, VCPU_MEGABYTES) == pytest.approx(0.4 + 0.1 * SLOWER)
    half = billed_seconds(USE, VCPU_MEGABYTES // 2)
    assert half == pytest.approx(0.4 + 0.2 * SLOWER, rel=1e-3)
    assert billed_seconds(USE, 10_000) == billed_seconds(USE, VCPU_MEGABYTES)


@pytest.mark.parametrize(("seconds", "scans"), [(60, 0), (30, 2), (15, 4), (5, 12), (1, 60)])
def test_scans_come_from_the_queue_unless_there_is_one_a_minute(seconds, scans):
    assert scans_in_a_minute(seconds) == scans


ONLY = dict.fromkeys(ListPrices.__slots__, 0.0)
TICKS = 2 * 43_800
SCANS = 12 * 43_800


@pytest.mark.parametrize(
    ("price", "units"),
    [
        ("lambda_request", TICKS + SCANS),
        ("schedule_invocation", TICKS),
        ("table_write_unit", 3 * (TICKS + SCANS)),
        # The last of each: two instances take turns.
        ("table_read_unit", 5 * (TICKS + SCANS) + 43_800),
        ("bucket_read", (1 + 2) * 43_800 + 6 * 43_800),
        ("bucket_write", 2 * 43_800 + 4 * 43_800),
        # Sent ten together; each received and deleted; five pollers of 20 seconds; what failed.
        ("queue_request", 2 * 43_800 + 2 * SCANS + 15 * 43_800 + 10_000),
    ],
)
def test_scans_count_their_units(price, units):
    assert month(ListPrices(**{**ONLY, price: 1.0}), scan_seconds=5).total == pytest.approx(units)


def test_scan_s_own_use_is_what_is_paid_for_it():
    quick = replace(USE, seconds=0.1, cpu_seconds=0.01)
    assert month(scan=quick, scan_seconds=5).total < month(scan_seconds=5).total
    assert month(scan=quick).total == month().total


@pytest.mark.parametrize(
    ("price", "units"),
    [
        ("alarm_month", 12),
        ("lambda_request", 2 * 43_800),
        ("schedule_invocation", 2 * 43_800),
        ("table_write_unit", 43_800 * 6),
        ("table_read_unit", 43_800 * 10),
        ("bucket_write", 43_800 * 2),
    ],
)
def test_each_price_counts_its_units(price, units):
    free = ListPrices(**dict.fromkeys(ListPrices.__slots__, 0.0))
    assert month(free).total == 0
    dear = ListPrices(**{**dict.fromkeys(ListPrices.__slots__, 0.0), price: 1.0})
    assert month(dear).total == pytest.approx(units)


def test_every_price_is_used_or_belongs_to_a_switch():
    switches = {"key_month", "key_request", "trace", "nat_hour", "nat_gigabyte", "address_hour"}
    switches |= {"metric_month"}
    for name in set(ListPrices.__slots__) - switches:
        one = ListPrices(**{**ONLY, name: 1.0})
        assert month(one).total > 0, name


def test_more_symbols_and_scans_cost_more_and_only_in_the_growing_part():
    few, many = month(symbols=200), month(symbols=1_000)
    assert month(scan_seconds=5).fixed == few.fixed
    assert many.growing > few.growing
    assert many.fixed == few.fixed
    assert month(scan_seconds=5).growing > month(scan_seconds=10).growing > few.growing


def test_thousand_symbols_stay_under_the_target():
    assert 0 < costs(1_000, TARGET_SECONDS).total <= TARGET


def test_installation_is_counted_in_the_template():
    made = installation()
    assert made.secrets == 1
    assert made.alarms >= 10


def test_page_is_current():
    assert COSTS_PAGE.read_text(encoding="utf-8") == costs_page(), "run pumpwatch costs --write"


def test_number_that_was_not_measured_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="make bench"):
        costs(601, 60)
    with pytest.raises(BadInput, match="make bench"):
        tick_uses(tmp_path / "nothing.json", 600)


def test_command_prints_the_sum_and_refuses_bad_scans():
    typed = CliRunner()
    answer = json.loads(typed.invoke(app, ["costs", "--json"]).output)
    assert answer["total"] == pytest.approx(sum(answer["services"].values()), abs=0.01)
    assert "together" in typed.invoke(app, ["costs", "--symbols", "200"]).output
    refused = typed.invoke(app, ["costs", "--scan-seconds", "0"])
    assert isinstance(refused.exception, BadInput)
