"""The ring of snapshots beside the state: each scan feeds it, and it is saved for the next one.

The turnover between two snapshots is the rise of the ticker's 24-hour turnover, plus what left its
24 hours meanwhile: yesterday's minutes, evenly. A turnover that falls nevertheless was too high
before or is old now, so nothing counts until it is made up for, or for `FALL_LASTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pumpwatch.domain.detection.screen import Past
from pumpwatch.domain.market.candles import BoolArray, FloatArray, IntArray
from pumpwatch.domain.market.ring import LONGEST_GAP, Ring
from pumpwatch.domain.moments import DAY, MINUTE, SECOND

FALL_LASTS = MINUTE
SAVED_STEP = 5 * SECOND
"""Least distance of the snapshots that are saved."""
TIMES = ("turnover_time", "fallen_since", "judged_since")
AMOUNTS = ("turnover", "fallen")


@dataclass(slots=True, eq=False)
class MarketRing:
    """Arrays are shaped (symbols,) in the order of `symbols`; times in milliseconds UTC, 0: none.

    `turnover` is the latest one known of 24 hours, `fallen` by how much it is below what it should
    be. `judged_since` is the first of the scans since which each one could judge the symbol fast,
    and did so if it burst.
    """

    symbols: list[str] = field(default_factory=list)
    ring: Ring = field(default_factory=lambda: Ring.empty(0))
    turnover: FloatArray = field(default_factory=lambda: np.empty(0))
    turnover_time: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    fallen: FloatArray = field(default_factory=lambda: np.empty(0))
    fallen_since: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    judged_since: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def time(self) -> int:
        """Return the time of the last snapshot, 0 before the first."""
        return int(self.ring.time[-1]) if len(self.ring.time) else 0

    def follow(self, symbols: list[str]) -> None:
        """Take over the state's order of symbols; those that are new are not known."""
        if symbols is self.symbols:
            return
        row_of = {symbol: row for row, symbol in enumerate(self.symbols)}
        rows = np.array([row_of.get(symbol, -1) for symbol in symbols], dtype=np.int64)
        self.ring = self.ring.select(rows)
        for name, unknown in (
            *((name, 0) for name in TIMES),
            ("fallen", 0.0),
            ("turnover", np.nan),
        ):
            setattr(self, name, np.append(getattr(self, name), unknown)[rows])
        self.symbols = symbols

    def push(self, time: int, last: FloatArray, turnover: FloatArray, past: Past) -> None:
        """Add a snapshot: price and 24-hour turnover, (symbols,), NaN for what it lacks."""
        if time <= self.time:
            return
        known = ~np.isnan(last) & ~np.isnan(turnover)
        rise = turnover - self.turnover
        rise += _left(past, self.turnover_time - DAY, time - DAY)
        # The ring begins a symbol anew after so long.
        anew = time - self.turnover_time > LONGEST_GAP
        rise[anew] = 0.0
        self.fallen[anew | (time - self.fallen_since > FALL_LASTS)] = 0.0
        added = np.where(known, np.maximum(np.nan_to_num(rise) - self.fallen, 0.0), np.nan)
        fallen = np.where(known, np.maximum(self.fallen - np.nan_to_num(rise), 0.0), self.fallen)
        self.fallen_since = np.where((self.fallen > 0) & (fallen > 0), self.fallen_since, time)
        self.fallen = fallen
        self.turnover = np.where(known, turnover, self.turnover)
        self.turnover_time = np.where(known, time, self.turnover_time)
        self.ring = self.ring.pushed(time, np.where(known, last, np.nan), added)

    def judged_since_now(self, judged: BoolArray, *, anew: bool) -> IntArray:
        """Return `judged_since` after a scan that could judge some; `anew`: some scans before it
        are missing."""
        since = np.where((self.judged_since > 0) & (not anew), self.judged_since, self.time)
        return np.where(judged, since, 0)

    def to_arrays(self, fingerprint: str) -> dict[str, object]:
        """Return it as plain arrays: snapshots `SAVED_STEP` apart, and of flows what was added."""
        kept = _apart(self.ring.time)
        flow = self.ring.flow[:, kept]
        first = np.nan_to_num(np.fmin.reduce(flow, axis=1, initial=np.inf), posinf=0.0)
        return {
            "fingerprint": np.array(fingerprint),
            "symbols": np.array(self.symbols, dtype=np.str_),
            "time": self.ring.time[kept],
            "last": self.ring.last[:, kept].astype(np.float32),
            "flow": (flow - first[:, None]).astype(np.float32),
            **{name: getattr(self, name) for name in (*AMOUNTS, *TIMES)},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, object], fingerprint: str) -> MarketRing | None:
        """Return what was saved; None: other settings made it or it is not whole."""
        saved = {name: np.asarray(value) for name, value in arrays.items()}
        try:
            if str(saved["fingerprint"]) != fingerprint:
                return None
            symbols = [str(symbol) for symbol in saved["symbols"]]
            time = saved["time"].astype(np.int64)
            last, flow = (saved[name].astype(np.float64) for name in ("last", "flow"))
            kinds = dict.fromkeys(AMOUNTS, np.float64) | dict.fromkeys(TIMES, np.int64)
            columns: dict[str, Any] = {
                name: saved[name].astype(kind) for name, kind in kinds.items()
            }
        except (KeyError, TypeError, ValueError):
            return None
        whole = last.shape == flow.shape == (len(symbols), len(time))
        whole = whole and all(column.shape == (len(symbols),) for column in columns.values())
        if not whole or len(set(symbols)) < len(symbols) or (np.diff(time) <= 0).any():
            return None
        # What was added never falls: rounding must not change that.
        ring = Ring(time, last, np.maximum.accumulate(flow, axis=1))
        return cls(symbols, ring, **columns)


def _left(past: Past, begin: IntArray, end: int) -> FloatArray:
    """Return what flowed between `begin`, (symbols,), and `end` a day ago; 0 where not known."""
    kept = past.flows.shape[1]
    first = (begin - past.first_flow) // MINUTE
    columns = np.column_stack([first, first + 1])
    inside = (columns >= 0) & (columns < kept)
    flow = np.take_along_axis(past.flows, np.where(inside, columns, 0), axis=1)
    opened = past.first_flow[:, None] + columns * MINUTE
    shared = np.minimum(opened + MINUTE, end) - np.maximum(opened, begin[:, None])
    left = np.where(inside & np.isfinite(flow), flow, 0.0) * np.clip(shared, 0, MINUTE) / MINUTE
    both: FloatArray = left[:, 0] + left[:, 1]
    return both


def _apart(times: IntArray) -> IntArray:
    """Return which snapshots to save: the last one, and before it those far enough apart."""
    kept: list[int] = []
    for index in range(len(times) - 1, -1, -1):
        if not kept or times[kept[-1]] - times[index] >= SAVED_STEP:
            kept.append(index)
    return np.array(kept[::-1], dtype=np.int64)
