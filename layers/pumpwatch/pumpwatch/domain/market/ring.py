"""The last six minutes of the whole market, one column for each snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .candles import FloatArray, IntArray

KEPT = 360_000
"""Milliseconds that a ring remembers."""
LONGEST_GAP = 30_000
"""Milliseconds between two snapshots beyond which nothing is said of the time between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """Snapshots of the market, oldest first.

    `time` is shaped (snapshots,), milliseconds UTC, rising; `last` (price) and `flow` (turnover
    added up from some beginning, never falling) are shaped (symbols, snapshots). NaN: not known.
    """

    time: IntArray
    last: FloatArray
    flow: FloatArray

    @classmethod
    def empty(cls, symbols: int) -> Ring:
        """Return a ring without snapshots."""
        return cls(np.empty(0, np.int64), np.empty((symbols, 0)), np.empty((symbols, 0)))

    def pushed(self, time: int, last: FloatArray, added: FloatArray) -> Ring:
        """Return the ring with a snapshot more; what is older than `KEPT` is dropped.

        `last` is the price and `added` the turnover since the latest snapshot in which the symbol
        was known, both (symbols,), NaN for a symbol that the snapshot lacks. What lies between two
        snapshots that know a symbol is filled in evenly, if it is no longer than `LONGEST_GAP`.
        A snapshot that is not later than the last one changes nothing; after a longer gap the ring
        begins anew.
        """
        if len(self.time) and time <= self.time[-1]:
            return self
        if not len(self.time) or time - self.time[-1] > LONGEST_GAP:
            start = np.where(np.isnan(last), np.nan, 0.0)
            return Ring(np.array([time], np.int64), last[:, None].copy(), start[:, None])
        times = np.append(self.time, time)
        # Columns side by side in memory: a snapshot more, or some of them, is one block to copy.
        prices = np.vstack([self.last.T, last]).T
        flow = np.vstack([self.flow.T, self.flow[:, -1] + np.maximum(added, 0.0)]).T
        for row in np.flatnonzero(np.isnan(self.flow[:, -1]) & ~np.isnan(last)):
            _bridge(times, prices[row], flow[row], float(added[row]))
        kept = int(np.searchsorted(times, time - KEPT))
        return Ring(times[kept:], prices[:, kept:], flow[:, kept:])

    def select(self, rows: IntArray) -> Ring:
        """Return the ring of some symbols; row -1 stands for a symbol that is not known."""
        unknown = (rows < 0)[:, None]
        if not self.last.shape[0]:
            nothing = np.full((len(rows), len(self.time)), np.nan)
            return Ring(self.time, nothing, nothing.copy())
        return Ring(
            self.time,
            np.where(unknown, np.nan, self.last[rows]),
            np.where(unknown, np.nan, self.flow[rows]),
        )

    def flow_at(self, times: IntArray) -> FloatArray:
        """Return the turnover so far at some times, (symbols, times), even between two snapshots.

        NaN where it is not known, before the first and after the last snapshot above all.
        """
        if not len(self.time):
            return _unknown(self, times)
        right = np.clip(np.searchsorted(self.time, times), 0, len(self.time) - 1)
        left = np.maximum(right - 1, 0)
        begin, end = self.time[left], self.time[right]
        share = (times - begin) / np.maximum(end - begin, 1)
        flow = self.flow[:, left] + (self.flow[:, right] - self.flow[:, left]) * share
        # Exactly at a snapshot the other one does not matter.
        flow = np.where(times == end, self.flow[:, right], flow)
        outside = (times < self.time[0]) | (times > self.time[-1])
        return np.where(outside, np.nan, flow)

    def last_at(self, times: IntArray) -> FloatArray:
        """Return the prices at some times, (symbols, times): those of the nearest snapshot."""
        if not len(self.time):
            return _unknown(self, times)
        right = np.clip(np.searchsorted(self.time, times), 0, len(self.time) - 1)
        left = np.maximum(right - 1, 0)
        nearer = np.abs(self.time[left] - times) <= np.abs(self.time[right] - times)
        return self.last[:, np.where(nearer, left, right)]


def _unknown(ring: Ring, times: IntArray) -> FloatArray:
    return np.full((ring.last.shape[0], len(times)), np.nan)


def _bridge(times: IntArray, prices: FloatArray, flow: FloatArray, added: float) -> None:
    """Fill in the snapshots that lacked a symbol, now that it is known again."""
    known = np.flatnonzero(~np.isnan(flow))
    if not len(known) or times[-1] - times[known[-1]] > LONGEST_GAP:
        flow[:], prices[:-1] = np.nan, np.nan
        flow[-1] = 0.0
        return
    before = known[-1]
    flow[-1] = flow[before] + max(added, 0.0)
    missing = slice(before + 1, len(times) - 1)
    ends = times[[before, -1]]
    flow[missing] = np.interp(times[missing], ends, flow[[before, -1]])
    prices[missing] = prices[before]
