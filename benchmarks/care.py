"""Count the runs until twenty positions that all lost their stop have one again.

The trade use case on memory stores; every call to the exchange takes its real time, reads of one
round go out side by side as in production, and a run ends with its 25 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from benchmarks.harness import a_signal, timed
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.bootstrap.trade import LONGEST_RUN, MOST_READS, trade_lease
from pumpwatch.domain.market.health import Health
from pumpwatch.invocation import Tick
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.run import Ports
from pumpwatch.usecases.trade.trade_signals import TradeSignals
from pumpwatch_workbench.local.memory import (
    MemoryHaltStore,
    MemoryJournal,
    MemoryLeaseStore,
    MemoryLockStore,
    MemorySignalStore,
)
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.in_process import InProcessClock, in_process
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market.polyline import PolylineMarket
from pumpwatch_workbench.simulator.market.source import Listing
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident
from pumpwatch_workbench.simulator.troubles.incidents.kinds import apply_incident

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


class _Health:
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
    exchange = _exchange()
    clock, (broker, market) = InProcessClock(exchange), in_process(exchange)
    leases = MemoryLeaseStore(lambda: clock.now() / 1000)
    signals, slow = MemorySignalStore(), _Slow(broker)
    with ThreadPoolExecutor(MOST_READS) as executor:
        ports = Ports(
            broker=slow,  # type: ignore[arg-type]
            market=market,
            journal=MemoryJournal(leases),
            signals=signals,
            halts=MemoryHaltStore(),
            locks=MemoryLockStore(),
            health=_Health(),
            clock=clock,
            wait=time.sleep,
            executor=executor,
        )
        use_case, lease = TradeSignals(ports, SETTINGS), trade_lease(leases, time.sleep)

        def run(name: str) -> None:
            deadline = TimerDeadline(LONGEST_RUN)
            with lease.taken(name, deadline) as taken:
                assert taken is not None
                use_case.run(Tick(clock.now(), name), deadline, taken)

        for number, listing in enumerate(exchange.market.listings):
            signals.publish(a_signal(listing.symbol, 1.17, clock.now()))
            run(f"open-{number}")
        for position in broker.positions():
            apply_incident(exchange.engine, Incident("drop_stop", position.symbol))
        assert len(broker.positions()) == POSITIONS
        slow.seconds = latency
        seconds: list[float] = []
        while any(position.stop_loss is None for position in broker.positions()):
            assert len(seconds) < MOST_RUNS, "a position still has no stop"
            seconds.append(timed(run, f"care-{len(seconds)}"))
        return seconds


def _exchange() -> Exchange:
    step, many = Decimal("0.1"), Decimal(1_000_000)
    filters = (Decimal("0.0001"), step, step, many, many, Decimal(5), Decimal(25), 0)
    names = [f"P{number:02d}" for number in range(POSITIONS)]
    market = PolylineMarket(
        [Listing(f"{name}USDT", name, *filters) for name in names],
        [([START], [1.17])] * POSITIONS,
        START,
    )
    clock, settings = MarketClock(start=START, stepped=True), ExchangeSettings(rate_limits=False)
    return Exchange(market, clock, credentials_from_seed(1), settings)
