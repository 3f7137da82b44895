"""One list of metrics, and the way of a run's numbers to the gateway."""

import logging
import re
from decimal import Decimal

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pumpwatch.adapters.memory import MemoryMetricsSink, MemoryTotalsStore
from pumpwatch.domain.orders import Leg, Outcome
from pumpwatch.domain.signals import Phase
from pumpwatch.errors import StoreUnavailable
from pumpwatch.metrics import DETECT, METRICS, TRADE, Kind, total_key
from pumpwatch.runs import MetricsReporter, RunNumbers, UndeclaredMetric, exposition


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
    def add(self, function, run_id, increments):
        raise StoreUnavailable("the table did not answer")


def test_names_are_unique_and_follow_the_convention():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert re.fullmatch(r"pumpwatch_(detect|trade)_[a-z_0-9]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.name.startswith(f"{metric.job}_")
        assert metric.help.endswith(".")


def test_no_metric_has_an_unbounded_label():
    labels = {name for metric in METRICS for name in metric.label_names}
    assert not labels & {"symbol", "run_id", "request_id", "signal_id"}


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
    gauges = {name for name, _ in found if not name.endswith("_total")}
    assert gauges == {"pumpwatch_detect_last_failure_timestamp_seconds"}
    assert found["pumpwatch_detect_runs_total", (("result", "failure"),)] == 1


def test_totals_survive_a_hundred_cold_starts():
    totals, gateway = MemoryTotalsStore(), Gateway()
    for run in range(100):
        numbers = RunNumbers(DETECT)
        numbers.count("runs", result="success")
        numbers.count("signals", 2, phase="rising")
        assert MetricsReporter(DETECT, totals, gateway).report(numbers, f"run-{run}")
    found = gateway.pushes[-1][1]
    assert found["pumpwatch_detect_runs_total", (("result", "success"),)] == 100
    assert found["pumpwatch_detect_signals_total", (("phase", "rising"),)] == 200


def test_repeated_run_is_counted_once():
    totals, gateway = MemoryTotalsStore(), Gateway()
    for _ in range(3):
        numbers = RunNumbers(DETECT)
        numbers.count("runs", result="success")
        MetricsReporter(DETECT, totals, gateway).report(numbers, "the same run")
    assert gateway.pushes[-1][1]["pumpwatch_detect_runs_total", (("result", "success"),)] == 1


def test_push_that_failed_is_counted_by_the_next_run():
    totals, gateway = MemoryTotalsStore(), Gateway(accepts=False)
    reporter = MetricsReporter(DETECT, totals, gateway)
    assert not reporter.report(RunNumbers(DETECT), "first")
    gateway.accepts = True
    assert reporter.report(RunNumbers(DETECT), "second")
    assert reporter.report(RunNumbers(DETECT), "third")
    counted = [found["pumpwatch_detect_push_failures_total", ()] for _, found, _ in gateway.pushes]
    assert counted == [0, 1, 1]


def test_without_totals_the_gauges_are_pushed_and_the_counters_left_alone():
    gateway = Gateway()
    numbers = RunNumbers(DETECT)
    numbers.set("candidates", 3)
    assert MetricsReporter(DETECT, BrokenTotals(), gateway).report(numbers, "run")
    ((_, found, failed),) = gateway.pushes
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


def test_memory_sink_takes_the_registry():
    sink = MemoryMetricsSink()
    assert MetricsReporter(DETECT, MemoryTotalsStore(), sink).report(RunNumbers(DETECT), "run")
