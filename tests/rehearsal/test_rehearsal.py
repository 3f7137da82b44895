"""A stack's life, deployed for real: an emulator of AWS takes `sam deploy`, real servers watch.

The steps follow each other, as they would for an operator; each needs the ones before it.
`make rehearsal` runs them in this order, ARGS=--long with more time for scans.
"""

import json
import time
from collections import Counter
from functools import partial

import pytest
from rehearsal.cloud import EMULATOR, SAM
from rehearsal.market import TICKERS
from rehearsal.world import FIGURES, INTERVAL, MINUTES, NEW, STACK, STAGE, wait_for, world
from support.panel_answers import panel_faults
from support.servers import needs_server

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.domain.trading.orders import Outcome
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch_workbench.operations.costs.model import HANDOVER_READS

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not EMULATOR.exists(), reason="no emulator is installed: make rehearsal"),
    pytest.mark.skipif(not SAM.exists(), reason="sam is not installed: make rehearsal"),
    needs_server("prometheus"),
    needs_server("prometheus-alertmanager"),
    needs_server("prometheus-pushgateway"),
]
CHARTS = "https://www.tradingview.com/chart/"
TWO = "pumpwatch-two"
"""A second stack, in a market without pumps."""
LAMBDA = "Lambda itself asks, as the function's role, which the emulator does not"
UNUSED = {
    "Detect": {
        "dynamodb:DeleteItem": "an event is over after an hour",
        "logs:CreateLogStream": LAMBDA,
        "logs:PutLogEvents": LAMBDA,
        "s3:ListBucket": "S3 looks for it when an object is not there",
        "sqs:DeleteMessage": LAMBDA,
        "sqs:GetQueueAttributes": LAMBDA,
        "sqs:ReceiveMessage": LAMBDA,
    },
    "Trade": {
        "dynamodb:DescribeStream": LAMBDA,
        "dynamodb:GetRecords": LAMBDA,
        "dynamodb:GetShardIterator": LAMBDA,
        "dynamodb:ListStreams": LAMBDA,
        "logs:CreateLogStream": LAMBDA,
        "logs:PutLogEvents": LAMBDA,
        "sqs:SendMessage": LAMBDA,
    },
}
"""What a role may do and the functions did not ask for in person, and why it must be allowed."""
KILLED = 15.0
"""Seconds until scans go on after a run was killed."""


@pytest.fixture(scope="module")
def w(tmp_path_factory):
    with world(tmp_path_factory.mktemp("rehearsal")) as made:
        yield made


def text_of(done):
    return done.stdout + done.stderr


def ended_well(done):
    assert done.returncode == 0, text_of(done)
    return done.stdout


def retained(w, stack):
    """Return what a stack has left in the account."""
    names = w.cloud.client("dynamodb").list_tables()["TableNames"]
    names += [b["Name"] for b in w.cloud.client("s3").list_buckets()["Buckets"]]
    names += [s["Name"] for s in w.cloud.client("secretsmanager").list_secrets()["SecretList"]]
    groups = w.cloud.client("logs").describe_log_groups()["logGroups"]
    names += [group["logGroupName"].removeprefix("/pumpwatch/") for group in groups]
    return [name for name in names if name.startswith(stack)]


def test_deploy_that_cannot_work_is_refused_with_the_parameters_name(w):
    w.build()
    for name, given in [
        ("LiveTradingConfirmation", "TradingMode=live"),
        ("BybitBaseUrl", "BybitBaseUrl=https://example.com"),
        ("ReservedConcurrency", "ReservedConcurrency=1"),
    ]:
        refused = w.cloud.before_deploy("--stack-name", STACK, "--parameter-overrides", given)
        assert refused.returncode == 1, text_of(refused)
        assert name in text_of(refused)
    refused = w.deploy(TradingMode="live")
    assert "LiveTradingConfirmation" in text_of(refused), "by the template's rules, too"


def test_first_deploy_that_fails_is_explained_and_leaves_nothing(w):
    failed = w.deploy(ReservedConcurrency=1)
    assert failed.returncode != 0
    told = w.cloud.pumpwatch("doctor", "--stack", STACK)
    assert told.returncode == 1, text_of(told)
    assert "ROLLBACK_COMPLETE" in told.stdout
    assert "sam delete" in told.stdout
    assert "ReservedConcurrentExecutions" in told.stdout
    assert retained(w, STACK) == []
    ended_well(w.cloud.delete(w.source, STACK))


def test_stack_is_complete_and_both_schedules_fire(w):
    ended_well(w.deploy())
    (stack,) = w.cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    for function in ("detect", "trade"):
        calls = wait_for(partial(w.scheduled, STACK, function))
        assert not calls[0]["error"], calls[0]
    w.wait_for_scans(3)
    w.begun = w.market.exchange.scans()[0]


def test_second_stack_stands_beside_the_first(w):
    ended_well(w.deploy(TWO, "two", BybitBaseUrl=w.quiet.server.url))
    first, second = w.cloud.outputs(STACK), w.cloud.outputs(TWO)
    shared = {name for name in first if first[name] == second.get(name)}
    assert shared <= {"TradingMode", "BybitBaseUrl", "PushgatewayUrl"}, shared
    schedules = w.cloud.client("scheduler").list_schedules()["Schedules"]
    assert {s["Name"] for s in schedules} >= {first["DetectSchedule"], second["DetectSchedule"]}


def test_signal_becomes_a_trade_with_its_stop_and_a_message(w):
    (trade, *_) = wait_for(lambda: traded(w))
    assert trade.stop_loss
    wait_for(partial(w.woken, STACK, "trade"))
    wait_for(partial(w.about, trade.symbol, "opened", CHARTS))
    assert w.shown(f'pumpwatch_trade_fill_price_usdt{{symbol="{trade.symbol}"}}')
    rising = {signal.symbol for signal in w.signals() if signal.phase == "rising"}
    assert rising
    for symbol in rising:
        wait_for(partial(w.about, symbol, "pumped", CHARTS))
        assert w.shown(f'pumpwatch_detect_pump_event_active{{symbol="{symbol}"}}')
    assert "paper mode" in ended_well(w.cloud.pumpwatch("status", "--stack", STACK))


def traded(w, since=0):
    return [t for t in w.trades(since) if t.state is not TradeState.DROPPED]


def test_scans_go_on_after_a_run_was_killed(w, request):
    detect = w.cloud.outputs(STACK)["DetectFunction"]
    for _ in range(9 if request.config.getoption("--long") else 3):
        with w.disturbance(KILLED):
            killed = w.kill_when(TICKERS, detect)
            wait_for(killed.is_set)
            w.wait_for_scans(2)


def test_exchange_that_is_away_is_told_and_survived(w, request):
    with w.disturbance(5 * MINUTES), w.market.away():
        time.sleep(3 * MINUTES if request.config.getoption("--long") else MINUTES)
        assert w.cloud.pumpwatch("doctor", "--stack", STACK).returncode == 1
    w.wait_for_scans(3)


def test_update_in_flight_goes_live_with_new_code(w):
    outputs = w.cloud.outputs(STACK)
    credentials = w.market.credentials
    key = {"api_key": credentials.api_key, "api_secret": credentials.api_secret}
    secrets = w.cloud.client("secretsmanager")
    secrets.put_secret_value(SecretId=outputs["ExchangeKeyArn"], SecretString=json.dumps(key))
    w.went_live = int(time.time() * 1000)
    ended_well(
        w.deploy(
            source=w.new_version,
            TradingMode="live",
            LiveTradingConfirmation=credentials.user_id,
            MaxOpenPositions=3,
        )
    )
    assert w.cloud.outputs(STACK)["StateTable"] == outputs["StateTable"]
    wait_for(lambda: NEW in log_of(w, "detect"))
    told = w.cloud.pumpwatch("doctor", "--stack", STACK)
    assert "fail" not in told.stdout, text_of(told)
    assert [trade for trade in w.trades() if trade.halts] == [], "paper trades wait for paper mode"
    assert key["api_secret"] not in text_of(told) + log_of(w, "trade")


def log_of(w, function):
    pages = w.cloud.client("logs").get_paginator("filter_log_events")
    group = f"/pumpwatch/{STACK}/{function}"
    return "\n".join(e["message"] for p in pages.paginate(logGroupName=group) for e in p["events"])


def test_trade_killed_after_its_order_has_one_order_and_one_stop(w):
    exchange = w.market.exchange
    killed = w.kill_when("/v5/order/create", w.cloud.outputs(STACK)["TradeFunction"])
    wait_for(killed.is_set)
    (entered, *_) = wait_for(lambda: [t for t in traded(w, w.went_live) if t.entry_price])
    state = exchange.state()
    assert state["duplicate_fills"] == []
    assert state["unprotected_ms_max"] == 0
    own = [order for order in state["orders"] if order["symbol"] == entered.symbol]
    assert len([order for order in own if order["side"] == "Buy" and not order["reduceOnly"]]) == 1
    wait_for(lambda: w.about(entered.symbol, "opened", CHARTS))


def test_halt_closes_positions_and_resume_lets_trade_again(w):
    wait_for(lambda: w.market.exchange.state()["positions"])
    halt = ("halt", "--stack", STACK, "--reason", "rehearsal", "--close-positions")
    ended_well(w.cloud.pumpwatch(*halt, "--stage", STAGE))
    wait_for(lambda: not w.market.exchange.state()["positions"])
    wait_for(lambda: w.about("halt", "<!here>", webhook="critical"))
    assert "rehearsal" in w.cloud.pumpwatch("status", "--stack", STACK).stdout
    ended_well(w.cloud.pumpwatch("resume", "--stack", STACK, "--reason", "rehearsed"))
    told = ended_well(w.cloud.pumpwatch("doctor", "--stack", STACK))
    assert "entries are allowed" in told


def test_report_and_compare_read_the_stage(w):
    page = w.cloud.folder / "report.html"
    ended_well(w.cloud.pumpwatch("report", "--stage", STAGE, "--out", page))
    symbols = {trade.symbol for trade in traded(w)}
    assert all(symbol in page.read_text() for symbol in symbols)
    candles = w.cloud.folder / "candles"
    day_before = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() - 26 * 3600))
    ended_well(
        w.cloud.pumpwatch(
            *("download", "--symbols", ",".join(sorted(symbols)), "--from", day_before),
            *("--base-url", w.market.server.url, "--out", candles),
        )
    )
    begin = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() - 3600))
    table = w.cloud.outputs(STACK)["StateTable"]
    compared = ended_well(
        w.cloud.pumpwatch(
            *("compare", candles, "--table", table, "--from", begin, "--json"),
            *("--report", w.cloud.folder / "compare.html"),
        )
    )
    assert json.loads(compared)


def test_price_on_the_costs_page_is_what_was_counted(w):
    minutes = 3
    runs = wait_for(lambda: longer_than(w.scheduled(TWO, "detect"), minutes + 2))
    begin, end = runs[-1 - minutes]["started"], runs[-1]["started"]
    counted, expected = w.counted(TWO, begin, end), w.expected()
    FIGURES.append(f"detect and its scans used a minute: {counted}; the costs page: {expected}")
    FIGURES.append(f"milliseconds billed, median: {w.billed(TWO, begin, end)}")
    for what, number in expected.items():
        # A second instance is there in some minutes and not in others.
        least = number - HANDOVER_READS if what == "bucket reads" else number
        assert least * 0.9 - 0.5 <= counted[what] <= number * 1.1 + 0.5, what
    ended_well(w.cloud.delete(w.source, TWO))
    left = {s["Name"] for s in w.cloud.client("scheduler").list_schedules()["Schedules"]}
    first = w.cloud.outputs(STACK)
    assert left == {first["DetectSchedule"], first["TradeSchedule"]}
    assert "fail" not in w.cloud.pumpwatch("doctor", "--stack", STACK).stdout


def longer_than(calls, count):
    return calls if len(calls) > count else []


def test_roles_use_what_they_are_allowed_and_nothing_is_denied(w):
    decisions = w.cloud.decisions()
    assert [d for d in decisions if d[2] == "denied"] == []
    iam = w.cloud.client("iam")
    for function, explained in UNUSED.items():
        (role,) = {role for role, *_ in decisions if role.startswith(f"{STACK}-{function}Role-")}
        policy = iam.get_role_policy(RoleName=role, PolicyName=function.lower())
        allowed = set()
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            allowed |= {actions} if isinstance(actions, str) else set(actions)
        used = {action for name, action, _ in decisions if name == role}
        assert allowed - used <= explained.keys()
        assert explained.keys() <= allowed


def test_scans_were_even_and_none_was_judged_twice(w):
    for allowed in (2 * INTERVAL, KILLED):
        pauses = sorted(w.pauses(allowed))
        FIGURES.append(f"longest pause between scans, of {allowed:.0f} s: {pauses[-1]:.1f} s")
        assert pauses[-1] <= allowed
    judged = Counter(
        max(json.loads(record["body"])["slot"] for record in call["event"]["Records"])
        for call in w.cloud.invocations(STACK, "detect")
        if "Records" in call["event"] and "symbols" in (call["answer"] or {})
    )
    assert max(judged.values()) == 1


def test_every_panel_and_the_counters_say_what_happened(w):
    journal = DynamoJournal(w.table())
    orders = [order for trade in w.trades() for order in journal.orders(trade.signal_id)]
    filled = sum(order.outcome is Outcome.FILLED for order in orders)
    counted = f'sum(pumpwatch_trade_orders_total{{outcome="filled",stage="{STAGE}"}})'
    assert w.server.value(counted) == filled > 0
    begin = w.begun + 30
    assert panel_faults(w.server.url, start=begin, end=time.time(), stage=STAGE) == []


def test_stack_is_deleted_and_its_data_kept_for_the_next(w):
    table, trades = w.table(), len(w.trades())
    name = w.cloud.outputs(STACK)["StateTable"]
    ended_well(w.cloud.delete(w.source, STACK))
    assert w.cloud.client("scheduler").list_schedules()["Schedules"] == []
    assert len(DynamoJournal(table).trades_since(0)) == trades
    w.cloud.adopt(STACK, name)
    ended_well(w.deploy())
    assert w.cloud.outputs(STACK)["StateTable"] == name
    assert len(w.trades()) == trades
    calls = len(w.cloud.invocations(STACK, "trade"))
    wait_for(lambda: longer_than(w.cloud.invocations(STACK, "trade"), calls))
