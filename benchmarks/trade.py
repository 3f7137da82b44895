"""The time from a signal's event to the order's acknowledgement, and from fill to verified stop.

The trade function by its Lambda entry point in live mode, woken by the table's stream, against the
simulated exchange with 60 ms latency; table and secret are the AWS stand-in's, and a call to the
table takes 5 ms at least. Beside it the same order as a plain bot sends it: stock pybit, one call
after another, with no store at all.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from unittest.mock import patch

from pybit.unified_trading import HTTP

from benchmarks.harness import a_signal, timed
from benchmarks.rounds import recorded, rounds
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.play.run.stage import TRADE
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.market.measured import MeasuredExchange
from pumpwatch_workbench.simulator.market_time import MarketTime
from studies.scale.exchange import LATENCY_MS, MINUTE, START, exchange_process

SYMBOLS = 600
ENTRIES = 24
BASELINE_RUNS = 9
STORE_SECONDS = 0.005
"""Seconds that a call to the table takes at least: DynamoDB's usual answer within a region."""
OPEN_AT_MOST = 3
"""Positions are closed by their time limit after so many entries: reconciling has work to do."""
CREATE, POSITIONS = "/v5/order/create", "/v5/position/list"
PARAMETERS = {
    "Stage": "bench",
    "TradingMode": "live",
    "Strategy": "fade",
    "MaxNotionalUsdt": 50,
    "MaxOpenPositions": 10,
    "MaxOrdersPerDay": 1_000,
    "LosingStreakTrades": 0,
    "DrawdownPauseFraction": 0,
    "DrawdownHaltFraction": 0,
}
VARIABLES = {TRADE: {"FADE_TIME_LIMIT_MINUTES": "3", "FADE_MIN_GAIN": "0"}}


MAXIMA = ("signal_to_ack_exchange_rounds", "fill_to_verified_stop_exchange_rounds")


def measure() -> dict[str, float]:
    """Return medians of warm entries, the largest number of rounds, and the plain bot beside."""
    account = credentials_from_seed(1)
    with exchange_process(SYMBOLS) as exchange:
        parameters = {
            **PARAMETERS,
            "BybitBaseUrl": exchange.url,
            "LiveTradingConfirmation": str(account.user_id),
        }
        with LocalStack(parameters=parameters, variables=VARIABLES) as stack:
            key = {"api_key": account.api_key, "api_secret": account.api_secret}
            stack.put_secret("ExchangeKey", key)
            with _slow_store():
                entries = _entries(stack, exchange)
        plain = _plain_bot(exchange, account.api_key, account.api_secret)
    figures = {}
    for name in entries[0]:
        values = [entry[name] for entry in entries]
        if name in MAXIMA:
            figures[f"{name}_max"] = max(values)
        else:
            figures[f"{name}_p50"] = statistics.median(values)
    ratio = plain / figures["signal_to_ack_seconds_p50"]
    return figures | {
        "baseline_stock_pybit_in_sequence_to_ack_seconds_p50": plain,
        "baseline_over_signal_to_ack_ratio": ratio,
    }


@contextmanager
def _slow_store() -> Iterator[None]:
    """Let every call to the table take its time: the stand-in beside us answers at once."""
    call = Table._call

    @contextmanager
    def slow(table: Table) -> Iterator[None]:
        end = time.perf_counter() + STORE_SECONDS
        with call(table):
            yield
        time.sleep(max(0.0, end - time.perf_counter()))

    with patch.object(Table, "_call", slow):
        yield


def _entries(stack: LocalStack, exchange: MeasuredExchange) -> list[dict[str, float]]:
    function, reader = stack.functions[TRADE], stack.stream_reader(TRADE)
    signals = DynamoSignalStore(Table(stack.name_of("StateTable"), stack.aws.client("dynamodb")))
    listed = prices(exchange)
    entries = []
    now = START + MINUTE
    exchange.tell("latency", LATENCY_MS)
    for number in range(ENTRIES + OPEN_AT_MOST):
        now += 20_000
        exchange.tell("time", now)
        if number % OPEN_AT_MOST == 0:  # let the time limit close what is open
            now += 4 * MINUTE
            exchange.tell("time", now)
            function.invoke(stack.scheduled_event(TRADE, now // MINUTE * MINUTE)).result()
        symbol, price = listed[number]
        list(reader.batches())
        signals.publish(a_signal(symbol, price, now))
        (batch,) = reader.batches()
        entries.append(_measured(stack, batch))
    return entries[OPEN_AT_MOST:]  # warm ones


def _measured(stack: LocalStack, batch: dict[str, object]) -> dict[str, float]:
    function = stack.functions[TRADE]
    before = _store_calls(stack)
    with recorded(lambda: _store_calls(stack) - before) as recorder:
        cpu, begin = time.process_time(), time.perf_counter()
        invocation = function.invoke(batch)
    answer = invocation.result()
    assert len(answer["opened"]) == 1, (answer, function.log.getvalue()[-2_000:])
    (sent,) = [request for request in recorder.sent if request.path == CREATE]
    entry, follow = recorder.until(CREATE), recorder.after(CREATE)
    # Two pages of positions see the stop; those after them are the run's last look.
    _, _, last_look, *_ = sorted(request.start for request in follow if request.path == POSITIONS)
    verified = [request for request in follow if request.start < last_look]
    return {
        "signal_to_ack_seconds": sent.end - begin,
        "signal_to_ack_own_seconds": sent.end - begin - rounds(entry) * LATENCY_MS / 1000,
        "signal_to_ack_own_cpu_seconds": sent.cpu - cpu,
        # Requests to the exchange of which each waited for the one before.
        "signal_to_ack_exchange_rounds": rounds(entry),
        "signal_to_ack_exchange_requests": len(entry),
        "signal_to_ack_store_calls": sent.store_calls,
        # A market order is filled by its acknowledgement.
        "fill_to_verified_stop_seconds": max(request.end for request in verified) - sent.end,
        "fill_to_verified_stop_exchange_rounds": rounds(verified),
        "whole_run_seconds": invocation.seconds,
        "whole_run_store_calls": _store_calls(stack) - before,
    }


def _store_calls(stack: LocalStack) -> int:
    """Return the warm function's calls to the table so far, 0 before its first run."""
    handler = stack.functions[TRADE]._loaded
    if handler is None:
        return 0
    calls: int = handler.__wrapped__.__globals__["function"].function.work.calls()  # type: ignore[attr-defined]
    return calls


def prices(exchange: MeasuredExchange) -> list[tuple[str, float]]:
    """Return symbols of which 50 USDT are some contracts, and their last prices."""
    session = BybitSession(exchange.url, exchange_time=MarketTime())
    snapshot = BybitMarketData(session).snapshot()
    session.close()
    pairs = zip(snapshot.symbols, snapshot.last_price.tolist(), strict=True)
    return [pair for pair in pairs if 1 < pair[1] < 20][: ENTRIES + OPEN_AT_MOST + BASELINE_RUNS]


def _plain_bot(exchange: MeasuredExchange, key: str, secret: str) -> float:
    """Return the median seconds of looking, sizing and ordering with stock pybit, in sequence."""
    session = HTTP(api_key=key, api_secret=secret)
    session.endpoint = exchange.url
    session.get_server_time()
    chosen = prices(exchange)[-BASELINE_RUNS:]
    seconds = [timed(_plain_order, session, symbol, price) for symbol, price in chosen]
    session.client.close()
    return statistics.median(seconds)


def _plain_order(session: HTTP, symbol: str, price: float) -> None:
    session.get_server_time()
    session.get_wallet_balance(accountType="UNIFIED")
    session.get_positions(category="linear", settleCoin="USDT")
    session.get_open_orders(category="linear", settleCoin="USDT")
    session.get_tickers(category="linear", symbol=symbol)
    session.get_orderbook(category="linear", symbol=symbol)
    (contract,) = session.get_instruments_info(category="linear", symbol=symbol)["result"]["list"]
    session.set_leverage(category="linear", symbol=symbol, buyLeverage="1", sellLeverage="1")
    step, tick = contract["lotSizeFilter"]["qtyStep"], contract["priceFilter"]["tickSize"]
    session.place_order(
        category="linear",
        symbol=symbol,
        side="Sell",
        orderType="Market",
        qty=_on_grid(20 / price, step),
        stopLoss=_on_grid(price * 1.05, tick),
    )


def _on_grid(value: float, step: str) -> str:
    size = Decimal(step)
    return format(max(size, Decimal(repr(value)) // size * size), "f")
