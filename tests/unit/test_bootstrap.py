"""What surrounds the use cases: lease, metrics, refused events; and what each function loads."""

import logging
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import ClassVar

import pytest
from support.records import NOW, a_signal, a_trade, an_event
from support.trading_rig import settings

from pumpwatch.adapters.bybit import endpoints
from pumpwatch.adapters.bybit.refusals import word_of
from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.bootstrap.detect import describe as describe_detect
from pumpwatch.bootstrap.detect import detect_function
from pumpwatch.bootstrap.function import Function, HeldLease
from pumpwatch.bootstrap.numbers import describe as describe_trade
from pumpwatch.bootstrap.trade import trade_function
from pumpwatch.bootstrap.traffic import describe_traffic
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
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.guards import protections_from
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.memory import MemoryLeaseStore, MemoryTotalsStore

TICK = Tick(1_767_571_260_000, "run-1")


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self):
        return 25_000


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


def function(work, describe=lambda report, numbers: None, lease=None, seen=None):
    gateway = Gateway(seen)
    reporter = MetricsReporter(TRADE, MemoryTotalsStore(), gateway)
    lease = lease or HeldLease(MemoryLeaseStore(lambda: 0.0))
    return Function(TRADE, reporter=reporter, lease=lease, work=work, describe=describe), gateway


def test_good_run_pushes_its_success():
    run, gateway = function(lambda tick, deadline: "report")
    assert run.run(TICK, Context()) == "report"
    ((values, failed, _),) = gateway.pushes
    assert not failed
    assert values["pumpwatch_trade_runs_total", "success"] == 1
    assert values["pumpwatch_trade_last_success_timestamp_seconds",] > 1_700_000_000
    assert ("pumpwatch_trade_last_failure_timestamp_seconds",) not in values


def test_failed_run_pushes_its_failure_and_raises():
    def work(tick, deadline):
        raise ExchangeForbidden("403")

    run, gateway = function(work)
    with pytest.raises(ExchangeForbidden):
        run.run(TICK, Context())
    ((values, failed, _),) = gateway.pushes
    assert failed
    assert values["pumpwatch_trade_runs_total", "failure"] == 1
    assert values["pumpwatch_trade_runs_total", "success"] == 0


def test_busy_run_is_counted_but_not_pushed():
    run, gateway = function(lambda tick, deadline: None)
    assert run.run(TICK, Context()) is None
    assert gateway.pushes == []


def test_deadline_is_the_context_s():
    run, _ = function(lambda tick, deadline: deadline.seconds_left())
    assert run.run(TICK, Context()) == 25.0


def test_metrics_go_out_before_the_lease_is_given_back():
    leases = MemoryLeaseStore(lambda: 0.0)
    held = HeldLease(leases)

    def work(tick, deadline):
        held.release(held.acquire("trade", owner=tick.execution_id, seconds=30))
        return "report"

    def taken():
        try:
            leases.acquire("trade", owner="another", seconds=1)
        except LeaseHeld:
            return True
        return False

    run, gateway = function(work, lease=held, seen=taken)
    run.run(TICK, Context())
    assert gateway.pushes[0][2], "the lease was free while the metrics were pushed"
    assert not taken()


def test_lease_that_cannot_be_given_back_does_not_fail_the_run():
    class Broken:
        def acquire(self, name, *, owner, seconds):
            return MemoryLeaseStore(lambda: 0.0).acquire(name, owner=owner, seconds=seconds)

        def release(self, lease):
            raise StoreUnavailable("no answer")

    held = HeldLease(Broken())

    def work(tick, deadline):
        held.release(held.acquire("trade", owner=tick.execution_id, seconds=30))
        return "report"

    run, _ = function(work, lease=held)
    assert run.run(TICK, Context()) == "report"


@pytest.mark.parametrize(
    "error", [UndeclaredMetric("gauge x is not declared"), ValueError("-1"), ZeroDivisionError()]
)
def test_report_that_cannot_be_described_does_not_fail_the_run(caplog, error):
    def describe(report, numbers):
        raise error

    run, gateway = function(lambda tick, deadline: "report", describe)
    with caplog.at_level(logging.ERROR):
        assert run.run(TICK, Context()) == "report"
    assert gateway.pushes[0][0]["pumpwatch_trade_runs_total", "success"] == 1


def test_malformed_event_is_counted_and_answered():
    run, gateway = function(lambda tick, deadline: pytest.fail("nothing may be done"))
    answer = run.refuse(BadEvent("no scheduled_time"), Context())
    assert answer == {"error": "no scheduled_time"}
    ((values, failed, _),) = gateway.pushes
    assert failed
    assert values["pumpwatch_trade_bad_events_total",] == 1


def test_bad_records_of_a_batch_are_counted():
    run, gateway = function(lambda tick, deadline: "report")
    run.run(Tick(TICK.scheduled_time, "run", ("a",), bad_records=3), Context())
    assert gateway.pushes[0][0]["pumpwatch_trade_bad_events_total",] == 3


ALWAYS = {
    "last_success_timestamp_seconds", "last_failure_timestamp_seconds", "duration_seconds",
    "last_uncounted_timestamp_seconds",
}  # fmt: skip


@pytest.mark.parametrize(
    ("job", "describe"),
    [
        (DETECT, lambda numbers: describe_detect(DetectReport(time=1), numbers)),
        (TRADE, lambda numbers: describe_trade(full_trade_report(), numbers, mode="paper")),
    ],
)
def test_every_gauge_of_the_list_is_set_by_a_run(job, describe):
    numbers = RunNumbers(job)
    describe(numbers)
    declared = {
        metric.name.removeprefix(f"{job}_")
        for metric in METRICS
        if metric.job == job and metric.kind == "gauge" and not metric.is_open
    }
    described = {key.partition("|")[0].removeprefix(f"{job}_") for key in numbers.gauges}
    warm = {"clock_skew_seconds"}
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


def test_trade_report_is_counted_by_leg_and_outcome():
    numbers = RunNumbers(TRADE)
    describe_trade(full_trade_report(), numbers, mode="live")
    assert numbers.increments["pumpwatch_trade_orders_total|leg=entry,outcome=filled"] == 2
    assert numbers.gauges["pumpwatch_trade_mode_info|mode=live"] == 1
    assert numbers.gauges["pumpwatch_trade_mode_info|mode=paper"] == 0
    assert numbers.increments["pumpwatch_trade_repairs_total|kind=resized"] == 3
    assert numbers.gauges["pumpwatch_trade_entries_blocked|reason=access"] == 1
    assert numbers.gauges["pumpwatch_trade_entries_blocked|reason=halt"] == 0
    assert numbers.gauges["pumpwatch_trade_locks|protection=drawdown"] == 1
    assert numbers.gauges["pumpwatch_trade_locks|protection=stale_data"] == 0
    assert numbers.gauges["pumpwatch_trade_key_expiry_timestamp_seconds"] == 1


def test_what_a_run_could_not_do_is_counted_by_its_word():
    report = TradeReport(exits_overdue=2, exits_refused=3, care_missed=4, signals_unopened=5)
    for cause in PROBLEMS:
        report.problem("no answer", time=1, cause=cause)
    report.unreadable.update(LISTS)
    numbers = RunNumbers(TRADE)
    describe_trade(report, numbers, mode="live")
    counted = {
        key.removeprefix(f"{TRADE}_"): amount
        for key, amount in numbers.increments.items()
        if amount
    }
    assert counted == {
        "exits_refused_total": 3,
        "care_missed_total": 4,
        "signals_unopened_total": 5,
        **{f"problems_total|kind={kind}": 1 for kind in PROBLEMS},
        **{f"unreadable_rows_total|list={name}": 1 for name in LISTS},
    }
    assert numbers.gauges["pumpwatch_trade_exits_overdue"] == 2


def test_lock_s_end_is_shown_by_protection():
    numbers = RunNumbers(TRADE)
    report = TradeReport()
    report.locks += [Lock("drawdown", "deep", 1, 5_000), Lock("drawdown", "deep", 1, 9_000)]
    describe_trade(report, numbers, mode="paper")
    assert numbers.gauges["pumpwatch_trade_locks|protection=drawdown"] == 2
    assert numbers.gauges["pumpwatch_trade_lock_end_timestamp_seconds|protection=drawdown"] == 9
    assert numbers.gauges["pumpwatch_trade_lock_end_timestamp_seconds|protection=stale_data"] == 0


@pytest.mark.parametrize(
    ("side", "price", "bucket"),
    [("buy", "101", "0.01"), ("sell", "99", "0.01"), ("sell", "102", "0.0")],
)
def test_fills_are_shown_with_their_price_and_entries_with_what_was_lost(side, price, bucket):
    trade = a_trade(side=Side(side), signal_price=Decimal(100), entry_price=Decimal(price))
    closed = a_trade("other", symbol="BUSDT", exit_price=Decimal(7))
    numbers = RunNumbers(TRADE)
    describe_trade(TradeReport(opened=[trade], closed=[closed]), numbers, mode="paper")
    shown = {
        (one.labels["symbol"], one.labels["leg"]): one.value for one in numbers.open_series.values()
    }
    assert shown == {(trade.symbol, "entry"): float(price), ("BUSDT", "exit"): 7.0}
    assert numbers.increments[f"pumpwatch_trade_entry_slippage_ratio|le={bucket}"] == 1


def shown_events(report):
    numbers = RunNumbers(DETECT)
    describe_detect(report, numbers)
    return {(one.labels["symbol"], one.labels["phase"]) for one in numbers.open_series.values()}


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

    def work(tick, deadline):
        traffic.note("/v5/market/tickers", 10006, 0.3)
        traffic.note("/v5/market/tickers", 0, 0.03)
        raise ExchangeForbidden("403")

    gateway = Gateway()
    run = Function(
        DETECT,
        reporter=MetricsReporter(DETECT, MemoryTotalsStore(), gateway),
        lease=HeldLease(MemoryLeaseStore(lambda: 0.0)),
        work=work,
        describe=lambda report, numbers: None,
        describe_always=lambda numbers: describe_traffic(traffic.take(), numbers),
    )
    for count in (1, 2):
        with pytest.raises(ExchangeForbidden):
            run.run(Tick(TICK.scheduled_time, f"run-{count}"), Context())
        values = gateway.pushes[-1][0]
        name = "pumpwatch_detect_api_requests_total"
        assert values[name, "market/tickers", "rate_limited"] == count
        assert values[name, "market/tickers", "ok"] == count
        assert values[name, "market/kline", "ok"] == 0
        name = "pumpwatch_detect_api_latency_seconds"
        assert values[f"{name}_bucket", "0.05", "market/tickers"] == count
        assert values[f"{name}_bucket", "0.5", "market/tickers"] == 2 * count
        assert values[f"{name}_count", "market/tickers"] == 2 * count


def test_every_endpoint_and_every_code_has_its_label():
    declared = [one for one in vars(endpoints).values() if isinstance(one, endpoints.Endpoint)]
    assert {one.path.removeprefix("/v5/") for one in declared} == set(ENDPOINTS)
    public = {one.path.removeprefix("/v5/") for one in declared if not one.private}
    assert public == set(PUBLIC_ENDPOINTS)
    words = {word_of(code) for code in [-1, 0, 401, 403, 404, 429, 500, 503, 10_000, 10_002, 10_003,
             10_005, 10_006, 10_016, 10_018, 33_004, 110_007, 110_043, 170_146]}  # fmt: skip
    assert words == set(API_CODES)


@pytest.mark.parametrize(
    ("code", "word"),
    [(0, "ok"), (110043, "ok"), (10006, "rate_limited"), (429, "rate_limited"), (403, "forbidden"),
     (10018, "forbidden"), (401, "key_refused"), (10010, "key_refused"), (33004, "key_refused"),
     (10002, "clock"), (10016, "unavailable"), (502, "unavailable"), (110007, "refused"),
     (404, "refused"), (-1, "no_answer")],
)  # fmt: skip
def test_codes_come_to_words(code, word):
    assert word_of(code) == word


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


@pytest.mark.parametrize("build", [detect_function, trade_function])
def test_wrong_setting_fails_the_cold_start(build):
    environment = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket", "PARALLEL_REQUESTS": "99"}
    with pytest.raises(SettingsError, match="PARALLEL_REQUESTS='99'"):
        build(environment)


def test_cold_start_asks_for_no_key():
    trade_function(
        {
            "TABLE_NAME": "table",
            "TRADING_MODE": "live",
            "STRATEGY": "fade",
            "LIVE_TRADING_CONFIRMATION": "1",
            "BYBIT_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:x",
        }
    )


LIVE = {
    "TABLE_NAME": "table",
    "TRADING_MODE": "live",
    "STRATEGY": "fade",
    "LIVE_TRADING_CONFIRMATION": "1",
    "BYBIT_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:x",
}


class Keys:
    """Secrets that give one key after the other; the last one stays."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.asked = []

    def __call__(self, key_arn, push_arn=""):
        return self

    def exchange_key(self):
        self.asked.append("key")
        key = self.keys[0]
        if isinstance(key, Exception):
            raise key
        return ExchangeKey(key, "secret")

    def push_credentials(self):
        return None

    def forget(self):
        self.asked.append("forget")
        self.rotate()

    def rotate(self):
        self.keys = self.keys[1:] or self.keys


class Desk:
    """Stands for the use case: does what the key that it was made with deserves."""

    made: ClassVar[list[str]] = []
    session = SimpleNamespace(
        start_run=lambda deadline: None, request_count=0, clock_skew_seconds=None
    )

    def __init__(self, settings, table, lease, key, traffic):
        self.key, self.lease = key, lease
        self.use_case = self
        self.made.append(key.api_key)

    def run(self, tick, deadline):
        self.lease.release(self.lease.acquire("trade", owner=tick.execution_id, seconds=30))
        if self.key.api_key == "old":
            raise KeyRefused("API key is invalid (code 10003)")
        if self.key.api_key == "bound":
            raise BadCredentials("unmatched IP (code 10010)")
        return TradeReport()


@pytest.fixture
def live(monkeypatch):
    """Build the live function with these secrets; the lease is a real one in memory."""

    def build(keys):
        leases = MemoryLeaseStore(lambda: 0.0)
        names = {
            "SecretsManagerSecrets": keys,
            "_desk": Desk,
            "DynamoLeaseStore": lambda table: leases,
            "metrics_reporter": lambda job, settings, table, secrets: MetricsReporter(
                job, MemoryTotalsStore(), None
            ),
        }
        for name, stand_in in names.items():
            monkeypatch.setattr(f"pumpwatch.bootstrap.trade.{name}", stand_in)
        Desk.made.clear()
        return trade_function(LIVE)

    return build


def test_key_that_is_a_placeholder_is_read_anew_in_the_next_run(live):
    keys = Keys(BadCredentials("still a placeholder"))
    run = live(keys)
    for _ in range(2):
        with pytest.raises(BadCredentials):
            run.run(TICK, Context())
    assert keys.asked == ["key", "forget", "key", "forget"]


def test_rotated_key_is_picked_up_in_the_same_run_when_the_old_one_is_refused(live):
    keys = Keys("old", "new")
    run = live(keys)
    assert run.run(TICK, Context()) is not None
    assert Desk.made == ["old", "new"]
    assert keys.asked == ["key", "forget", "key"]


def test_rotated_key_is_picked_up_when_the_cache_has_run_out(live):
    keys = Keys("first", "second")
    run = live(keys)
    run.run(TICK, Context())
    run.run(TICK, Context())
    keys.rotate()
    run.run(TICK, Context())
    assert Desk.made == ["first", "second"]


def test_key_that_stays_refused_is_tried_twice_and_no_more(live):
    keys = Keys("old")
    with pytest.raises(KeyRefused):
        live(keys).run(TICK, Context())
    assert Desk.made == ["old", "old"]


def test_key_that_is_refused_late_is_left_to_the_next_run(live):
    class Late(Context):
        def get_remaining_time_in_millis(self):
            return 10_000

    with pytest.raises(KeyRefused):
        live(Keys("old", "new")).run(TICK, Late())
    assert Desk.made == ["old"]


def test_key_without_a_right_is_not_tried_again(live):
    with pytest.raises(BadCredentials):
        live(Keys("bound")).run(TICK, Context())
    assert Desk.made == ["bound"]


def test_warm_key_goes_on_while_the_secret_cannot_be_read(live):
    keys = Keys("first", StoreUnavailable("throttled"))
    run = live(keys)
    run.run(TICK, Context())
    keys.rotate()
    assert run.run(TICK, Context()) is not None
    assert Desk.made == ["first"]


def test_secret_that_cannot_be_read_fails_a_cold_run(live):
    with pytest.raises(StoreUnavailable):
        live(Keys(StoreUnavailable("throttled"))).run(TICK, Context())


def test_detect_loads_neither_the_trading_code_nor_the_secrets():
    program = (
        "import sys, pumpwatch.bootstrap.detect, pumpwatch.bootstrap.logs\n"
        "print(*sorted(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(answer.stdout.split())
    assert "pumpwatch.usecases.detect.detect_pumps" in loaded
    forbidden = {
        "pumpwatch.bootstrap.trade",
        "pumpwatch.usecases.trade.trade_signals",
        "pumpwatch.adapters.secrets_manager",
        "aws_lambda_powertools.utilities.parameters",
        "moto",
        "pumpwatch_workbench",
    }
    assert not loaded & forbidden
