"""A market whose minutes are written by hand, for tests that need to know every price."""

from decimal import Decimal

from pumpwatch_workbench.simulator.market.polyline import PolylineMarket
from pumpwatch_workbench.simulator.market.source import DAY_MS, Listing

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


def listing(symbol, **changes):
    """Return a contract with plain filters: tick 0.01, step 0.001, minimum value 5."""
    filters = {
        "base_coin": symbol.removesuffix("USDT"),
        "tick_size": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
        "max_quantity": Decimal(100_000),
        "max_market_quantity": Decimal(50_000),
        "min_notional": Decimal(5),
        "max_leverage": Decimal(50),
        "launch_time": START - 400 * DAY_MS,
    }
    return Listing(symbol=symbol, **(filters | changes))


class ScriptedMarket(PolylineMarket):
    """Prices as polylines: per symbol a list of (milliseconds after START, price) knots.

    It notes which paths are asked for, and who is said to hold what.
    """

    def __init__(self, scripts, *, listings=(), funding=(), **terms):
        special = {item.symbol: item for item in listings}
        super().__init__(
            [special.get(symbol) or listing(symbol) for symbol in sorted(scripts)],
            [_line(scripts[symbol]) for symbol in sorted(scripts)],
            START,
            fundings=[(START + at, rate) for at, rate in funding],
            **terms,
        )
        self.sides = []
        self.paths_asked = []

    def path(self, index, start, end):
        self.paths_asked.append(index)
        return super().path(index, start, end)

    def side_against(self, index, side):
        self.sides.append((index, side))


def _line(script):
    return [START + at for at, _ in script], [float(price) for _, price in script]
