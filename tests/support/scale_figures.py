"""Measurements as they come out of `studies.scale`, written down: lines that can be checked."""

from studies.scale.demand import uses
from studies.scale.load import Load
from studies.scale.study import tick_model
from studies.scale.tick import TickFigures
from studies.scale.users import RunUse, UserFigures


def ticked(symbols, movers=0, **changes):
    """A tick on exact lines: 20 ms and 10 us a symbol and 1 ms a mover, and so on."""
    facts = {
        "cpu_seconds": 0.020 + 10e-6 * symbols + 0.001 * movers,
        "wall_seconds": 0.150 + 20e-6 * symbols + 0.010 * movers,
        "requests": 6.0 + movers,
        "candidates": float(movers),
        "bucket_reads": 1.0,
        "bucket_writes": 2.0,
        "bucket_bytes": 1e6,
        "signals": 0,
        "memory_bytes": 80e6 + 5e3 * symbols,
        "tickers_bytes": 750.0 * symbols,
    }
    return TickFigures(symbols=symbols, movers=movers, **{**facts, **changes})


TICKS = (ticked(200), ticked(600), ticked(2_000), ticked(600, 10), ticked(600, 30))


def run(**changes):
    facts = {
        "seconds": 0.30,
        "cpu_seconds": 0.04,
        "public": 1,
        "private": 3,
        "until_order": 0,
        "reads": {"TRADES#LIVE": 1, "HALT": 1, "LOCK": 1, "SIGNAL": 1},
        "writes": {"LEASE#trade": 2, "TOTALS#pumpwatch_trade": 2},
    }
    return RunUse(**{**facts, **changes})


ENTRY = run(
    seconds=0.6,
    cpu_seconds=0.06,
    public=3,
    private=11,
    until_order=8,
    writes={
        "LEASE#trade": 8,
        "TRADE#1": 10,
        "ORDERS#DAY": 2,
        "TRADES": 6,
        "TOTALS#pumpwatch_trade": 4,
    },
)
USER = UserFigures(
    idle=run(), entry=ENTRY, holding=run(), detect=run(), series=345, scrape_bytes=43_000
)


def load(**changes):
    """A load on the lines above."""
    return Load(tick_model(TICKS), USER, **changes)


def tightest(one, limits):
    return uses(one, limits)[0].key
