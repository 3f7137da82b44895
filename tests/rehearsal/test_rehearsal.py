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
from rehearsal.world import FIGURES, INTERVAL, MINUTES, NEW, STACK, STAGE, running_world, wait_for
from support.panel_answers import panel_faults
from support.servers import needs_server

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.domain.trading.orders import Outcome
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch_workbench.operations.costs.model import TURN_OBJECTS, TURN_QUERIES

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
ABSENT = "S3 looks for it when an object is not there"
UNUSED = {
    "Detect": {
        "dynamodb:DeleteItem": "an event is over after an hour",
        "logs:CreateLogStream": LAMBDA,
        "logs:PutLogEvents": LAMBDA,
        "s3:ListBucket": ABSENT,
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
        "s3:ListBucket": ABSENT,
        "sqs:SendMessage": LAMBDA,
    },
}
"""What a role may do and the functions did not ask for in person, and why it must be allowed."""
VARIES = {"bucket reads": TURN_OBJECTS + 1, "table reads": TURN_QUERIES, "bucket writes": 1}
"""How much more or less a minute can be: two instances take turns more or less often, the minute's
run reads nothing where its instance made the last scan, and the ring is saved with the first scan
after 15 seconds."""
KILLED = 15.0
"""Seconds until scans go on after a run was killed."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with running_world(tmp_path_factory.mktemp("rehearsal")) as made:
        yield made


def text_of(done):
    return done.stdout + done.stderr


def ended_well(done):
    assert done.returncode == 0, text_of(done)
    return done.stdout


def retained(world, stack):
    """Return what a stack has left in the account."""
    names = world.cloud.client("dynamodb").list_tables()["TableNames"]
    names += [b["Name"] for b in world.cloud.client("s3").list_buckets()["Buckets"]]
    names += [s["Name"] for s in world.cloud.client("secretsmanager").list_secrets()["SecretList"]]
    groups = world.cloud.client("logs").describe_log_groups()["logGroups"]
    names += [group["logGroupName"].removeprefix("/pumpwatch/") for group in groups]
    return [name for name in names if name.startswith(stack)]


def test_deploy_that_cannot_work_is_refused_with_the_parameters_name(world):
    world.build()
    for name, given in [
        ("LiveTradingConfirmation", "TradingMode=live"),
        ("BybitBaseUrl", "BybitBaseUrl=https://example.com"),
        ("ReservedConcurrency", "ReservedConcurrency=1"),
    ]:
        refused = world.cloud.before_deploy("--stack-name", STACK, "--parameter-overrides", given)
        assert refused.returncode == 1, text_of(refused)
        assert name in text_of(refused)
    refused = world.deploy(TradingMode="live")
    assert "LiveTradingConfirmation" in text_of(refused), "by the template's rules, too"


def test_first_deploy_that_fails_is_explained_and_leaves_nothing(world):
    failed = world.deploy(ReservedConcurrency=1)
    assert failed.returncode != 0
    told = world.cloud.pumpwatch("doctor", "--stack", STACK)
    assert told.returncode == 1, text_of(told)
    assert "ROLLBACK_COMPLETE" in told.stdout
    assert "sam delete" in told.stdout
    assert "ReservedConcurrentExecutions" in told.stdout
    assert retained(world, STACK) == []
    ended_well(world.cloud.delete(world.source, STACK))


def test_stack_is_complete_and_both_schedules_fire(world):
    ended_well(world.deploy())
    (stack,) = world.cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    for function in ("detect", "trade"):
        calls = wait_for(partial(world.scheduled, STACK, function))
        assert not calls[0]["error"], calls[0]
    world.wait_for_scans(3)
    world.begun = world.market.exchange.scans()[0]


def test_second_stack_stands_beside_the_first(world):
    ended_well(world.deploy(TWO, "two", BybitBaseUrl=world.quiet.server.url))
    first, second = world.cloud.outputs(STACK), world.cloud.outputs(TWO)
    shared = {name for name in first if first[name] == second.get(name)}
    assert shared <= {"TradingMode", "BybitBaseUrl", "PushgatewayUrl"}, shared
    schedules = world.cloud.client("scheduler").list_schedules()["Schedules"]
    assert {s["Name"] for s in schedules} >= {first["DetectSchedule"], second["DetectSchedule"]}


def test_signal_becomes_a_trade_with_its_stop_and_a_message(world):
    (trade, *_) = wait_for(lambda: traded(world))
    assert trade.stop_loss
    wait_for(partial(world.woken, STACK, "trade"))
    wait_for(partial(world.about, trade.symbol, "opened", CHARTS))
    assert world.shown(f'pumpwatch_trade_fill_price_usdt{{symbol="{trade.symbol}"}}')
    rising = {signal.symbol for signal in world.signals() if signal.phase == "rising"}
    assert rising
    for symbol in rising:
        wait_for(partial(world.about, symbol, "pumped", CHARTS))
        assert world.shown(f'pumpwatch_detect_pump_event_active{{symbol="{symbol}"}}')
    assert "paper mode" in ended_well(world.cloud.pumpwatch("status", "--stack", STACK))
    ended_well(world.cloud.pumpwatch("doctor", "--stack", STACK, "--post-deploy"))


def traded(world, *modes):
    """Return the trades with a position, in some modes or in any."""
    made = [trade for trade in world.trades() if trade.state is not TradeState.DROPPED]
    return [trade for trade in made if not modes or trade.mode in modes]


def test_scans_go_on_after_a_run_was_killed(world, request):
    detect = world.cloud.outputs(STACK)["DetectFunction"]
    for _ in range(9 if request.config.getoption("--long") else 3):
        with world.disturbance(KILLED):
            killed = world.kill_when(TICKERS, detect)
            wait_for(killed.is_set)
            world.wait_for_scans(2)


def test_update_in_flight_goes_live_with_new_code(world):
    outputs = world.cloud.outputs(STACK)
    credentials = world.market.credentials
    key = {"api_key": credentials.api_key, "api_secret": credentials.api_secret}
    secrets = world.cloud.client("secretsmanager")
    secrets.put_secret_value(SecretId=outputs["ExchangeKeyArn"], SecretString=json.dumps(key))
    ended_well(
        world.deploy(
            source=world.new_version,
            TradingMode="live",
            LiveTradingConfirmation=credentials.user_id,
            MaxOpenPositions=3,
        )
    )
    assert world.cloud.outputs(STACK)["StateTable"] == outputs["StateTable"]
    wait_for(lambda: NEW in log_of(world, "detect"))
    told = world.cloud.pumpwatch("doctor", "--stack", STACK)
    assert "fail" not in told.stdout, text_of(told)
    assert [trade for trade in world.trades() if trade.halts] == [], (
        "paper trades wait for paper mode"
    )
    assert key["api_secret"] not in text_of(told) + log_of(world, "trade")


def log_of(world, function):
    pages = world.cloud.client("logs").get_paginator("filter_log_events")
    group = f"/pumpwatch/{STACK}/{function}"
    return "\n".join(e["message"] for p in pages.paginate(logGroupName=group) for e in p["events"])


def test_trade_killed_after_its_order_has_one_order_and_one_stop(world):
    exchange = world.market.exchange
    killed = world.kill_when("/v5/order/create", world.cloud.outputs(STACK)["TradeFunction"])
    wait_for(killed.is_set)
    (entered, *_) = wait_for(lambda: [t for t in traded(world, "live") if t.entry_price])
    state = exchange.state()
    assert state["duplicate_fills"] == []
    assert state["unprotected_ms_max"] == 0
    own = [order for order in state["orders"] if order["symbol"] == entered.symbol]
    assert len([order for order in own if order["side"] == "Buy" and not order["reduceOnly"]]) == 1
    wait_for(lambda: world.about(entered.symbol, "opened", CHARTS))


def test_person_closes_a_single_trade(world):
    told = wait_for(partial(closed_by_hand, world))
    trade, state = told["trade"], world.market.exchange.state()
    exits = [order for order in state["orders"] if order["symbol"] == trade["symbol"]]
    assert any(order["reduceOnly"] and order["side"] == "Sell" for order in exits)
    result = f"{trade['symbol']} long closed"
    wait_for(partial(world.about_any, trade["symbol"], result, "result"))


def closed_by_hand(world):
    """Return what `close` says once it was not the stop or the target that ended the trade."""
    still_open = [t for t in traded(world, "live") if t.state is TradeState.OPEN]
    for trade in still_open[-1:]:
        done = world.cloud.pumpwatch("close", trade.symbol, "--stack", STACK, "--json")
        told = json.loads(done.stdout) if done.returncode == 0 else None
        if told is not None and told["trade"]["exit_reason"] == "by_hand":
            return told
    return None


def test_halt_closes_positions_and_resume_lets_trade_again(world):
    wait_for(lambda: world.market.exchange.state()["positions"])
    halt = ("halt", "--stack", STACK, "--reason", "rehearsal", "--close-positions")
    ended_well(world.cloud.pumpwatch(*halt, "--yes"))
    wait_for(lambda: not world.market.exchange.state()["positions"])
    wait_for(lambda: world.about("halt", "<!here>", webhook="critical"))
    for trade in traded(world, "live"):
        if trade.state is TradeState.CLOSED:
            result = f"{trade.symbol} long closed {trade.realised_pnl:+.2f} USDT"
            sentence = f"result {trade.realised_pnl:+.2f} USDT"
            wait_for(partial(world.about_any, trade.symbol, result, sentence))
    assert "rehearsal" in world.cloud.pumpwatch("status", "--stack", STACK).stdout
    ended_well(world.cloud.pumpwatch("resume", "--stack", STACK, "--reason", "rehearsed"))
    told = ended_well(world.cloud.pumpwatch("doctor", "--stack", STACK))
    assert "entries are allowed" in told
    (over, *_) = wait_for(lambda: world.about("Resolved after", "halt", webhook="critical"))
    assert "<!here>" not in over


def test_report_and_compare_read_the_stage(world):
    page = world.cloud.folder / "report.html"
    ended_well(world.cloud.pumpwatch("report", "--stage", STAGE, "--out", page))
    symbols = {trade.symbol for trade in traded(world)}
    assert all(symbol in page.read_text() for symbol in symbols)
    candles = world.cloud.folder / "candles"
    day_before = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() - 26 * 3600))
    ended_well(
        world.cloud.pumpwatch(
            *("download", "--symbols", ",".join(sorted(symbols)), "--from", day_before),
            *("--base-url", world.market.server.url, "--out", candles),
        )
    )
    begin = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() - 3600))
    table = world.cloud.outputs(STACK)["StateTable"]
    compared = ended_well(
        world.cloud.pumpwatch(
            *("compare", candles, "--table", table, "--from", begin, "--json"),
            *("--report", world.cloud.folder / "compare.html"),
        )
    )
    assert json.loads(compared)


def test_price_on_the_costs_page_is_what_was_counted(world):
    minutes = 3
    runs = wait_for(lambda: longer_than(world.scheduled(TWO, "detect"), minutes + 2))
    begin, end = runs[-1 - minutes]["started"], runs[-1]["started"]
    counted, expected = world.counted(TWO, begin, end), world.expected()
    for what, number in counted.items():
        FIGURES[f"detect_{what}_a_minute".replace(" ", "_")] = round(number, 2)
    for kind, milliseconds in world.billed(TWO, begin, end).items():
        FIGURES[f"detect_{kind}_billed_ms_p50"] = milliseconds
    for what, number in expected.items():
        varies = VARIES.get(what, 0)
        least, most = (number - varies) * 0.9 - 0.5, (number + varies) * 1.1 + 0.5
        assert least <= counted[what] <= most, what


def test_second_stack_is_deleted_and_the_first_stays(world):
    ended_well(world.cloud.delete(world.source, TWO))
    left = {s["Name"] for s in world.cloud.client("scheduler").list_schedules()["Schedules"]}
    first = world.cloud.outputs(STACK)
    assert left == {first["DetectSchedule"], first["TradeSchedule"]}
    assert "fail" not in world.cloud.pumpwatch("doctor", "--stack", STACK).stdout


def longer_than(calls, count):
    return calls if len(calls) > count else []


def test_exchange_that_is_away_is_told_and_survived(world, request):
    long = request.config.getoption("--long")
    with world.disturbance(5 * MINUTES), world.market.away():
        time.sleep(4 * MINUTES if long else 1.5 * MINUTES)
        assert world.cloud.pumpwatch("doctor", "--stack", STACK).returncode == 1
    world.wait_for_scans(3)
    failed = f'pumpwatch_detect_scans_total{{result="failure",stage="{STAGE}"}}'
    wait_for(lambda: world.server.value(failed) > MINUTES / INTERVAL)
    if long:
        wait_for(lambda: world.about("The detector failed", webhook="warning"))


def test_roles_use_what_they_are_allowed_and_nothing_is_denied(world):
    decisions = world.cloud.decisions()
    assert [d for d in decisions if d[2] == "denied"] == []
    iam = world.cloud.client("iam")
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


def test_scans_were_even_and_none_was_judged_twice(world):
    for name, allowed in (
        ("longest_pause_seconds", 2 * INTERVAL),
        ("longest_pause_after_a_kill_seconds", KILLED),
    ):
        whole, of_the_queue = zip(*world.pauses(allowed), strict=True)
        FIGURES[name] = round(max(whole), 1)
        assert max(of_the_queue) <= allowed
    judged = Counter(
        max(json.loads(record["body"])["slot"] for record in call["event"]["Records"])
        for call in world.cloud.invocations(STACK, "detect")
        if "Records" in call["event"] and "symbols" in (call["answer"] or {})
    )
    FIGURES["scans"] = judged.total()
    assert max(judged.values()) == 1


def test_every_panel_and_the_counters_say_what_happened(world):
    journal = DynamoJournal(world.table())
    orders = [order for trade in world.trades() for order in journal.orders(trade.signal_id)]
    filled = sum(order.outcome is Outcome.FILLED for order in orders)
    counted = f'sum(pumpwatch_trade_orders_total{{outcome="filled",stage="{STAGE}"}})'
    assert world.server.value(counted) == filled > 0
    begin = world.begun + 30
    assert panel_faults(world.server.url, start=begin, end=time.time(), stage=STAGE) == []


def test_stack_is_deleted_and_its_data_kept_for_the_next(world):
    table, trades = world.table(), len(world.trades())
    name = world.cloud.outputs(STACK)["StateTable"]
    ended_well(world.cloud.delete(world.source, STACK))
    assert world.cloud.client("scheduler").list_schedules()["Schedules"] == []
    assert len(DynamoJournal(table).trades_since(0)) == trades
    world.cloud.adopt(STACK, name)
    ended_well(world.deploy())
    assert world.cloud.outputs(STACK)["StateTable"] == name
    assert len(world.trades()) == trades
    calls = len(world.cloud.invocations(STACK, "trade"))
    wait_for(lambda: longer_than(world.cloud.invocations(STACK, "trade"), calls))
