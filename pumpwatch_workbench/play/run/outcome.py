"""The outcome of a run: judged events, trades, invariants, candles to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Leg
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch_workbench.pages.event_rows import CandleRow, DetectedEvent, DroppedPump, PlantedPump
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.run.result import INVARIANTS, RunResult, SignalSteps
from pumpwatch_workbench.play.run.scoring import judge
from pumpwatch_workbench.play.run.stage import Stage
from pumpwatch_workbench.simulator.market_time import MarketTime

BEFORE, AFTER = 20 * MINUTE, 60 * MINUTE
TOLERATED_WITHOUT_STOP_MS = 0
"""An entry carries its stop, so a position is never without one."""


@dataclass(slots=True)
class RunTally:
    """Counts and samples of the driver. Times in market time, milliseconds UTC."""

    started: int = 0
    ended: int = 0
    tick_seconds: list[float] = field(default_factory=list)
    scan_seconds: list[float] = field(default_factory=list)
    woken: dict[str, int] = field(default_factory=dict)
    """When trade was woken, by signal id."""
    tick_requests: list[int] = field(default_factory=list)
    equity: list[tuple[int, Decimal]] = field(default_factory=list)


def result_of(
    options: RunOptions, stage: Stage, tally: RunTally, *, wall_seconds: float
) -> RunResult:
    """Gather what exchange, table and gateway say at the end, and judge it."""
    state = stage.simulator.state()
    planted = [
        pump for pump in _planted(state) if tally.started <= pump.onset < tally.ended - 5 * MINUTE
    ]
    known = [(symbol, onset) for symbol, onset in state["known"]]
    events = judge(stage.signals.since(0), planted, known)
    trades = tuple(stage.journal.trades_since(0).require_all())
    return RunResult(
        kind="synthetic" if options.replay is None else "replay",
        seed=options.seed,
        symbols=state["symbols"],
        started=tally.started,
        ended=tally.ended,
        ticks=len(tally.tick_seconds),
        detector=options.detector,
        strategy=options.strategy,
        scan_interval=options.scan_interval,
        planted=tuple(planted),
        events=events,
        trades=trades,
        equity=tuple(tally.equity),
        tick_seconds=tuple(tally.tick_seconds),
        tick_requests=tuple(tally.tick_requests),
        scan_seconds=tuple(tally.scan_seconds),
        steps=_steps(options, stage, tally, state, trades),
        orders=sum(bool(order["orderLinkId"]) for order in state["orders"]),
        fills=sum(row["execType"] == "Trade" for row in state["executions"]),
        positions_without_stop_seconds_max=state["unprotected_ms_max"] / 1000,
        metrics_pushed=stage.gateway.accepted(),
        pushgateway=stage.gateway.kind,
        candles=_candles(stage, events, planted, end=tally.ended),
        invariants_broken=tuple(broken_invariants(state, trades)),
        dropped=tuple(_dropped(state)),
        wall_seconds=wall_seconds,
    )


def _steps(
    options: RunOptions,
    stage: Stage,
    tally: RunTally,
    state: Mapping[str, Any],
    trades: Iterable[Trade],
) -> dict[str, SignalSteps]:
    """Return the steps from each signal to its entry, by signal id.

    A request costs half of its latency before the exchange has it and half of it afterwards.
    """
    arrived = {order["orderLinkId"]: int(order["createdTime"]) for order in state["orders"]}
    before = options.latency_ms // 2
    steps = {}
    for trade in trades:
        for order in stage.journal.orders(trade.signal_id) if trade.entry_time else ():
            time = arrived.get(order.request.order_id)
            woken = tally.woken.get(trade.signal_id)
            if order.leg is Leg.ENTRY and time is not None and woken is not None:
                sent = time - before
                steps[trade.signal_id] = SignalSteps(woken, sent, sent + options.latency_ms)
    return steps


def broken_invariants(state: Mapping[str, Any], trades: Iterable[Trade]) -> list[str]:
    """Return a sentence for each broken invariant, beginning with its name in INVARIANTS."""
    no_stop, no_duplicate, agree = INVARIANTS
    broken = []
    if state["unprotected_ms_max"] > TOLERATED_WITHOUT_STOP_MS:
        longest = {name: span / 1000 for name, span in state["unprotected_ms"].items() if span}
        broken.append(f"{no_stop}: seconds without one {longest}")
    if state["duplicate_fills"]:
        broken.append(f"{no_duplicate}: filled twice {', '.join(state['duplicate_fills'])}")
    entries = Counter(
        order["symbol"]
        for order in state["orders"]
        if order["orderLinkId"] and not order["reduceOnly"] and Decimal(order["cumExecQty"]) > 0
    )
    journalled = Counter(trade.symbol for trade in trades if trade.entry_time is not None)
    for symbol in sorted(entries.keys() | journalled.keys()):
        exchange, journal = entries[symbol], journalled[symbol]
        if exchange > journal:
            broken.append(f"{no_duplicate}: {symbol} has {exchange} entries for {journal} trades")
        elif exchange < journal:
            broken.append(f"{agree}: {symbol} has {journal} trades for {exchange} entries")
    broken += [f"{agree}: {difference}" for difference in _differences(state, trades)]
    return broken


def _differences(state: Mapping[str, Any], trades: Iterable[Trade]) -> list[str]:
    sizes = {row["symbol"]: Decimal(row["size"]) for row in state["positions"]}
    sizes = {symbol: size for symbol, size in sizes.items() if size}
    live = {trade.symbol: trade for trade in trades if trade.state.live}
    differences = []
    for symbol in sorted(sizes.keys() | live.keys()):
        trade, size = live.get(symbol), sizes.get(symbol)
        if trade is None:
            differences.append(f"{symbol} is held, {size}, without a trade in the journal")
        elif size is None:
            differences.append(f"{symbol} is {trade.state} in the journal and not held")
        elif trade.state is TradeState.OPEN and trade.quantity != size:
            differences.append(f"{symbol}: {trade.quantity} in the journal, {size} held")
    return differences


def _planted(state: Mapping[str, Any]) -> list[PlantedPump]:
    pumps = []
    for pump in state["planted"]:
        origin = state.get("origins", {}).get(pump["symbol"], {})
        segment = str(origin.get("segment", ""))
        pumps.append(PlantedPump(**pump, segment=segment, original_onset=origin.get("onset")))
    return pumps


def _dropped(state: Mapping[str, Any]) -> list[DroppedPump]:
    return [
        DroppedPump(str(pump["segment"]), original_onset=pump["onset"], reason=pump["reason"])
        for pump in state.get("dropped", ())
    ]


def _candles(
    stage: Stage, events: Sequence[DetectedEvent], planted: Sequence[PlantedPump], *, end: int
) -> dict[str, list[CandleRow]]:
    spans: dict[str, list[int]] = {}
    for pump in planted:
        spans.setdefault(pump.symbol, []).append(pump.onset)
    for event in events:
        spans.setdefault(event.symbol, []).append(event.alarm_time)
    last = end // MINUTE * MINUTE - MINUTE
    requests = [
        CandleRequest(
            symbol,
            MINUTE,
            (min(times) - BEFORE) // MINUTE * MINUTE,
            min(last, (max(times) + AFTER) // MINUTE * MINUTE),
        )
        for symbol, times in sorted(spans.items())
    ]
    session = BybitSession(
        stage.simulator.url, requests_per_second=10_000, threads=1, exchange_time=MarketTime()
    )
    try:
        answers = BybitMarketData(session).candles(requests)
    finally:
        session.close()
    return {
        symbol: _rows(series)
        for symbol, series in answers.items()
        if isinstance(series, CandleSeries)
    }


def _rows(series: CandleSeries) -> list[CandleRow]:
    return [
        CandleRow(int(open_time), *(float(value) for value in values[[0, 1, 2, 3, 5]]))
        for open_time, values in zip(series.open_time, series.values, strict=True)
    ]
