"""The built functions, once per test session, and the world they run in."""

import fcntl
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from support.scripted_market import START, ScriptedMarket

from pumpwatch_workbench.local.aws import LocalStack, Pushgateway
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer
from tools.lambda_runtime.environment import ExecutionEnvironment
from tools.lambda_runtime.layout import Layout, lay_out

MINUTE = 60_000
NOW = START + 10 * MINUTE
SCRIPT = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (60 * MINUTE, 116.0)]
DETECT, TRADE = "DetectFunction", "TradeFunction"


def once(folder: Path, make):
    """Run `make(folder)` in the first of all test processes; the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_suffix(".done")
        if not done.exists():
            make(folder)
            done.touch()
    return folder


def built(tmp_path_factory):
    """Return where everything is laid out as in Lambda, with byte code: most tests start cold."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker's folder lies in the session's
        shared = shared.parent
    return Layout(once(shared / "lambda", partial(lay_out, compiled=True)))


@contextmanager
def world():
    """Run exchange, gateway and stack in live mode, with the key in its secret."""
    credentials = credentials_from_seed(5)
    clock = MarketClock(start=NOW, stepped=True)
    market = ScriptedMarket({"PUMPUSDT": SCRIPT, "FLATUSDT": [(0, 5.0)]})
    exchange = Exchange(market, clock, credentials, ExchangeSettings(latency_ms=60))
    parameters = {
        "TradingMode": "live",
        "Strategy": "fade",
        "LiveTradingConfirmation": str(credentials.user_id),
    }
    with SimulatorServer(exchange) as server, Pushgateway(real=False) as gateway:
        parameters |= {"BybitBaseUrl": server.url, "PushgatewayUrl": gateway.url}
        with LocalStack(parameters=parameters) as stack:
            secret = {"api_key": credentials.api_key, "api_secret": credentials.api_secret}
            stack.put_secret("ExchangeKey", secret)
            yield SimpleNamespace(
                exchange=exchange, clock=clock, gateway=gateway, stack=stack, key=credentials
            )


def environment(layout, stack, name, log, *, timeout_seconds=60.0, **changes):
    """Return an execution environment of a function of the stack; None removes a variable."""
    function = stack.functions[name]
    runtime = {**function.runtime, **{k: v for k, v in changes.items() if k.startswith("AWS_")}}
    variables = {**function.variables, **changes}
    return ExecutionEnvironment(
        name,
        layout,
        variables={key: value for key, value in variables.items() if value is not None},
        runtime=runtime,
        timeout_seconds=timeout_seconds,
        log=log,
    )
