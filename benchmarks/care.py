"""How many runs it takes until twenty positions that all lost their stop have one again.

The trade use case on memory stores; every call to the exchange takes its real time, reads of one
round go out side by side as in production, and a run ends with its 25 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from support.scripted_market_data import MemoryMarketData, instrument

from benchmarks.harness import a_signal, timed
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.bootstrap.trade import MOST_READS
from pumpwatch.domain.trading.protections import Health
from pumpwatch.invocation import Tick
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.trade_signals import LONGEST_RUN, TradeSignals
from pumpwatch_workbench.local.memory import (
    ManualClock,
    MemoryBroker,
    MemoryHaltStore,
    MemoryJournal,
    MemoryLeaseStore,
    MemoryLockStore,
    MemorySignalStore,
)

POSITIONS = 20
START = 1_800_000_000_000
LATENCIES = (0.3, 1.5)
"""Seconds that an answer of the exchange takes."""
MOST_RUNS = 5
SETTINGS = TradeSettings(
    table_name="benchmark",
    max_open_positions=POSITIONS,
    max_notional_usdt=Decimal(100),
    max_orders_per_day=1000,
    fade_target_retrace=Decimal("0.5"),
)


class _Healthy:
    def recent(self, now: int) -> Health:
        return Health()


class _Slow:
    """A port whose every call takes `seconds`; none while it opens positions."""

    def __init__(self, port: object) -> None:
        self._port, self.seconds = port, 0.0

    def __getattr__(self, method: str) -> Callable[..., object]:
        call = getattr(self._port, method)

        def slow(*arguments: object, **named: object) -> object:
            time.sleep(self.seconds)
            return call(*arguments, **named)

        return slow


def measure() -> dict[str, float]:
    """Return runs and seconds of the slowest run, for each latency."""
    figures: dict[str, float] = {"positions": float(POSITIONS)}
    for latency in LATENCIES:
        runs = _runs_until_restored(latency)
        figures[f"runs_at_{latency}_s_an_answer"] = float(len(runs))
        figures[f"longest_run_seconds_at_{latency}_s_an_answer"] = max(runs)
    return figures


def _runs_until_restored(latency: float) -> list[float]:
    """Return the seconds of each run until every position has its stop again."""
    clock, market = ManualClock(START), MemoryMarketData(START)
    broker, leases = MemoryBroker(clock), MemoryLeaseStore(lambda: clock.now() / 1000)
    signals, slow = MemorySignalStore(), _Slow(broker)
    with ThreadPoolExecutor(MOST_READS) as executor:
        use_case = TradeSignals(
            broker=slow,  # type: ignore[arg-type]
            market=market,
            journal=MemoryJournal(leases),
            signals=signals,
            leases=leases,
            halts=MemoryHaltStore(),
            locks=MemoryLockStore(),
            health=_Healthy(),
            clock=clock,
            settings=SETTINGS,
            wait=time.sleep,
            executor=executor,
        )

        def run(name: str) -> None:
            use_case.run(Tick(clock.now(), name), TimerDeadline(LONGEST_RUN))

        for number in range(POSITIONS):
            symbol = f"P{number}USDT"
            market.list_instrument(instrument(symbol))
            market.set_price(symbol, 1.17)
            broker.set_price(symbol, Decimal("1.17"))
            signals.publish(a_signal(symbol, 1.17, clock.now()))
            run(f"open-{number}")
        for position in broker.positions():
            broker.remove_protection(position.symbol)
        assert len(broker.positions()) == POSITIONS
        slow.seconds = latency
        seconds: list[float] = []
        while any(position.stop_loss is None for position in broker.positions()):
            assert len(seconds) < MOST_RUNS, "a position still has no stop"
            seconds.append(timed(run, f"care-{len(seconds)}"))
        return seconds
