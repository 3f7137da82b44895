"""The whole study: measure, draw the lines, find the limits, send a signal to many users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .curve import Line, fit_line
from .demand import Met, meets, uses
from .fanout import simulate
from .limits import LIMITS, Limit
from .load import Load, Shape, TickModel
from .money import Dollars, dollars, dollars_per_detector
from .tick import LATENCY_MS, TickFigures, measure_tick
from .users import UserFigures, measure_users
from .ways import WAYS, addresses_for

SYMBOLS = (200, 600, 2_000)
"""Measured, and the line drawn through them."""
GROWS_FROM = 600
"""A smaller market refreshes one slice of its history in a tick whatever its size: the lines are
those of larger ones."""
CHECK = 5_000
"""Measured too, and only compared with the line."""
BEYOND = 10_000
MOVERS = (10, 30, 60)
"""Measured over the middle one of the symbols."""
USERS = (10, 100, 1_000, 10_000)
EXCHANGES = (1, 3, 10)


@dataclass(frozen=True, slots=True)
class TickRow:
    """A tick over so many symbols; `measured` tells it from a point on the lines."""

    symbols: int
    movers: int
    measured: bool
    cpu_seconds: float
    wall_seconds: float
    requests: float
    megabytes: float
    answer_megabytes: float
    bucket_megabytes: float | None
    dollars: float
    tightest: str
    share: float


@dataclass(frozen=True, slots=True)
class UserRow:
    """A number of users in one shape."""

    shape: Shape
    users: int
    exchanges: int
    dollars: Dollars
    tightest: str
    share: float


@dataclass(frozen=True, slots=True)
class FanoutRow:
    """Seconds from a signal to the acknowledged orders."""

    way: str
    users: int
    addresses: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that was measured, computed and simulated."""

    ticks: tuple[TickFigures, ...]
    checked: TickFigures
    errors: Mapping[str, float]
    """Of the lines at the point that was only compared with, as fractions."""
    user: UserFigures
    tick_rows: tuple[TickRow, ...]
    user_rows: tuple[UserRow, ...]
    met: Mapping[str, tuple[Met, ...]]
    """By axis (and shape, for users)."""
    fanout: tuple[FanoutRow, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {
            "ticks": [asdict(one) for one in self.ticks],
            "checked": asdict(self.checked),
            "extrapolation_error": dict(self.errors),
            "user": asdict(self.user),
            "tick_rows": [asdict(one) for one in self.tick_rows],
            "user_rows": [
                {**asdict(one), "dollars_total": one.dollars.total} for one in self.user_rows
            ],
            "met": {
                axis: [
                    {"limit": one.use.key, "name": one.use.limit.name, "from": one.value}
                    for one in found
                ]
                for axis, found in self.met.items()
            },
            "fanout": [asdict(one) for one in self.fanout],
        }


def make_study(
    *,
    symbols: Sequence[int] = SYMBOLS,
    check: int = CHECK,
    users: Sequence[int] = USERS,
    limits: Mapping[str, Limit] = LIMITS,
    seed: int = 1,
    progress: Callable[[str], None] = lambda text: None,
) -> Study:
    """Measure for some minutes and compute the rest. Raises `InvariantBroken`, `BadInput`."""
    ticks = []
    for count in symbols:
        progress(f"a tick over {count:,} symbols")
        ticks.append(measure_tick(count, 0))
    middle = symbols[len(symbols) // 2]
    for movers in (one for one in MOVERS if one <= middle):
        progress(f"a tick with {movers} movers")
        ticks.append(measure_tick(middle, movers))
    progress(f"a tick over {check:,} symbols, to compare")
    checked = measure_tick(check, 0)
    progress("a user's runs")
    user = measure_users()
    progress("a signal on its way to many users")
    return study_of(ticks, checked, user, users=users, limits=limits, seed=seed)


def study_of(
    ticks: Sequence[TickFigures],
    checked: TickFigures,
    user: UserFigures,
    *,
    users: Sequence[int] = USERS,
    limits: Mapping[str, Limit] = LIMITS,
    seed: int = 1,
) -> Study:
    """Compute and simulate everything that follows from measurements."""
    tick = tick_model(ticks)
    load = Load(tick, user)
    places = sorted({one.symbols for one in ticks} | {checked.symbols, BEYOND})
    measured = {(one.symbols, one.movers): one for one in (*ticks, checked)}
    rows = [_tick_row(load, place, measured.get((place, 0)), limits) for place in places]
    rows += [
        _tick_row(load, one.symbols, one, limits, movers=one.movers) for one in ticks if one.movers
    ]
    return Study(
        ticks=tuple(ticks),
        checked=checked,
        errors=_errors(tick, checked),
        user=user,
        tick_rows=tuple(rows),
        user_rows=_user_rows(load, users, limits),
        met=_met(load, limits),
        fanout=_fanout(user, users, limits, seed),
    )


def tick_model(ticks: Sequence[TickFigures]) -> TickModel:
    """Return the lines through ticks without movers, and what each mover adds to them."""
    calm = [one for one in ticks if not one.movers]
    growing = [one for one in calm if one.symbols >= GROWS_FROM]
    calm = growing if len(growing) > 1 else calm
    places = [float(one.symbols) for one in calm]
    cpu, wall, memory, answer = (
        fit_line(places, [float(getattr(one, name)) for one in calm])
        for name in ("cpu_seconds", "wall_seconds", "memory_bytes", "tickers_bytes")
    )
    moving = [one for one in ticks if one.movers]
    more_cpu = _per_mover(moving, cpu, "cpu_seconds")
    more_wall = _per_mover(moving, wall, "wall_seconds")
    return TickModel(
        cpu=lambda symbols, movers: cpu.at(symbols) + more_cpu * movers,
        wall=lambda symbols, movers: wall.at(symbols) + more_wall * movers,
        memory_bytes=memory.at,
        tickers_bytes=answer.at,
        latency_seconds=LATENCY_MS / 1_000,
    )


def _per_mover(moving: Sequence[TickFigures], line: Line, name: str) -> float:
    """Return what a mover adds, by least squares through the line's value at no movers."""
    pairs = [(one.movers, float(getattr(one, name)) - line.at(one.symbols)) for one in moving]
    weight = sum(movers * movers for movers, _ in pairs)
    return max(0.0, sum(movers * more for movers, more in pairs) / weight) if weight else 0.0


def _errors(tick: TickModel, checked: TickFigures) -> dict[str, float]:
    said = {
        "cpu_seconds": tick.cpu(checked.symbols, 0),
        "wall_seconds": tick.wall(checked.symbols, 0),
        "memory_bytes": tick.memory_bytes(checked.symbols),
        "tickers_bytes": tick.tickers_bytes(checked.symbols),
    }
    return {name: value / float(getattr(checked, name)) - 1 for name, value in said.items()}


def _tick_row(
    load: Load,
    symbols: int,
    figures: TickFigures | None,
    limits: Mapping[str, Limit],
    *,
    movers: int | None = None,
) -> TickRow:
    here = replace(load, symbols=symbols, movers=movers)
    first, tick = uses(here, limits)[0], load.tick
    shown = 0 if movers is None else movers
    return TickRow(
        symbols=symbols,
        movers=shown,
        measured=figures is not None,
        cpu_seconds=figures.cpu_seconds if figures else tick.cpu(symbols, shown),
        wall_seconds=figures.wall_seconds if figures else tick.wall(symbols, shown),
        requests=figures.requests if figures else replace(here, movers=0).tick_requests,
        megabytes=(figures.memory_bytes if figures else tick.memory_bytes(symbols)) / 1e6,
        answer_megabytes=(figures.tickers_bytes if figures else tick.tickers_bytes(symbols)) / 1e6,
        bucket_megabytes=figures.bucket_bytes / 1e6 if figures else None,
        dollars=dollars_per_detector(here),
        tightest=first.key,
        share=first.share,
    )


def _user_rows(
    load: Load, users: Sequence[int], limits: Mapping[str, Limit]
) -> tuple[UserRow, ...]:
    rows = []
    for shape in Shape:
        for count in users:
            here = replace(load, users=count, shape=shape, addresses=addresses_for(count))
            rows.append(_user_row(here, limits))
    for exchanges in EXCHANGES[1:]:
        here = replace(load, exchanges=exchanges, shape=Shape.KEYED)
        rows.append(_user_row(here, limits))
    return tuple(rows)


def _user_row(load: Load, limits: Mapping[str, Limit]) -> UserRow:
    first = uses(load, limits)[0]
    return UserRow(load.shape, load.users, load.exchanges, dollars(load), first.key, first.share)


def _met(load: Load, limits: Mapping[str, Limit]) -> dict[str, tuple[Met, ...]]:
    found = {
        axis: meets(replace(load, shape=Shape.COPIES), axis, limits)
        for axis in ("symbols", "movers", "exchanges")
    }
    for shape in Shape:
        here = replace(load, shape=shape)
        found[f"users, {shape}"] = meets(here, "users", limits)
    return found


def _fanout(
    user: UserFigures, users: Sequence[int], limits: Mapping[str, Limit], seed: int
) -> tuple[FanoutRow, ...]:
    rows = []
    for name, plan_for in WAYS.items():
        for count in users:
            plan = plan_for(user, count, limits)
            waited = simulate(plan, seed=seed)
            rows.append(FanoutRow(name, count, plan.addresses, waited.at(50), waited.at(99)))
    return tuple(rows)
