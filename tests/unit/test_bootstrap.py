"""What surrounds the use cases: lease, metrics, refused events, keys."""

import logging
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.doubles import ManualDeadline, MemoryTotalsStore
from support.records import NOW, a_signal, a_trade, an_event
from support.trading_rig import settings

from pumpwatch.adapters.bybit import endpoints
from pumpwatch.adapters.bybit.refusals import word_of
from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.bootstrap.connection import BybitConnection, describe_traffic
from pumpwatch.bootstrap.detect import LEASE_RESERVE, detect_from_environment
from pumpwatch.bootstrap.detect import describe as describe_detect
from pumpwatch.bootstrap.function import Function
from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.bootstrap.numbers import describe as describe_trade
from pumpwatch.bootstrap.trade import (
    TradeStores,
    trade_from_environment,
    trade_function,
    trade_lease,
)
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.orders import Leg, Outcome, Side
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.repairs import RepairKind
from pumpwatch.errors import (
    BadCredentials,
    BadEvent,
    ExchangeForbidden,
    KeyRefused,
    LeaseHeld,
    SettingsError,
    StoreUnavailable,
)
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import (
    API_CODES,
    DETECT,
    ENDPOINTS,
    LISTS,
    METRICS,
    PROBLEMS,
    PROTECTIONS,
    PUBLIC_ENDPOINTS,
    REPAIRS,
    TRADE,
)
from pumpwatch.metrics.numbers import RunNumbers, UndeclaredMetric
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.guards import protections_from
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.aws.template import load_template
from pumpwatch_workbench.local.memory import MemoryLeaseStore

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

TICK = Tick(1_767_571_260_000, "run-1")
DEADLINE = ManualDeadline(25.0)


class Gateway:
    def __init__(self, seen=None):
        self.seen = seen
        self.pushes = []

    def push(self, job, registry, *, failed):
        values = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in registry.collect()
            for sample in family.samples
        }
        self.pushes.append((values, failed, self.seen() if self.seen else None))
        return True


def function(work, describe=lambda report, numbers: None, leases=None, gateway=None, **more):
    """Return a function of trade with this work, and where it pushes."""
    gateway = gateway or Gateway()
    leases = leases or MemoryLeaseStore(lambda: 0.0)
    reporter = MetricsReporter(TRADE, MemoryTotalsStore(), gateway)
    lease = RunLease(leases, "trade", reserve=5.0)
    made = Function(TRADE, lease=lease, reporter=reporter, work=work, describe=describe, **more)
    return made, gateway


def report_of(*_):
    return "report"


def forbidden(*_):
    raise ExchangeForbidden("403")


def is_taken(leases, name="trade"):
    try:
        leases.release(leases.acquire(name, owner="another", seconds=1))
    except LeaseHeld:
        return True
    return False


def test_good_run_pushes_its_success():
    run, gateway = function(report_of)
    assert run.run(TICK, DEADLINE) == "report"
    ((values, failed, _),) = gateway.pushes
    assert not failed
    assert values["pumpwatch_trade_runs_total", "success"] == 1
    assert values["pumpwatch_trade_last_success_timestamp_seconds",] > 1_700_000_000
    assert ("pumpwatch_trade_last_failure_timestamp_seconds",) not in values


def test_failed_run_pushes_its_failure_gives_its_lease_back_and_raises():
    leases = MemoryLeaseStore(lambda: 0.0)
    run, gateway = function(forbidden, leases=leases)
    with pytest.raises(ExchangeForbidden):
        run.run(TICK, DEADLINE)
    ((values, failed, _),) = gateway.pushes
    assert failed
    assert values["pumpwatch_trade_runs_total", "failure"] == 1
    assert values["pumpwatch_trade_runs_total", "success"] == 0
    assert not is_taken(leases)


def test_busy_run_does_nothing_and_pushes_nothing():
    leases = MemoryLeaseStore(lambda: 0.0)
    leases.acquire("trade", owner="another", seconds=9)
    run, gateway = function(lambda *_: pytest.fail("another run is at it"), leases=leases)
    assert run.run(TICK, DEADLINE) is None
    assert gateway.pushes == []


def scan_function(work, **more):
    """Return a function of detect, where it pushes, and its totals."""
    gateway, totals = Gateway(), MemoryTotalsStore()
    lease = RunLease(MemoryLeaseStore(lambda: 0.0), "detect", reserve=1.0, patience=9, wait=fail)
    made = Function(
        DETECT,
        lease=lease,
        reporter=MetricsReporter(DETECT, totals, gateway),
        work=work,
        describe=lambda report, numbers: numbers.set("scan_gap_seconds_max", report),
        is_news=lambda report: report > 100,
        **more,
    )
    return made, gateway, lambda: totals.add(DETECT, "look", {})


def fail(*_):
    pytest.fail("nothing waits here")


def a_scan(number, **more):
    return Tick(TICK.scheduled_time + number, f"scan-{number}", is_scan=True, **more)


def test_numbers_of_single_scans_are_reported_with_the_next_run_of_the_schedule():
    reports = iter([5.0, 9.0, 6.0, None, 2.0])
    run, gateway, totals = scan_function(lambda *_: next(reports))
    for number in range(3):
        assert run.run(a_scan(number, older_scans=number), DEADLINE) is not None
    assert run.run(a_scan(3), DEADLINE) is None
    assert (gateway.pushes, totals()) == ([], {})
    run.run(TICK, DEADLINE)
    ((values, failed, _),) = gateway.pushes
    assert not failed
    scans = {key[1]: value for key, value in values.items() if key[0] == f"{DETECT}_scans_total"}
    assert scans == {"success": 3, "duplicate": 1, "late": 3, "busy": 0, "failure": 0}
    assert values[f"{DETECT}_runs_total", "success"] == 1
    assert values[f"{DETECT}_scan_gap_seconds_max",] == 9.0, "the largest since the last push"


def test_scan_with_signals_is_reported_at_once_and_nothing_is_counted_twice():
    reports = iter([5.0, 200.0, 1.0])
    run, gateway, totals = scan_function(lambda *_: next(reports))
    run.run(a_scan(1), DEADLINE)
    run.run(a_scan(2), DEADLINE)
    assert len(gateway.pushes) == 1
    assert totals()[f"{DETECT}_scans_total|result=success"] == 2
    run.run(TICK, DEADLINE)
    assert totals()[f"{DETECT}_scans_total|result=success"] == 2
    assert gateway.pushes[-1][0][f"{DETECT}_scan_gap_seconds_max",] == 1.0


def test_scan_that_fails_is_reported_at_once_and_those_before_it_wait():
    reports = iter([lambda: 5.0, forbidden, lambda: 1.0])
    run, gateway, totals = scan_function(lambda *_: next(reports)())
    run.run(a_scan(1), DEADLINE)
    with pytest.raises(ExchangeForbidden):
        run.run(a_scan(2), DEADLINE)
    ((values, failed, _),) = gateway.pushes
    assert failed
    assert values[f"{DETECT}_scans_total", "failure"] == 1
    assert values[f"{DETECT}_runs_total", "failure"] == 0
    run.run(TICK, DEADLINE)
    assert totals()[f"{DETECT}_scans_total|result=success"] == 1
    assert gateway.pushes[-1][0][f"{DETECT}_scan_gap_seconds_max",] == 5.0


def test_scan_beside_another_run_is_dropped_without_waiting_and_counted():
    busy = []
    run, gateway, totals = scan_function(lambda *_: 1.0, when_busy=busy.append)
    taken = run.lease.store.acquire("detect", owner="another", seconds=9)
    assert run.run(a_scan(1), DEADLINE) is None
    assert (gateway.pushes, busy) == ([], [])
    run.lease.store.release(taken)
    run.run(TICK, DEADLINE)
    assert totals()[f"{DETECT}_scans_total|result=busy"] == 1


def test_run_of_the_schedule_beside_another_one_does_what_it_can():
    busy = []
    run, gateway = function(report_of, leases=taken_lease(), when_busy=busy.append)
    assert run.run(TICK, DEADLINE) is None
    assert (busy, gateway.pushes) == ([DEADLINE], [])


def taken_lease():
    leases = MemoryLeaseStore(lambda: 0.0)
    leases.acquire("trade", owner="another", seconds=9)
    return leases


def test_run_works_to_the_context_s_deadline_under_a_lease_of_its_own():
    run, _ = function(lambda tick, deadline, lease: (deadline.seconds_left(), lease.owner))
    assert run.run(TICK, DEADLINE) == (25.0, TICK.execution_id)


def test_metrics_go_out_before_the_lease_is_given_back():
    leases = MemoryLeaseStore(lambda: 0.0)
    run, gateway = function(report_of, leases=leases, gateway=Gateway(lambda: is_taken(leases)))
    run.run(TICK, DEADLINE)
    assert gateway.pushes[0][2], "the lease was free while the metrics were pushed"
    assert not is_taken(leases)


def test_lease_that_cannot_be_given_back_does_not_fail_the_run(caplog):
    class Broken(MemoryLeaseStore):
        def release(self, lease):
            raise StoreUnavailable("no answer")

    run, _ = function(report_of, leases=Broken(lambda: 0.0))
    assert run.run(TICK, DEADLINE) == "report"
    assert "lease was not released" in caplog.text


@pytest.mark.parametrize(("seconds", "lasts"), [(20.0, 25.0), (float("inf"), 30.0), (-1.0, 5.0)])
def test_trade_s_lease_outlives_its_run_by_five_seconds(seconds, lasts):
    now = [0.0]
    leases = MemoryLeaseStore(lambda: now[0])
    with trade_lease(leases, wait=None).taken("run", ManualDeadline(seconds)):
        now[0] = lasts - 0.01
        assert is_taken(leases)
        now[0] = lasts
        assert not is_taken(leases)


def test_trade_waits_three_seconds_for_its_lease():
    waits, leases = [], MemoryLeaseStore(lambda: sum(waits))
    leases.acquire("trade", owner="another", seconds=30)
    with trade_lease(leases, waits.append).taken("run", ManualDeadline()) as lease:
        assert lease is None
    assert sum(waits) == pytest.approx(3.0)


def test_detect_s_lease_covers_its_run_and_ends_soon_after_a_kill():
    timeout = load_template(TEMPLATE)["Resources"]["DetectFunction"]["Properties"]["Timeout"]
    now = [1_000.0]
    leases = MemoryLeaseStore(lambda: now[0])
    with RunLease(leases, "detect", reserve=LEASE_RESERVE).taken("run", ManualDeadline(timeout)):
        now[0] = 1_000 + timeout - 0.1
        assert is_taken(leases, "detect")
        now[0] = 1_000 + 10
        assert not is_taken(leases, "detect")


@pytest.mark.parametrize(
    "error", [UndeclaredMetric("gauge x is not declared"), ValueError("-1"), ZeroDivisionError()]
)
def test_report_that_cannot_be_described_does_not_fail_the_run(caplog, error):
    def describe(report, numbers):
        raise error

    run, gateway = function(report_of, describe)
    with caplog.at_level(logging.ERROR):
        assert run.run(TICK, DEADLINE) == "report"
    assert gateway.pushes[0][0]["pumpwatch_trade_runs_total", "success"] == 1


def test_malformed_event_is_counted_and_answered():
    run, gateway = function(lambda *_: pytest.fail("nothing may be done"))
    answer = run.refuse(BadEvent("no scheduled_time"), "request-1")
    assert answer == {"error": "no scheduled_time"}
    ((values, failed, _),) = gateway.pushes
    assert failed
    assert values["pumpwatch_trade_bad_events_total",] == 1


def test_bad_records_of_a_batch_are_counted():
    run, gateway = function(report_of)
    run.run(Tick(TICK.scheduled_time, "run", ("a",), bad_records=3), DEADLINE)
    assert gateway.pushes[0][0]["pumpwatch_trade_bad_events_total",] == 3


ALWAYS = {
    "last_success_timestamp_seconds", "last_failure_timestamp_seconds", "duration_seconds",
    "last_uncounted_timestamp_seconds", "cpu_seconds", "memory_peak_bytes", "memory_limit_bytes",
    "init_seconds",
}  # fmt: skip


def numbers_of(report, mode="live"):
    if isinstance(report, DetectReport):
        describe_detect(report, numbers := RunNumbers(DETECT))
    else:
        describe_trade(report, numbers := RunNumbers(TRADE), mode=mode)
    return numbers


def values_of(report):
    """Return gauges and what was counted, by their names without the job."""
    numbers = numbers_of(report)
    counted = {key: amount for key, amount in numbers.increments.items() if amount}
    return {k.removeprefix(f"{numbers.job}_"): v for k, v in {**numbers.gauges, **counted}.items()}


@pytest.mark.parametrize("job", [DETECT, TRADE])
def test_every_gauge_of_the_list_is_set_by_a_run(job):
    described = numbers_of(DetectReport(time=1) if job == DETECT else full_trade_report()).gauges
    described = {key.partition("|")[0].removeprefix(f"{job}_") for key in described}
    declared = {
        metric.name.removeprefix(f"{job}_")
        for metric in METRICS
        if metric.job == job and metric.kind == "gauge" and not metric.is_open
    }
    warm = {"clock_skew_seconds"}
    if job == DETECT:
        warm |= {"scan_interval_seconds", "scan_gap_seconds_max"}
    if job == TRADE:
        warm |= {"store_calls_last_run", "requests_last_run"}
    assert declared - described - ALWAYS == warm


def full_trade_report():
    report = TradeReport(
        equity=1,
        available=1,
        foreign_orders=0,
        realised_pnl=1,
        stop_verified_seconds=0.5,
        key_expires=1_000,
    )
    report.repairs["resized"] = 3
    report.block("access", "the key is read-only")
    report.locks.append(Lock("drawdown", "deep", 1, 2))
    report.orders[Leg.ENTRY, Outcome.FILLED] = 2
    return report


def test_what_a_report_says_is_a_number_under_its_labels():
    report = full_trade_report()
    report.locks += [Lock("drawdown", "deep", 1, 5_000), Lock("drawdown", "deep", 1, 9_000)]
    report.closed += [a_trade(realised_pnl=Decimal(profit)) for profit in (1, 0, -1)]
    assert {
        "trades_closed_total|result=win": 1,
        "trades_closed_total|result=loss": 2,
        "orders_total|leg=entry,outcome=filled": 2,
        "mode_info|mode=live": 1,
        "mode_info|mode=demo": 0,
        "mode_info|mode=paper": 0,
        "repairs_total|kind=resized": 3,
        "entries_blocked|reason=access": 1,
        "entries_blocked|reason=halt": 0,
        "locks|protection=drawdown": 3,
        "locks|protection=stale_data": 0,
        "lock_end_timestamp_seconds|protection=drawdown": 9,
        "lock_end_timestamp_seconds|protection=stale_data": 0,
        "key_expiry_timestamp_seconds": 1,
        "fill_to_stop_seconds|le=0.5": 1,
        "fill_to_stop_seconds_sum": 0.5,
    }.items() <= values_of(report).items()
    report = DetectReport(candidates_deferred=3, candidates_unjudged=2, clock_doubts=1)
    assert {
        "candidates_deferred": 3,
        "candidates_unjudged": 2,
        "clock_doubts_total": 1,
    }.items() <= values_of(report).items()


def test_what_a_run_could_not_do_is_counted_by_its_word():
    report = TradeReport(exits_overdue=2, exits_refused=3, care_missed=4, signals_unopened=5)
    for cause in PROBLEMS:
        report.problem("no answer", time=1, cause=cause)
    report.unreadable.update(LISTS)
    values = values_of(report)
    assert {name: value for name, value in values.items() if "_total" in name} == {
        "exits_refused_total": 3,
        "care_missed_total": 4,
        "signals_unopened_total": 5,
        **{f"problems_total|kind={kind}": 1 for kind in PROBLEMS},
        **{f"unreadable_rows_total|list={name}": 1 for name in LISTS},
    }
    assert values["exits_overdue"] == 2


@pytest.mark.parametrize(
    ("side", "price", "bucket"),
    [("buy", "101", "0.01"), ("sell", "99", "0.01"), ("sell", "102", "0.0")],
)
def test_fills_are_shown_with_what_they_were_and_entries_with_what_was_lost(side, price, bucket):
    trade = a_trade(side=Side(side), signal_price=Decimal(100), entry_price=Decimal(price))
    exited = {"exit_price": Decimal(7), "realised_pnl": Decimal("-3.5")}
    closed = a_trade("other", symbol="BUSDT", **exited)
    numbers = numbers_of(TradeReport(opened=[trade], closed=[closed]))
    shown = {
        (series.metric.name, *series.labels.values()): series.value
        for series in numbers.open_series.values()
    }
    entry = (trade.symbol, "entry", {"buy": "long", "sell": "short"}[side])
    leaving = ("BUSDT", "exit", "short")
    assert shown == {
        ("pumpwatch_trade_fill_price_usdt", *entry): float(price),
        ("pumpwatch_trade_fill_notional_usdt", *entry): 45.5 * float(price),
        ("pumpwatch_trade_fill_result_usdt", *entry): 0.0,
        ("pumpwatch_trade_fill_price_usdt", *leaving): 7.0,
        ("pumpwatch_trade_fill_notional_usdt", *leaving): 45.5 * 7,
        ("pumpwatch_trade_fill_result_usdt", *leaving): -3.5,
    }
    assert numbers.increments[f"pumpwatch_trade_entry_slippage_ratio|le={bucket}"] == 1


def shown_events(report):
    series = numbers_of(report).open_series.values()
    return {(one.labels["symbol"], one.labels["phase"]) for one in series}


def test_event_is_shown_in_its_phase_and_in_those_that_the_run_signalled():
    event = an_event(phase=Phase.PEAKED)
    signals = [
        replace(a_signal(), event_id=event.event_id, symbol=event.symbol, phase=phase)
        for phase in (Phase.RISING, Phase.PEAKED)
    ]
    report = DetectReport(time=NOW, events=[event], signals=signals)
    assert shown_events(report) == {(event.symbol, "rising"), (event.symbol, "peaked")}


def test_event_that_is_over_is_shown_for_two_more_pushes():
    over = an_event(phase=Phase.OVER, phase_since=NOW)
    for later, seen in ((0, True), (119_000, True), (151_000, False)):
        report = DetectReport(time=NOW + later, events=[over])
        assert shown_events(report) == ({(over.symbol, "over")} if seen else set())


def test_only_the_strongest_events_are_shown():
    events = [
        an_event(f"E{number}USDT", base_price=1.0, peak_price=1.0 + number / 100)
        for number in range(1, 41)
    ]
    shown = shown_events(DetectReport(time=NOW, events=events))
    assert shown == {(f"E{number}USDT", "rising") for number in range(21, 41)}


def test_requests_are_counted_by_endpoint_and_word_of_failed_runs_too():
    traffic = Traffic()

    def work(*_):
        traffic.note("/v5/market/tickers", 10006, 0.3)
        traffic.note("/v5/market/tickers", 0, 0.03)
        raise ExchangeForbidden("403")

    run, gateway = function(work, describe_always=partial(describe_traffic, traffic))
    for count in (1, 2):
        with pytest.raises(ExchangeForbidden):
            run.run(Tick(TICK.scheduled_time, f"run-{count}"), DEADLINE)
        values = gateway.pushes[-1][0]
        name = "pumpwatch_trade_api_requests_total"
        assert values[name, "market/tickers", "rate_limited"] == count
        assert values[name, "market/tickers", "ok"] == count
        assert values[name, "market/kline", "ok"] == 0
        name = "pumpwatch_trade_api_latency_seconds"
        assert values[f"{name}_bucket", "0.05", "market/tickers"] == count
        assert values[f"{name}_bucket", "0.5", "market/tickers"] == 2 * count
        assert values[f"{name}_count", "market/tickers"] == 2 * count


def test_every_endpoint_has_its_label():
    declared = [one for one in vars(endpoints).values() if isinstance(one, endpoints.Endpoint)]
    assert {one.path.removeprefix("/v5/") for one in declared} == set(ENDPOINTS)
    public = {one.path.removeprefix("/v5/") for one in declared if not one.private}
    assert public == set(PUBLIC_ENDPOINTS)


CODES = {
    0: "ok", 110043: "ok", 10006: "rate_limited", 429: "rate_limited", 403: "forbidden",
    10018: "forbidden", 401: "key_refused", 10003: "key_refused", 10005: "key_refused",
    10010: "key_refused", 33004: "key_refused", 10002: "clock", 10016: "unavailable",
    10000: "unavailable", 500: "unavailable", 502: "unavailable", 503: "unavailable",
    170146: "unavailable", 110007: "refused", 404: "refused", -1: "no_answer",
}  # fmt: skip


def test_codes_come_to_the_words_that_are_labels():
    assert {code: word_of(code) for code in CODES} == CODES
    assert set(CODES.values()) == set(API_CODES)


def test_every_kind_of_repair_and_every_protection_has_its_label():
    settled = {
        RepairKind.WAITING,
        RepairKind.STOP_MISSING,
        RepairKind.STOP_SEEN,
    }
    kinds = {kind.value for kind in RepairKind if kind not in settled} | {"stop_set"}
    assert kinds == set(REPAIRS)
    names = {one.name for one in protections_from(settings(trading_hours="Mon 08:00-09:00"))}
    assert names == set(PROTECTIONS)


@pytest.mark.parametrize("build", [detect_from_environment, trade_from_environment])
def test_wrong_setting_fails_the_cold_start(build):
    environment = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket", "PARALLEL_REQUESTS": "99"}
    with pytest.raises(SettingsError, match="PARALLEL_REQUESTS='99'"):
        build(environment)


LIVE = {
    "table_name": "table",
    "trading_mode": "live",
    "strategy": "fade",
    "live_trading_confirmation": "1",
    "bybit_secret_arn": "arn:aws:secretsmanager:eu-central-1:1:secret:x",
}


DEMO = {
    "table_name": "table",
    "trading_mode": "demo",
    "bybit_base_url": "https://api-demo.bybit.com",
    "bybit_secret_arn": LIVE["bybit_secret_arn"],
}


@pytest.mark.parametrize("mode", [DEMO, LIVE], ids=["demo", "live"])
def test_cold_start_asks_for_no_key_and_needs_to_know_its_secret(mode):
    environment = {name.upper(): value for name, value in mode.items()}
    trade_from_environment(environment)
    del environment["BYBIT_SECRET_ARN"]
    with pytest.raises(SettingsError, match="BYBIT_SECRET_ARN must be set when TRADING_MODE="):
        trade_from_environment(environment)


class Keys:
    """Secrets that give one key after the other; the last one stays."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.asked = []

    def exchange_key(self):
        self.asked.append("key")
        key = self.keys[0]
        if isinstance(key, Exception):
            raise key
        return ExchangeKey(key, "secret")

    def forget(self):
        self.asked.append("forget")
        self.rotate()

    def rotate(self):
        self.keys = self.keys[1:] or self.keys


class KeyedUseCase:
    """Does what the key that its connection was made with deserves."""

    def __init__(self, ports, settings):
        self.key = ports.market

    def run(self, tick, deadline, lease):
        if self.key == "old":
            raise KeyRefused("API key is invalid (code 10003)")
        if self.key == "bound":
            raise BadCredentials("unmatched IP (code 10010)")
        return TradeReport()


@pytest.fixture
def live(monkeypatch):
    """Build the function of a mode with these secrets; `made` names the keys it connected with."""
    monkeypatch.setattr("pumpwatch.bootstrap.trade.TradeSignals", KeyedUseCase)
    ports = ("journal", "signals", "halts", "locks")
    stores = TradeStores(
        **dict.fromkeys(ports), leases=MemoryLeaseStore(lambda: 0.0), totals=MemoryTotalsStore()
    )
    session = SimpleNamespace(
        start_run=lambda deadline: None,
        request_count=0,
        clock_skew_seconds=None,
        health=None,
        traffic=Traffic(),
    )

    def build(keys, mode=LIVE):
        made = []

        def connect(key):
            made.append(key.api_key)
            return BybitConnection(session, key.api_key)

        return trade_function(TradeSettings(**mode), stores, connect, secrets=keys), made

    return build


def test_key_that_is_a_placeholder_is_read_anew_in_the_next_run(live):
    keys = Keys(BadCredentials("still a placeholder"))
    run, _ = live(keys)
    for _ in range(2):
        with pytest.raises(BadCredentials):
            run.run(TICK, DEADLINE)
    assert keys.asked == ["key", "forget", "key", "forget"]


def test_rotated_key_is_picked_up_in_the_same_run_when_the_old_one_is_refused(live):
    keys = Keys("old", "new")
    run, made = live(keys)
    assert run.run(TICK, DEADLINE) is not None
    assert made == ["old", "new"]
    assert keys.asked == ["key", "forget", "key"]


def test_rotated_key_is_picked_up_when_the_cache_has_run_out(live):
    keys = Keys("first", "second")
    run, made = live(keys)
    run.run(TICK, DEADLINE)
    run.run(TICK, DEADLINE)
    keys.rotate()
    run.run(TICK, DEADLINE)
    assert made == ["first", "second"]


def test_demo_mode_trades_with_the_key_and_has_no_paper_account(live):
    run, made = live(Keys("first"), DEMO)
    assert run.run(TICK, DEADLINE) is not None
    assert made == ["first"]


@pytest.mark.parametrize(
    ("keys", "seconds", "error", "tried"),
    [
        (["old"], 25, KeyRefused, ["old", "old"]),
        (["old", "new"], 10, KeyRefused, ["old"]),
        (["bound"], 25, BadCredentials, ["bound"]),
        ([StoreUnavailable("throttled")], 25, StoreUnavailable, []),
    ],
    ids=["stays refused", "refused late", "lacks a right", "secret is silent"],
)
def test_key_is_tried_twice_at_most(live, keys, seconds, error, tried):
    run, made = live(Keys(*keys))
    with pytest.raises(error):
        run.run(TICK, ManualDeadline(seconds))
    assert made == tried


def test_warm_key_goes_on_while_the_secret_cannot_be_read(live):
    keys = Keys("first", StoreUnavailable("throttled"))
    run, made = live(keys)
    run.run(TICK, DEADLINE)
    keys.rotate()
    assert run.run(TICK, DEADLINE) is not None
    assert made == ["first"]
