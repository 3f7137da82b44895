"""The fast part of `boosted` again, slow and obvious: one look, one trade at a time, plain Python.

Times in milliseconds UTC; a span of seconds ends at the scan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.reference.rule_boosted import DAY, log_of, middle_of, score_of
from benchmarks.reference.rules import deviation_of, mean_of
from pumpwatch.domain.detection.burst_rule import BurstRule
from pumpwatch.domain.detection.bursts import Look
from pumpwatch.domain.market.ring import Ring
from pumpwatch.domain.market.trades import MarketTrades

Trade = tuple[int, bool, float, float]
"""Time, whether the taker bought, price and value."""


def judge(look: Look, rule: BurstRule) -> tuple[bool, float] | None:
    """Return whether the look alarms, and by how much its better score is above its threshold."""
    traits = burst_traits_of(look, 5 if rule.interval <= 5000 else 15)
    if traits is None:
        return None
    burst, begin = traits
    blind_least, clock_least = rule.scores.least(rule.interval)
    margin = score_of(rule.scores.blind, burst) - blind_least
    if rule.reads_clock:
        clock = [
            math.log1p(min(begin % period, -begin % period) / 1000)
            for period in (3_600_000, 1_800_000)
        ]
        margin = max(margin, score_of(rule.scores.clock, [*burst, *clock]) - clock_least)
    return margin > rule.margin, margin


def burst_traits_of(look: Look, step: int) -> tuple[list[float], int] | None:
    """Return the traits of a look at prices `step` seconds apart, and when its burst began."""
    candles = look.candles
    columns = candles.open_time, candles.high[0], candles.close[0], candles.turnover[0]
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    last_minute = (look.time - 60_000) // 60_000 * 60_000
    day = [row for row in rows if row[0] < last_minute and not math.isnan(row[2])][-DAY:]
    grid = [look.time - 1000 * second for second in range(300, -1, -step)]
    price = [_price_at(look.ring, time) for time in grid]
    ring = [_flow_at(look.ring, time) for time in grid]
    if len(day) < DAY or look.trades is None or any(map(math.isnan, price + ring)):
        return None
    flow, close = [row[3] for row in day], [row[2] for row in day]
    mean, deviation = mean_of(flow), max(deviation_of(flow), mean_of(flow) * 1e-3)
    shown, since = shown_before(look.trades, look.time)
    trades = trade_traits_of(shown, since, look.time, mean) if mean > 0 else None
    if trades is None:
        return None

    def traded(seconds: float) -> float:
        """Return the turnover of the trades of the last seconds, as far as all are known."""
        begin = max(since, look.time - 1000 * seconds)
        return sum(trade[3] for trade in shown if trade[0] >= begin)

    def f(seconds: float) -> float:
        """Return the turnover of the last seconds."""
        if look.time - 1000 * seconds >= since:
            return traded(seconds)
        after, part = divmod(seconds, step)
        if part:
            older, newer = f((after + 1) * step), f(after * step)
            return max(newer + (older - newer) * part / step, traded(300))
        return max(ring[-1] - ring[-1 - int(after)], traded(300))

    steps = [max(f(s) - f(s - step), 0.0) for s in range(300, 0, -step)]
    minute, recent = 60 // step, price[-60 // step - 1 :]
    now, begin, lowest, highest = price[-1], recent[0], min(recent), max(recent)
    rise = now / lowest - 1
    if not (f(60) > 80 * mean and f(60) > mean + 15 * deviation and f(10) > 10 * mean):
        return None
    if not rise > 0.01:
        return None
    changes = [b - a for a, b in pairwise(recent)]
    way, up = sum(map(abs, changes)), sum(change > 0 for change in changes)
    moves = up + sum(change < 0 for change in changes)
    passed, sooner = 0, 0.0
    while sooner + steps[-2 * minute :][passed] < 0.1 * sum(steps[-2 * minute :]):
        sooner, passed = sooner + steps[-2 * minute :][passed], passed + 1
    some = [spent > 1e-10 * f(60) for spent in steps]
    early = [row[3] for row in day if row[0] + 60_000 <= look.time - 300_000][-60:]
    volatility = deviation_of([math.log(b / a) for a, b in pairwise(close)])
    traits = [
        *(log_of(f(seconds) / mean, 0.01) for seconds in (5, 10, 20, 30, 60)),
        log_of((f(10) - mean / 6) / deviation, 0.01),
        log_of((f(60) - mean) / deviation, 0.01),
        *(log_of((f(60 * back + 60) - f(60 * back)) / mean, 0.1) for back in (1, 2, 3, 4)),
        rise,
        now / min(price) - 1,
        *(now / price[-1 - max(1, seconds // step)] - 1 for seconds in (5, 10, 30)),
        max((now - begin) / (highest - begin), -1.0) if highest > begin else 0.0,
        (now - min(price)) / (max(price) - min(price)),
        (minute - recent.index(highest)) * step,
        mean_of(some[-30 // step :]),
        mean_of(some[-minute:]),
        log_of(sum(some[:-minute]), 0.1),
        max(steps[-minute:]) / f(60),
        up / max(moves, 1),
        (now - begin) / way,
        f(5) / f(10),
        f(10) / f(30),
        f(30) / f(60),
        (2 * minute - passed) * step,
        log_of(f(60) / max(*flow[:-9], mean * 1e-3)),
        math.log1p(rise) / max(volatility, 1e-5),
        log_of(mean_of(early) / mean, 0.05),
        log_of(mean_of(flow[-60:]) / mean, 0.05),
        now / middle_of(close[-60:]) - 1,
        volatility,
        mean_of([value > 0 for value in flow]),
        sum(value > 30 * mean for value in flow[:-9]),
        max(after[1] / before[2] - 1 for before, after in pairwise(day[:-9])),
        *trades,
    ]
    busy = [s for s, spent in zip(range(300, 0, -step), steps, strict=True) if spent > mean * step]
    return traits, look.time - 1000 * max(busy, default=0)


def trade_traits_of(
    shown: Sequence[Trade], since: int, time: int, mean: float
) -> list[float] | None:
    """Return the traits of the trades of the last minute."""
    minute, ten, five = (
        [trade for trade in shown if trade[0] >= time - 1000 * seconds] for seconds in (60, 10, 5)
    )
    if not minute:
        return None
    total = sum(trade[3] for trade in minute)
    before = [trade for trade in shown if time - 300_000 <= trade[0] < time - 60_000]
    known = (time - 60_000 - max(since, time - 300_000)) / 60_000
    rate = len(before) / known if known >= 0.2 else math.nan
    orders, fills = _orders(minute)
    seconds = [sum((time - trade[0] - 1) // 1000 == s for trade in minute) for s in range(60)]
    fives = [sum(seconds[s : s + 5]) / len(minute) for s in range(0, 60, 5)]
    prices = [trade[2] for trade in minute]
    peak = minute[prices.index(max(prices))][0]
    changes = [b - a for a, b in pairwise(prices[-len(ten) - 1 :])] if ten else []
    moved = sum(map(abs, changes))
    newest, recent, several = (
        {at: value for at, value in orders.items() if at >= time - 1000 * s} for s in (5, 10, 20)
    )
    ages = []
    for part in (0.1, 0.5):
        passed, place = minute[0][3], 0
        while passed < part * total:
            place += 1
            passed += minute[place][3]
        ages.append((time - minute[place][0]) / 1000)
    rushed = [orders[t] for t, number in fills.items() if number > 1]
    return [
        math.log1p(len(minute)) - math.log1p(rate),
        sum(number > 0 for number in seconds),
        sum(number >= 3 for number in seconds),
        *(_equal(some) for some in (orders, recent, newest)),
        *(_ratio(_bought(part), sum(trade[3] for trade in part)) for part in (minute, ten, five)),
        _ratio(len(orders), len(orders) + _sold(minute)),
        _ratio(len(recent), len(recent) + _sold(ten)),
        max(orders.values(), default=0.0) / total,
        _ratio(max(recent.values(), default=0.0), sum(trade[3] for trade in ten)),
        _ratio(len(rushed), len(orders)),
        _ratio(sum(rushed), sum(orders.values())),
        log_of(middle_of([trade[3] for trade in minute]) / mean, 1e-6),
        log_of(middle_of(list(orders.values())) / mean if orders else 0.0, 1e-6),
        -sum(share * math.log(share) for share in fives if share),
        (minute[int(0.9 * (len(minute) - 1))][0] - minute[int(0.1 * (len(minute) - 1))][0]) / 6e4,
        (peak - minute[0][0]) / 6e4,
        (time - peak) / 6e4,
        *ages,
        math.log(3 * (len(newest) + 1) / (len(several) - len(newest) + 3)),
        (time - minute[0][0]) / 1000,
        (time - minute[-1][0]) / 1000,
        sum(-change for change in changes if change < 0) / moved if moved else 0.5,
    ]


def shown_before(trades: MarketTrades, time: int) -> tuple[list[Trade], int]:
    """Return the last thousand trades before a time, and since when they are all known."""
    columns = (trades.time, trades.bought, trades.price, trades.price * trades.quantity)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    before = [row for row in rows if row[0] < time]
    dropped = [row[0] + 1 for row in before[-1001:-1000]]
    return before[-1000:], max(trades.since, *dropped) if dropped else trades.since


def _price_at(ring: Ring, time: int) -> float:
    """Return the price of the nearest snapshot, of two as near that of the older."""
    away = [abs(at - time) for at in ring.time.tolist()]
    return float(ring.last[0, away.index(min(away))]) if away else math.nan


def _flow_at(ring: Ring, time: int) -> float:
    """Return the turnover so far, evenly spread between two snapshots; NaN outside of them."""
    times: list[int] = ring.time.tolist()
    flow: list[float] = ring.flow[0].tolist()
    for place, at in enumerate(times):
        if at == time:
            return flow[place]
        if place and times[place - 1] < time < at:
            share = (time - times[place - 1]) / (at - times[place - 1])
            return flow[place - 1] + (flow[place] - flow[place - 1]) * share
    return math.nan


def _orders(trades: Sequence[Trade]) -> tuple[dict[int, float], dict[int, int]]:
    """Return value and number of fills of each order that bought: its fills share a time."""
    value: dict[int, float] = {}
    fills: dict[int, int] = {}
    for time, bought, _, worth in trades:
        if bought:
            value[time] = value.get(time, 0.0) + worth
            fills[time] = fills.get(time, 0) + 1
    return value, fills


def _bought(trades: Sequence[Trade]) -> float:
    return sum(trade[3] for trade in trades if trade[1])


def _sold(trades: Sequence[Trade]) -> int:
    return len({trade[0] for trade in trades if not trade[1]})


def _equal(orders: dict[int, float]) -> float:
    """Return the logarithm of how many equal orders would be as concentrated."""
    total = sum(orders.values())
    return -log_of(sum((value / total) ** 2 for value in orders.values())) if orders else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
