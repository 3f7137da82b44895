"""The real handlers, by their Lambda entry points, on the real template, against the simulator."""

import json
from decimal import Decimal
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.scripted_market import START, ScriptedMarket

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.trading.halt import Halt
from pumpwatch_workbench.local.aws import LocalStack, Pushgateway
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

MINUTE = 60_000
NOW = START + 10 * MINUTE
SCRIPT = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (60 * MINUTE, 116.0)]
DETECT, TRADE = "DetectFunction", "TradeFunction"


def world(**parameters):
    """Return everything that runs: exchange, gateway, stack."""
    credentials = credentials_from_seed(5)
    clock = MarketClock(start=NOW, stepped=True)
    market = ScriptedMarket({"PUMPUSDT": SCRIPT, "FLATUSDT": [(0, 5.0)]})
    exchange = Exchange(market, clock, credentials, ExchangeSettings(latency_ms=60))
    server = SimulatorServer(exchange).start()
    gateway = Pushgateway(real=False).__enter__()
    stack = LocalStack(
        parameters={"BybitBaseUrl": server.url, "PushgatewayUrl": gateway.url, **parameters},
        variables={name: {"PARALLEL_REQUESTS": "1"} for name in (DETECT, TRADE)},
    ).__enter__()

    def close():
        stack.__exit__(None, None, None)
        gateway.__exit__(None, None, None)
        server.stop()

    return SimpleNamespace(
        credentials=credentials, clock=clock, gateway=gateway, stack=stack, close=close
    )


@pytest.fixture(scope="module")
def paper():
    made = world()
    yield made
    made.close()


@pytest.fixture(scope="module")
def live():
    parameters = {"TradingMode": "live", "Strategy": "fade", "LiveTradingConfirmation": "1"}
    parameters["LiveTradingConfirmation"] = str(credentials_from_seed(5).user_id)
    made = world(**parameters)
    yield made
    made.close()


def signal(number, time):
    return Signal(
        signal_id=f"signal-{number}",
        event_id=f"event-{number}",
        symbol="PUMPUSDT",
        phase=Phase.PEAKED,
        time=time,
        price=117.0,
        base_price=100.0,
        peak_price=120.0,
        strength=60.0,
        jump=0.2,
        detector="ewma",
    )


def table_of(made):
    return Table(made.stack.name_of("StateTable"), made.stack.aws.client("dynamodb"))


def invoke(made, function, event=None):
    event = event or made.stack.scheduled_event(function, made.clock.now())
    return made.stack.functions[function].invoke(event)


def pushed(made):
    return {
        (sample.name, *sorted(v for k, v in sample.labels.items() if k in ("result", "mode"))): (
            sample.value
        )
        for family in text_string_to_metric_families(made.gateway.text())
        for sample in family.samples
    }


def test_detect_scans_the_market_and_reports(paper):
    answer = invoke(paper, DETECT).result()
    assert answer["symbols"] == 2
    assert answer["signals"] == []
    found = pushed(paper)
    assert found["pumpwatch_detect_symbols_scanned",] == 2
    assert found["pumpwatch_detect_runs_total", "success"] >= 1


def test_stream_batch_opens_a_paper_position(paper):
    reader = paper.stack.stream_reader(TRADE)
    list(reader.batches())
    DynamoSignalStore(table_of(paper)).publish(signal(1, paper.clock.now()))
    (batch,) = reader.batches()
    assert len(batch["Records"]) == 1
    answer = invoke(paper, TRADE, batch).result()
    assert answer == {"opened": ["signal-1"], "closed": [], "denied": [], "problems": 0}
    again = invoke(paper, TRADE, batch).result()
    assert again["opened"] == []
    found = pushed(paper)
    assert found["pumpwatch_trade_open_positions",] == 1
    assert found["pumpwatch_trade_mode_info", "paper"] == 1
    assert found["pumpwatch_trade_positions_without_stop",] == 0


@pytest.mark.parametrize(
    "event", [{"nonsense": 1}, {"scheduled_time": "soon"}, {"Records": []}, {"Records": [{}]}]
)
@pytest.mark.parametrize("function", [DETECT, TRADE])
def test_malformed_event_is_answered_counted_and_does_nothing(paper, function, event):
    job = "pumpwatch_detect" if function == DETECT else "pumpwatch_trade"
    before = pushed(paper).get((f"{job}_bad_events_total",), 0)
    answer = invoke(paper, function, event).result()
    assert list(answer) == ["error"]
    assert pushed(paper)[f"{job}_bad_events_total",] == before + 1
    assert '"malformed event"' in paper.stack.functions[function].log.getvalue()


def test_log_is_json_with_the_run_s_id_and_the_service_s_name(paper):
    event = paper.stack.scheduled_event(DETECT, paper.clock.now())
    invoke(paper, DETECT, event).result()
    lines = [json.loads(line) for line in paper.stack.functions[DETECT].log.getvalue().splitlines()]
    assert lines[-1]["message"] == "scanned"
    assert lines[-1]["service"] == "pumpwatch-detect"
    assert lines[-1]["run_id"] == event["execution_id"]


def test_live_run_refuses_a_placeholder_then_trades_with_the_key_and_never_shows_it(live):
    refused = invoke(live, TRADE)
    assert refused.error["errorType"] == "BadCredentials", refused.error
    assert pushed(live)["pumpwatch_trade_runs_total", "failure"] == 1
    key = {"api_key": live.credentials.api_key, "api_secret": live.credentials.api_secret}
    live.stack.put_secret("ExchangeKey", key)
    DynamoSignalStore(table_of(live)).publish(signal(2, live.clock.now()))
    assert invoke(live, TRADE).result()["opened"] == ["signal-2"]
    found = pushed(live)
    assert found["pumpwatch_trade_mode_info", "live"] == 1
    assert found["pumpwatch_trade_open_positions",] == 1
    DynamoHaltStore(table_of(live)).halt(Halt("a test", live.clock.now()))
    assert invoke(live, TRADE).result()["problems"] == 0
    assert pushed(live)["pumpwatch_trade_halted",] == 1
    shown = live.stack.functions[TRADE].log.getvalue() + live.gateway.text() + str(refused)
    assert live.credentials.api_secret not in shown
    assert live.credentials.api_key not in shown
    assert Decimal(str(found["pumpwatch_trade_equity_usdt",])) > 9_000
