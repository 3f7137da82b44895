"""From a signal's event to the order's acknowledgement, and from the fill to the verified stop.

The trade function by its Lambda entry point in live mode, woken by the table's stream, against the
simulated exchange with 60 ms latency; table and secret are the AWS stand-in's. Beside it the same
order as a plain bot sends it: stock pybit, one call after another, with no store at all.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from decimal import Decimal

from pybit.unified_trading import HTTP

from benchmarks.exchange_process import START, MeasuredExchange, exchange_process
from benchmarks.rounds import recorded, rounds
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.detection.signals import Phase, Signal, signal_id_for
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.market_time import MarketTime

LATENCY_MS = 60
SYMBOLS = 600
ENTRIES = 24
BASELINE_RUNS = 9
OPEN_AT_MOST = 3
"""Positions are closed by their time limit after so many entries: reconciling has work to do."""
TRADE = "TradeFunction"
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


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry took; times in seconds."""

    seconds: float
    """From the event to the acknowledgement."""
    cpu: float
    """Of this process, over the same time."""
    rounds: int
    """Requests to the exchange of which each waited for the one before."""
    requests: int
    store_calls: int
    stop_seconds: float
    """From the acknowledgement (a market order is filled by then) to the last look at the stop."""
    stop_rounds: int
    run_seconds: float
    run_store_calls: int


def measure() -> dict[str, float]:
    """Return medians of warm entries, the largest number of rounds, and the plain bot beside."""
    account = credentials_from_seed(1)
    with exchange_process(SYMBOLS, 0) as exchange:
        parameters = {
            **PARAMETERS,
            "BybitBaseUrl": exchange.url,
            "LiveTradingConfirmation": str(account.user_id),
        }
        with LocalStack(parameters=parameters, variables=VARIABLES) as stack:
            key = {"api_key": account.api_key, "api_secret": account.api_secret}
            stack.put_secret("ExchangeKey", key)
            entries = _entries(stack, exchange)
        plain = _plain_bot(exchange, account.api_key, account.api_secret)
    wall = statistics.median(one.seconds for one in entries)
    return {
        "signal_to_ack_seconds_p50": wall,
        "signal_to_ack_own_cpu_seconds_p50": statistics.median(one.cpu for one in entries),
        "signal_to_ack_exchange_rounds_max": max(one.rounds for one in entries),
        "signal_to_ack_exchange_requests_p50": statistics.median(one.requests for one in entries),
        "signal_to_ack_store_calls_p50": statistics.median(one.store_calls for one in entries),
        "fill_to_verified_stop_seconds_p50": statistics.median(o.stop_seconds for o in entries),
        "fill_to_verified_stop_exchange_rounds_max": max(one.stop_rounds for one in entries),
        "whole_run_seconds_p50": statistics.median(one.run_seconds for one in entries),
        "whole_run_store_calls_p50": statistics.median(one.run_store_calls for one in entries),
        "baseline_stock_pybit_in_sequence_to_ack_seconds_p50": plain,
        "baseline_over_signal_to_ack_ratio": plain / wall,
    }


def _entries(stack: LocalStack, exchange: MeasuredExchange) -> list[Entry]:
    function, reader = stack.functions[TRADE], stack.stream_reader(TRADE)
    signals = DynamoSignalStore(Table(stack.name_of("StateTable"), stack.aws.client("dynamodb")))
    prices = _prices(exchange)
    found: list[Entry] = []
    now = START + MINUTE
    exchange.tell("latency", LATENCY_MS)
    for number in range(ENTRIES + OPEN_AT_MOST):
        now += 20_000
        exchange.tell("time", now)
        if number % OPEN_AT_MOST == 0:  # let the time limit close what is open
            now += 4 * MINUTE
            exchange.tell("time", now)
            function.invoke(stack.scheduled_event(TRADE, now // MINUTE * MINUTE)).result()
        symbol, price = prices[number]
        list(reader.batches())
        signals.publish(_signal(symbol, price, now))
        (batch,) = reader.batches()
        entry = _measured(stack, batch)
        if number >= OPEN_AT_MOST:  # warm
            found.append(entry)
    return found


def _measured(stack: LocalStack, batch: dict[str, object]) -> Entry:
    function = stack.functions[TRADE]
    before = _store_calls(stack)
    with recorded(lambda: _store_calls(stack) - before) as recorder:
        cpu, begin = time.process_time(), time.perf_counter()
        invocation = function.invoke(batch)
    answer = invocation.result()
    assert len(answer["opened"]) == 1, (answer, function.log.getvalue()[-2_000:])
    (sent,) = [one for one in recorder.sent if one.path == CREATE]
    entry, follow = recorder.until(CREATE), recorder.after(CREATE)
    # Two pages of positions see the stop; those after them are the run's last look.
    _, _, last_look, *_ = sorted(one.start for one in follow if one.path == POSITIONS)
    verified = [one for one in follow if one.start < last_look]
    return Entry(
        seconds=sent.end - begin,
        cpu=sent.cpu - cpu,
        rounds=rounds(entry),
        requests=len(entry),
        store_calls=sent.store_calls,
        stop_seconds=max(one.end for one in verified) - sent.end,
        stop_rounds=rounds(verified),
        run_seconds=invocation.seconds,
        run_store_calls=_store_calls(stack) - before,
    )


def _store_calls(stack: LocalStack) -> int:
    """Return the warm function's calls to the table so far, 0 before its first run."""
    handler = stack.functions[TRADE]._loaded
    if handler is None:
        return 0
    calls: int = handler.__wrapped__.__globals__["function"].work.calls()  # type: ignore[attr-defined]
    return calls


def _prices(exchange: MeasuredExchange) -> list[tuple[str, float]]:
    """Return symbols of which 50 USDT are some contracts, and their last prices."""
    session = BybitSession(exchange.url, exchange_time=MarketTime())
    snapshot = BybitMarketData(session).snapshot()
    session.close()
    found = zip(snapshot.symbols, snapshot.last_price.tolist(), strict=True)
    return [one for one in found if 1 < one[1] < 20][: ENTRIES + OPEN_AT_MOST + BASELINE_RUNS]


def _signal(symbol: str, price: float, time: int) -> Signal:
    event_id = f"event-{symbol}"
    return Signal(
        signal_id=signal_id_for(event_id, Phase.PEAKED),
        event_id=event_id,
        symbol=symbol,
        phase=Phase.PEAKED,
        time=time,
        price=price,
        base_price=price / 1.17,
        peak_price=price * 1.025,
        strength=60.0,
        jump=0.2,
        detector="ewma",
    )


def _plain_bot(exchange: MeasuredExchange, key: str, secret: str) -> float:
    """Return the median seconds of looking, sizing and ordering with stock pybit, in sequence."""
    session = HTTP(api_key=key, api_secret=secret)
    session.endpoint = exchange.url
    symbols = _prices(exchange)[-BASELINE_RUNS:]
    session.get_server_time()
    seconds = [_plain_order(session, symbol, price) for symbol, price in symbols]
    session.client.close()
    return statistics.median(seconds)


def _plain_order(session: HTTP, symbol: str, price: float) -> float:
    begin = time.perf_counter()
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
    return time.perf_counter() - begin


def _on_grid(value: float, step: str) -> str:
    size = Decimal(step)
    return format(max(size, Decimal(repr(value)) // size * size), "f")
