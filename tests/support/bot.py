"""A bot as Kubernetes would start it, and an exchange where it has something to do soon."""

import os
import subprocess
import sys
from contextlib import contextmanager

from support.monitoring import REPOSITORY
from support.servers import free_port

from pumpwatch_workbench.simulator import control
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock, wall_milliseconds
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, PlantedEvent
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket
from pumpwatch_workbench.simulator.server import SimulatorServer

SYMBOLS, SEED = 60, 1
PUMPS, BEFORE_SECONDS, EVERY_SECONDS, RISE_SECONDS, SIZE = 40, 100, 6, 25, 0.3
"""Some run already when the market opens: the first whole minute that is seen has a signal."""


class PumpedExchange:
    """A simulated exchange with a clock of its own, its key and what a test asks of it."""

    def __init__(self):
        start = wall_milliseconds() // MINUTE_MS * MINUTE_MS
        # The bot sees the first whole minute soon.
        begin = start + 54_000
        listed = SyntheticMarket(SYMBOLS, SEED, start, pumps=()).listings
        coins = [
            listing.symbol
            for listing in listed
            if not listing.symbol_type and listing.contract_type == "LinearPerpetual"
        ]
        onsets = (begin + 1_000 * (EVERY_SECONDS * n - BEFORE_SECONDS) for n in range(PUMPS))
        pumps = [
            PlantedEvent(symbol, onset, onset + 1_000 * RISE_SECONDS, SIZE)
            for symbol, onset in zip(coins, onsets, strict=False)
        ]
        market = SyntheticMarket(SYMBOLS, SEED, start, pumps=pumps, quiet=True)
        self.credentials = credentials_from_seed(SEED)
        self._exchange = Exchange(
            market,
            MarketClock(start=begin, speed=1.0, stepped=False),
            self.credentials,
            ExchangeSettings(mark_lag_minutes=0),
        )
        self._server = SimulatorServer(self._exchange)

    @contextmanager
    def serve(self):
        """Serve it on a free port; yield its address."""
        self._server.start()
        try:
            yield self._server.url
        finally:
            self._server.stop()

    def state(self):
        """Return positions, orders and all the rest."""
        with self._exchange.lock:
            return control.state(self._exchange)

    def scans(self):
        """Return how often the whole market was asked for."""
        return self.state()["requests"].get("/v5/market/tickers", 0)

    def positions(self):
        """Return the open positions."""
        return [row for row in self.state()["positions"] if float(row["size"])]

    def write_key(self, folder):
        """Write the key as Kubernetes mounts its Secret: links that change all at once."""
        files = folder / "..2026"
        files.mkdir(parents=True)
        (files / "BYBIT_API_KEY").write_text(self.credentials.api_key)
        (files / "BYBIT_API_SECRET").write_text(self.credentials.api_secret)
        (folder / "..data").symlink_to(files.name)
        for path in files.iterdir():
            path.chmod(0o400)
            (folder / path.name).symlink_to(f"..data/{path.name}")


class BotProcess:
    """The process of a container's command line on this machine."""

    def __init__(self, container, folder):
        """Start it; a path of the container is one below `folder`."""
        self.port = free_port()
        (folder / "data").mkdir(exist_ok=True)
        places = {
            mount["mountPath"]: folder / mount["mountPath"][1:]
            for mount in container["volumeMounts"]
        }
        given = {entry["name"]: entry["value"] for entry in container["env"]}
        for name, value in given.items():
            for place, here in places.items():
                if value == place or value.startswith(f"{place}/"):
                    given[name] = str(here) + value.removeprefix(place)
        # Loopback alone, and a port that nobody has.
        given |= {"METRICS_ADDRESS": "127.0.0.1", "METRICS_PORT": str(self.port)}
        assert container["command"] == ["pumpwatch"]
        path = os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "layers" / "pumpwatch")))
        self.output = folder / "output"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pumpwatch_workbench", *container["args"]],
                env=given | {"HOME": str(folder / "data"), "PYTHONPATH": path},
                cwd=folder / "data",
                stdout=output,
                stderr=output,
            )

    @property
    def address(self):
        """Where it serves its metrics."""
        return f"127.0.0.1:{self.port}"

    @property
    def has_ended(self):
        """Whether it runs no more."""
        return self.process.poll() is not None

    def end(self):
        """Ask it to end; return its exit status."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self):
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait(10)
