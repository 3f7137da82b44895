"""Paper trading in market time: the simulator over HTTP, and a pace that steps its clock."""

import os
import threading
from dataclasses import dataclass, field, replace

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.play.desk.options import desk_options
from pumpwatch_workbench.play.desk.play import play
from pumpwatch_workbench.play.views.looks import Mover
from pumpwatch_workbench.play.views.view import RunFacts, RunView, TickSnapshot
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market.source import PlantedEvent
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket
from pumpwatch_workbench.simulator.server import SimulatorServer

MINUTE = 60_000
START = 1_793_577_600_000
"""2026-11-02T00:00:00Z."""
PUMP_MINUTE = 5


class PumpedExchange:
    """A quiet market of 16 symbols, of which the ninth is pumped by 60 % after five minutes."""

    def __init__(self, symbols=16, peak_seconds=90, size=0.6):
        listed = SyntheticMarket(symbols, 1, START).listings
        names = (listing.symbol for listing in listed)
        self.symbols = [name for name in names if name.endswith("USDT")]
        self.pumped = self.symbols[8]
        onset = START + PUMP_MINUTE * MINUTE + 5_000
        pump = PlantedEvent(self.pumped, onset, onset + peak_seconds * 1000, size)
        market = SyntheticMarket(symbols, 1, START, pumps=[pump], quiet=True)
        market.view(START)
        self.clock = MarketClock(start=START, stepped=True)
        settings = ExchangeSettings(rate_limits=False)
        self.exchange = Exchange(market, self.clock, credentials_from_seed(1), settings)
        self.server = SimulatorServer(self.exchange).start()

    @property
    def url(self):
        return self.server.url

    def close(self):
        self.server.stop()


class SteppedPace:
    """Waits by moving the market's clock; `sleeps` maps a due minute to minutes overslept."""

    def __init__(self, clock, sleeps=None):
        self._clock = clock
        self._sleeps = dict(sleeps or {})

    @property
    def stopped(self):
        return False

    def now(self):
        return self._clock.now()

    def wait_until(self, time):
        minute = (time - START) // MINUTE
        target = time + self._sleeps.pop(minute, 0) * MINUTE
        if target > self._clock.now():
            self._clock.advance_to(target)
        return True


@dataclass
class Seen(RunView):
    """Everything the view was told."""

    wants_looks = True
    notes: list[str] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    ticks: list[TickSnapshot] = field(default_factory=list)
    movers: list[tuple[Mover, ...]] = field(default_factory=list)
    facts: RunFacts | None = None

    def note(self, text):
        self.notes.append(text)

    def started(self, facts):
        self.facts = facts

    def tick(self, snapshot):
        self.ticks.append(snapshot)
        if self.facts:
            self.movers.append(self.facts.looks.movers)

    def signal(self, signal):
        self.signals.append(signal)

    def trade(self, time, trade):
        self.trades.append(trade)


def options_for(url, store, *, environment=None, webhook="", **changes):
    given = {"detector": "ewma", "strategy": "fade", **changes}
    if "duration" in given:
        given["duration"] = f"{given['duration'] / 1000}s"
    environment = {"REQUESTS_PER_SECOND": "110", "MAX_SPREAD": "0.03", **(environment or {})}
    given |= {"store": store, "bybit_base_url": url}
    options = desk_options(given, environment)
    os.environ["TEST_MESSENGERS"] = webhook
    named = {"notify_env": "TEST_MESSENGERS" if webhook else ""}
    return replace(options, desk=options.desk.model_copy(update=named))


def trade_for(world, options, *, sleeps=None):
    """Play and return what the view saw and what was done."""
    seen = Seen()
    tally = play(options, seen, threading.Event(), lambda desk: SteppedPace(world.clock, sleeps))
    return seen, tally
