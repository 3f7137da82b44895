"""A week of a running installation, small enough to know every figure of."""

from dataclasses import replace
from decimal import Decimal

from support.records import NOW, a_signal, a_trade, an_order, settled

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.trades import ExitReason, RepairNote, TradeState
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.journal.period import Period
from pumpwatch_workbench.pages.event_rows import CandleRow

MINUTE = 60_000
RESULTS = (Decimal("12.5"), Decimal(-4), Decimal("0.5"), Decimal(-1))


def closed_trade(number, result):
    name = f"signal-{number}"
    return a_trade(
        name,
        event_id=a_signal().event_id if number == 0 else f"event-{number}",
        created=NOW + number * MINUTE,
        state=TradeState.CLOSED,
        entry_price=Decimal("1.1"),
        entry_time=NOW + number * MINUTE,
        stop_verified=NOW + number * MINUTE + 500 * (number + 1),
        exit_price=Decimal("1.05"),
        exit_time=NOW + (number + 9) * MINUTE,
        exit_reason=ExitReason.TAKE_PROFIT,
        realised_pnl=result,
        fees=Decimal("0.25"),
        funding=Decimal("0.1"),
    )


def some_trades():
    dropped = [
        a_trade(
            f"signal-{number}",
            event_id=f"event-{number}",
            created=NOW + number * MINUTE,
            state=TradeState.DROPPED,
            denial=f"the spread of 0.0{number}28 is above 0.01",
        )
        for number in (4, 5)
    ]
    still_open = a_trade("signal-6", state=TradeState.OPEN, entry_time=NOW + 6 * MINUTE)
    closed = [closed_trade(number, result) for number, result in enumerate(RESULTS)]
    return [*closed, *dropped, still_open]


def some_orders():
    filled = [settled(an_order(f"signal-{number}")) for number in (0, 1, 2, 3, 6)]
    rejected = replace(an_order("signal-4"), outcome=Outcome.REJECTED)
    exits = [replace(an_order(f"signal-{number}", 1), leg=Leg.EXIT) for number in (0, 1)]
    return [*filled, rejected, *exits]


def a_period(**changes):
    minutes = [
        CandleRow(NOW + minute * MINUTE, 1.0, 1.3, 0.9, 1.1, 5000.0) for minute in range(-20, 30)
    ]
    runs = [
        RunRecord(
            NOW + number * MINUTE,
            detect_seconds=0.1 * (number + 1),
            trade_seconds=0.02,
            cpu_seconds=0.05,
            memory_mib=150.0 + number,
            equity=Decimal(10_000 + number),
            alerts_raised=2,
            alerts_delivered=1,
            stale=number == 3,
            problem="no network" if number == 4 else "",
        )
        for number in range(10)
    ]
    period = Period(
        source="a test",
        stage="paper",
        mode="paper",
        since=NOW - 7 * 86_400_000,
        until=NOW + 86_400_000,
        trades=some_trades(),
        orders=some_orders(),
        signals=[a_signal(phase=Phase.RISING), a_signal(phase=Phase.PEAKED, time=NOW + MINUTE)],
        repairs=[("signal-1", RepairNote(NOW, "stop_set", "it was missing"))],
        locks=[Lock("losing_streak", "4 losing trades in a row", NOW, NOW + 180 * MINUTE)],
        halts=[(Halt("the drawdown is too deep", NOW, "pumpwatch"), NOW + MINUTE)],
        totals={
            DETECT: {
                f"{DETECT}_api_requests_total|code=ok,endpoint=market/tickers": Decimal(90),
                f"{DETECT}_api_requests_total|code=rate_limited,endpoint=market/tickers": Decimal(
                    10
                ),
                f"{DETECT}_runs_total|result=success": Decimal(7),
            },
            TRADE: {
                f"{TRADE}_api_requests_total|code=no_answer,endpoint=market/kline": Decimal(1),
                f"{TRADE}_entry_slippage_ratio|le=0.005": Decimal(1),
                f"{TRADE}_entry_slippage_ratio_sum": Decimal("0.004"),
                f"{TRADE}_api_latency_seconds|endpoint=market/kline,le=0.1": Decimal(90),
                f"{TRADE}_api_latency_seconds|endpoint=market/time,le=0.5": Decimal(8),
                f"{TRADE}_api_latency_seconds|endpoint=market/time,le=+Inf": Decimal(2),
            },
        },
        runs=runs,
        candles={a_signal().event_id: minutes},
    )
    return replace(period, **changes)
