"""Hand-made run results: a pump caught, one missed, a false alarm, a denial."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

from pumpwatch.domain.detection.signals import Phase, Signal, event_id_for, signal_id_for
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState
from pumpwatch_workbench.pages.event_rows import (
    CandleRow,
    DetectedEvent,
    DroppedPump,
    PlantedPump,
    Verdict,
)
from pumpwatch_workbench.play.run.result import RunResult, SignalSteps

MINUTE = 60_000
START = 1_700_000_040_000  # 2023-11-14 22:14 UTC, a full minute
END = START + 180 * MINUTE


def candles_around(onset: int, base: float, size: float) -> list[CandleRow]:
    """Return 20 quiet minutes, a pump that peaks in its first minute, and its slow end."""
    rows = []
    first = onset - onset % MINUTE
    close = base
    for n in range(-20, 61):
        wobble = base * 0.004 * math.sin(n * 1.7)
        level = base + wobble if n < 0 else base * (1 + size * 0.75 * math.exp(-n / 14)) + wobble
        opened, close = close, level
        high = base * (1 + size) if n == 0 else max(opened, close) * 1.003
        turnover = 900 + 300 * math.cos(n) + (90_000 * math.exp(-n / 4) if n >= 0 else 0)
        rows.append(
            CandleRow(first + n * MINUTE, opened, high, min(opened, close) * 0.997, close, turnover)
        )
    return rows


def signals_of(symbol: str, alarm: int, base: float, size: float) -> tuple[Signal, ...]:
    event_id = event_id_for(symbol, "ewma", alarm - alarm % MINUTE)
    facts = ((Phase.RISING, 0, 0.8), (Phase.PEAKED, 0, 0.7), (Phase.OVER, 35 * MINUTE, 0.1))
    return tuple(
        Signal(
            signal_id=signal_id_for(event_id, phase),
            event_id=event_id,
            symbol=symbol,
            phase=phase,
            time=alarm + after,
            price=base * (1 + size * share),
            base_price=base,
            peak_price=base * (1 + size),
            strength=214.6,
            jump=size,
            detector="ewma",
        )
        for phase, after, share in facts
    )


def short_of(event: DetectedEvent, base: str, *, pnl: str = "12.345", minutes: int = 12) -> Trade:
    entry = Decimal(base) * Decimal("1.12")
    won = Decimal(pnl) > 0
    return Trade(
        signal_id=event.signals[1].signal_id,
        event_id=event.event_id,
        symbol=event.symbol,
        strategy="fade",
        side=Side.SELL,
        state=TradeState.CLOSED,
        signal_time=event.alarm_time,
        signal_price=entry,
        created=event.alarm_time + 1_000,
        quantity=Decimal("1200"),
        stop_loss=Decimal(base) * Decimal("1.22"),
        take_profit=Decimal(base) * Decimal("1.05"),
        closes_at=event.alarm_time + 30 * MINUTE,
        entry_price=entry,
        entry_time=event.alarm_time + 1_400,
        exit_price=Decimal(base) * (Decimal("1.05") if won else Decimal("1.22")),
        exit_time=event.alarm_time + minutes * MINUTE,
        exit_reason=ExitReason.TAKE_PROFIT if won else ExitReason.STOP_LOSS,
        realised_pnl=Decimal(pnl),
        fees=Decimal("1.10"),
    )


def detected(
    symbol: str, alarm: int, base: float, size: float, verdict: Verdict, onset: int | None = None
) -> DetectedEvent:
    return DetectedEvent.from_signals(signals_of(symbol, alarm, base, size), verdict, onset)


def small_result() -> RunResult:
    """Return a run with a hit (traded), an early alarm (denied), a miss and a false alarm."""
    onsets = {"AAAUSDT": START + 30 * MINUTE + 12_000, "BBBUSDT": START + 70 * MINUTE}
    onsets["CCCUSDT"] = START + 100 * MINUTE + 31_000
    planted = tuple(
        PlantedPump(symbol, onset, onset + 33_000, 0.18, announced=symbol == "AAAUSDT")
        for symbol, onset in onsets.items()
    )
    hit = detected("AAAUSDT", onsets["AAAUSDT"] + 24_000, 0.5, 0.18, Verdict.HIT, onsets["AAAUSDT"])
    early = detected(
        "BBBUSDT", onsets["BBBUSDT"] - 600_000, 0.012, 0.09, Verdict.EARLY, onsets["BBBUSDT"]
    )
    false = detected("DDDUSDT", START + 130 * MINUTE + 5_000, 41.5, 0.08, Verdict.FALSE)
    denied = short_of(early, "0.012").with_(
        state=TradeState.DROPPED,
        entry_time=None,
        entry_price=None,
        exit_time=None,
        exit_price=None,
        exit_reason=None,
        realised_pnl=Decimal(0),
        denial="the total exposure would exceed 2000 USDT",
    )
    windows = {
        "AAAUSDT": candles_around(onsets["AAAUSDT"], 0.5, 0.18),
        "BBBUSDT": candles_around(onsets["BBBUSDT"], 0.012, 0.09),
        "CCCUSDT": candles_around(onsets["CCCUSDT"], 3.0, 0.18),
        "DDDUSDT": candles_around(START + 130 * MINUTE, 41.5, 0.08),
    }
    return RunResult(
        kind="synthetic",
        seed=7,
        symbols=600,
        started=START,
        ended=END,
        ticks=180,
        detector="ewma",
        strategy="fade",
        scan_interval=5,
        planted=planted,
        events=(hit, early, false),
        trades=(short_of(hit, "0.5"), denied, short_of(false, "41.5", pnl="-30.5", minutes=3)),
        equity=tuple(
            (START + n * MINUTE, Decimal("10000") + (Decimal(n) / 4 if n > 31 else 0))
            for n in range(180)
        ),
        tick_seconds=tuple(0.18 + 0.05 * math.sin(n * 2.3) ** 8 for n in range(180)),
        tick_requests=tuple(3 + n % 5 for n in range(180)),
        scan_seconds=tuple(0.02 + n % 3 / 1_000 for n in range(1_980)),
        steps={
            hit.signals[1].signal_id: SignalSteps(
                hit.alarm_time + 200, hit.alarm_time + 780, hit.alarm_time + 840
            )
        },
        orders=5,
        fills=4,
        positions_without_stop_seconds_max=0.0,
        metrics_pushed=360,
        pushgateway="the built-in receiver",
        candles=windows,
        wall_seconds=41.2,
    )


def replay_result(pumps: int = 81) -> RunResult:
    """Return a replay of many pumps: two of three detected, every fifth trade lost."""
    planted, events, trades, windows = [], [], [], {}
    for n in range(pumps):
        symbol, onset = f"COIN{n:02d}USDT", START + (n * 4 + 20) * MINUTE + 7_000
        base = 0.00021 * (1 + n)
        planted.append(
            PlantedPump(
                symbol, onset, onset + 31_000, 0.2, True, f"{n:03d}", 1_560_000_000_000 + n * 10**9
            )
        )
        windows[symbol] = candles_around(onset, base, 0.2)
        if n % 3 != 2:
            event = detected(symbol, onset + 53_000, base, 0.2, Verdict.HIT, onset)
            events.append(event)
            pnl = "-8.41" if n % 5 == 0 else "6.27"
            trades.append(short_of(event, f"{base:.8f}", pnl=pnl))
    return replace(
        small_result(),
        kind="replay",
        symbols=pumps,
        ended=START + (pumps * 4 + 100) * MINUTE,
        ticks=pumps * 4 + 100,
        planted=tuple(planted),
        events=tuple(events),
        trades=tuple(trades),
        candles=windows,
        dropped=(DroppedPump("017", 1_560_000_000_000, "only 19 of 25 hours before the onset"),),
    )
