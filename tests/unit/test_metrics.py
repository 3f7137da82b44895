"""One list of metrics, and the way of a run's numbers to the gateway."""

import logging
import re
from decimal import Decimal
from itertools import product

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from support.doubles import MemoryTotalsStore
from support.monitoring import most_series

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.errors import StoreUnavailable
from pumpwatch.metrics.catalogue import DETECT, HOLD_SECONDS, METRICS, TRADE, Kind, total_key
from pumpwatch.metrics.numbers import RunNumbers, UndeclaredMetric
from pumpwatch.metrics.reporter import MetricsReporter, exposition


def samples(registry):
    text = generate_latest(registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Gateway:
    """A sink that keeps what was pushed, or refuses it."""

    def __init__(self, accepts=True):
        self.accepts = accepts
        self.pushes = []

    def push(self, job, registry, *, failed):
        self.pushes.append((job, samples(registry), failed))
        return self.accepts


class BrokenTotals:
    def add(self, function, run_id, increments, equity=None):
        raise StoreUnavailable("the table did not answer")


def test_names_are_unique_and_follow_the_convention():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert re.fullmatch(r"pumpwatch_(detect|trade)_[a-z_0-9]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.name.startswith(f"{metric.job}_")
        assert metric.help.endswith(".")


def test_numbers_of_runs_add_up_to_those_of_one_report():
    first, second = RunNumbers(DETECT), RunNumbers(DETECT)
    for numbers, gap, symbols in ((first, 9.0, 5), (second, 7.0, 6)):
        numbers.set("scan_gap_seconds_max", gap)
        numbers.set("symbols_scanned", symbols)
        numbers.set("pump_event_active", gap, symbol=f"S{symbols}USDT", phase="rising")
        numbers.count("signals", phase="rising")
        numbers.observe("signal_delay_seconds", symbols)
    second.count("scans", 3, result="late")
    both = RunNumbers(DETECT)
    both.add(first)
    both.add(second)
    shown = samples(exposition(both, {k: Decimal(str(v)) for k, v in both.increments.items()},
                               failed=False))  # fmt: skip
    assert shown["pumpwatch_detect_scan_gap_seconds_max", ()] == 9.0
    assert shown["pumpwatch_detect_symbols_scanned", ()] == 6
    assert shown["pumpwatch_detect_signals_total", (("phase", "rising"),)] == 2
    assert shown["pumpwatch_detect_scans_total", (("result", "late"),)] == 3
    assert shown["pumpwatch_detect_signal_delay_seconds_count", ()] == 2
    assert shown["pumpwatch_detect_signal_delay_seconds_sum", ()] == 11
    active = [key for key in shown if key[0] == "pumpwatch_detect_pump_event_active"]
    assert [dict(labels)["symbol"] for _, labels in active] == ["S6USDT"]


def test_no_metric_has_an_unbounded_label():
    labels = {name for metric in METRICS for name in metric.label_names}
    assert not labels & {"run_id", "request_id", "signal_id", "event_id", "order_id"}
    for metric in METRICS:
        assert metric.is_open == (0 < metric.most <= 60) == ("symbol" in metric.label_names)
        if metric.is_open:
            assert metric.kind is Kind.GAUGE
            assert 30 <= HOLD_SECONDS < 60


@pytest.mark.parametrize("symbols", [600, 2000])
@pytest.mark.parametrize("job", [DETECT, TRADE])
def test_what_is_pushed_stays_small_whatever_the_market_does(job, symbols):
    numbers = RunNumbers(job)
    every = {metric.name: metric for metric in METRICS if metric.job == job}
    for metric in every.values():
        name = metric.name.removeprefix(f"{job}_")
        if metric.is_open:
            (_, *names), (_, *values) = zip(*metric.labels, strict=True)
            for number, others in product(range(symbols), product(*values)):
                labels = dict(zip(names, others, strict=True))
                numbers.set(name, number, symbol=f"S{number}USDT", **labels)
        for labels in metric.label_sets():
            if metric.kind is Kind.GAUGE:
                numbers.set(name, 1, **labels)
    found = samples(exposition(numbers, {}, failed=False))
    assert len(found) == sum(most_series(metric) for metric in every.values()) < 500
    assert len({name for name, _ in found}) < 60


def test_every_phase_leg_and_outcome_is_declared():
    detect, trade = RunNumbers(DETECT), RunNumbers(TRADE)
    for phase in (Phase.RISING, Phase.PEAKED, Phase.OVER):
        detect.count("signals", phase=phase.value)
    for leg in Leg:
        for outcome in Outcome:
            trade.count("orders", leg=leg.value, outcome=outcome.value)


@pytest.mark.parametrize(
    "use",
    [
        lambda numbers: numbers.set("undeclared", 1),
        lambda numbers: numbers.count("undeclared"),
        lambda numbers: numbers.set("runs", 1),
        lambda numbers: numbers.count("candidates"),
        lambda numbers: numbers.count("runs", result="perhaps"),
        lambda numbers: numbers.count("runs"),
        lambda numbers: numbers.set("candidates", 1, symbol="BTCUSDT"),
        lambda numbers: numbers.set("equity_usdt", 1),
        lambda numbers: RunNumbers("pumpwatch_other"),
    ],
)
def test_undeclared_metric_raises(use):
    with pytest.raises(UndeclaredMetric):
        use(RunNumbers(DETECT))


def test_counter_cannot_shrink():
    with pytest.raises(ValueError, match="only grows"):
        RunNumbers(DETECT).count("bad_candles", -1)


def test_total_key_names_the_labels_in_order():
    assert total_key("orders", {}) == "orders"
    assert total_key("orders", {"outcome": "filled", "leg": "exit"}) == (
        "orders|leg=exit,outcome=filled"
    )


def test_counters_are_pushed_as_totals_with_every_label_value_and_no_created_series():
    numbers = RunNumbers(TRADE)
    found = samples(exposition(numbers, {}, failed=False))
    for metric in METRICS:
        if metric.job == TRADE and metric.kind is Kind.COUNTER:
            for labels in metric.label_sets():
                assert found[metric.name, tuple(sorted(labels.items()))] == 0
    assert not [name for name, _ in found if name.endswith("_created")]


def test_gauge_that_was_not_set_is_left_out():
    numbers = RunNumbers(TRADE)
    numbers.set("equity_usdt", Decimal("12.5"))
    numbers.set("available_usdt", None)
    found = samples(exposition(numbers, {}, failed=False))
    assert found["pumpwatch_trade_equity_usdt", ()] == 12.5
    assert ("pumpwatch_trade_available_usdt", ()) not in found


def test_failed_run_pushes_only_its_failure_and_the_counters():
    gateway = Gateway()
    reporter = MetricsReporter(DETECT, MemoryTotalsStore(), gateway)
    numbers = RunNumbers(DETECT)
    numbers.set("last_success_timestamp_seconds", 1)
    numbers.set("candidates", 3)
    numbers.set("last_failure_timestamp_seconds", 2)
    numbers.count("runs", result="failure")
    reporter.report(numbers, "run", failed=True)
    ((_, found, failed),) = gateway.pushes
    assert failed
    totals = ("_total", "_bucket", "_sum", "_count")
    gauges = {name for name, _ in found if not name.endswith(totals)}
    assert gauges == {"pumpwatch_detect_last_failure_timestamp_seconds"}
    assert found["pumpwatch_detect_runs_total", (("result", "failure"),)] == 1


def test_repeated_run_is_counted_once():
    totals, gateway = MemoryTotalsStore(), Gateway()
    for _ in range(3):
        numbers = RunNumbers(DETECT)
        numbers.count("runs", result="success")
        MetricsReporter(DETECT, totals, gateway).report(numbers, "the same run")
    assert gateway.pushes[-1][1]["pumpwatch_detect_runs_total", (("result", "success"),)] == 1


@pytest.mark.parametrize("cold", [False, True])
def test_push_that_failed_is_counted_by_the_next_run_though_it_starts_cold(cold):
    totals, gateway = MemoryTotalsStore(), Gateway(accepts=False)
    reporter = MetricsReporter(DETECT, totals, gateway)
    for run, accepts in (("first", False), ("second", True), ("third", True)):
        gateway.accepts = accepts
        reporter = MetricsReporter(DETECT, totals, gateway) if cold else reporter
        assert reporter.report(RunNumbers(DETECT), run) is accepts
    counted = [found["pumpwatch_detect_push_failures_total", ()] for _, found, _ in gateway.pushes]
    assert counted == [0, 1, 1]


def test_histogram_is_pushed_as_running_totals_of_its_buckets():
    totals, gateway = MemoryTotalsStore(), Gateway()
    for run, seconds in enumerate((12.0, 15.0, 70.25, 4000.0)):
        numbers = RunNumbers(DETECT)
        numbers.observe("signal_delay_seconds", seconds)
        MetricsReporter(DETECT, totals, gateway).report(numbers, f"run-{run}")
    found = gateway.pushes[-1][1]
    name = "pumpwatch_detect_signal_delay_seconds"
    counts = [found[f"{name}_bucket", (("le", le),)] for le in ("15.0", "60.0", "90.0", "+Inf")]
    assert counts == [2, 2, 3, 4]
    assert found[f"{name}_count", ()] == 4
    assert found[f"{name}_sum", ()] == 4097.25


def test_histogram_without_observations_shows_zeros_and_refuses_negative_ones():
    numbers = RunNumbers(TRADE)
    found = samples(exposition(numbers, {}, failed=False))
    name = "pumpwatch_trade_api_latency_seconds_bucket"
    assert found[name, (("endpoint", "order/create"), ("le", "+Inf"))] == 0
    with pytest.raises(ValueError, match="only grows"):
        numbers.observe("entry_slippage_ratio", -0.1)
    with pytest.raises(UndeclaredMetric):
        numbers.observe("api_latency_seconds", 1, endpoint="somewhere")


class Hand:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


EVENT = ("pumpwatch_detect_pump_event_active", (("phase", "rising"), ("symbol", "AUSDT")))


def with_event(value=0.2):
    numbers = RunNumbers(DETECT)
    numbers.set("pump_event_active", value, symbol="AUSDT", phase="rising")
    return numbers


@pytest.mark.parametrize("cold", [False, True], ids=["the same instance", "another instance"])
def test_series_of_a_symbol_is_shown_for_its_time_whoever_pushes_next(cold):
    """What was shown is in the table, not in a process."""
    gateway, clock, totals = Gateway(), Hand(), MemoryTotalsStore()
    reporter = MetricsReporter(DETECT, totals, gateway, clock=clock)
    reporter.report(with_event(), "run-0")
    for run, (seconds, shown) in enumerate(((2, True), (44, True), (46, False), (47, False)), 1):
        clock.seconds = seconds
        if cold:
            reporter = MetricsReporter(DETECT, totals, gateway, clock=clock)
        reporter.report(RunNumbers(DETECT), f"run-{run}")
        assert (EVENT in gateway.pushes[-1][1]) is shown


def test_a_series_that_comes_again_is_shown_for_its_time_again():
    gateway, clock, totals = Gateway(), Hand(), MemoryTotalsStore()
    for run, (seconds, numbers, shown) in enumerate(
        [
            (0, with_event(), True),
            (60, with_event(), True),
            (120, RunNumbers(DETECT), False),
            (600, with_event(), True),
            (640, RunNumbers(DETECT), True),
        ]
    ):
        clock.seconds = seconds
        MetricsReporter(DETECT, totals, gateway, clock=clock).report(numbers, f"run-{run}")
        assert (EVENT in gateway.pushes[-1][1]) is shown, seconds


def test_what_is_shown_costs_a_write_only_where_it_changes():
    totals, writes = MemoryTotalsStore(), []
    totals.keep = lambda function, text, keep=totals.keep: (
        writes.append(text),
        keep(function, text),
    )
    reporter = MetricsReporter(DETECT, totals, Gateway(), clock=Hand())
    for run, numbers in enumerate([RunNumbers(DETECT), with_event(), with_event()]):
        reporter.report(numbers, f"run-{run}")
    assert len(writes) == 1


def test_what_the_table_does_not_keep_is_kept_in_memory():
    class Forgetful(MemoryTotalsStore):
        def keep(self, function, text):
            raise StoreUnavailable("the table did not answer")

    gateway, clock = Gateway(), Hand()
    reporter = MetricsReporter(DETECT, Forgetful(), gateway, clock=clock)
    reporter.report(with_event(), "run-0")
    clock.seconds = 2
    assert reporter.report(RunNumbers(DETECT), "run-1")
    assert EVENT in gateway.pushes[-1][1]


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "7",
        "[[1]]",
        '[["gone", {}, 1, 0, 0]]',
        '[["candidates", {"symbol": "A"}, 1, 0, 0]]',
        '[["pump_event_active", {"symbol": "A", "phase": "rising"}, "high", 0, null]]',
    ],
)
def test_a_kept_text_that_another_version_wrote_harms_nothing(text, caplog):
    gateway, totals = Gateway(), MemoryTotalsStore()
    totals.keep(DETECT, text)
    assert MetricsReporter(DETECT, totals, gateway).report(with_event(), "run")
    assert EVENT in gateway.pushes[-1][1]
    assert "shown series were not read" in caplog.text


def test_series_that_no_push_has_shown_waits_for_one_that_does_but_not_for_ever():
    gateway, clock = Gateway(accepts=False), Hand()
    reporter = MetricsReporter(DETECT, MemoryTotalsStore(), gateway, clock=clock)
    reporter.report(with_event(), "run-0")
    clock.seconds = 200
    reporter.report(RunNumbers(DETECT), "run-1")
    assert EVENT in gateway.pushes[-1][1]
    clock.seconds = 301
    reporter.report(RunNumbers(DETECT), "run-2")
    assert EVENT not in gateway.pushes[-1][1]


def test_without_totals_the_gauges_are_pushed_and_the_counters_left_alone():
    gateway = Gateway()
    numbers = RunNumbers(DETECT)
    numbers.set("candidates", 3)
    assert MetricsReporter(DETECT, BrokenTotals(), gateway).report(numbers, "run")
    ((_, found, failed),) = gateway.pushes
    assert found.pop(("pumpwatch_detect_last_uncounted_timestamp_seconds", ())) > 0
    assert found == {("pumpwatch_detect_candidates", ()): 3}
    assert failed, "a PUT would take the counters away"


def test_busy_run_is_counted_and_pushes_nothing():
    totals, gateway = MemoryTotalsStore(), Gateway()
    numbers = RunNumbers(TRADE)
    numbers.count("runs", result="busy")
    MetricsReporter(TRADE, totals, gateway).report(numbers, "run", push=False)
    assert gateway.pushes == []
    key = total_key("pumpwatch_trade_runs_total", {"result": "busy"})
    assert totals.add(TRADE, "next", {})[key] == 1


def test_without_an_address_totals_are_kept_and_nothing_is_pushed():
    totals = MemoryTotalsStore()
    numbers = RunNumbers(DETECT)
    numbers.count("bad_candles", 4)
    assert not MetricsReporter(DETECT, totals, None).report(numbers, "run")
    assert totals.add(DETECT, "next", {})["pumpwatch_detect_bad_candles_total"] == 4


def test_reporting_never_raises_whatever_happens(caplog):
    class Exploding:
        def push(self, job, exposition, *, failed):
            raise RuntimeError("boom")

    with caplog.at_level(logging.ERROR):
        reporter = MetricsReporter(DETECT, MemoryTotalsStore(), Exploding())
        assert not reporter.report(RunNumbers(DETECT), "run")
    assert "metrics were not reported" in caplog.text
