"""Random numbers by address: the same (seed, channel, series, step) always gives the same number.

A market built on them has no state, so any symbol's any minute can be made in any order. The mixing
is splitmix64's finaliser (Steele, Lea & Flood 2014), normals come from Box & Muller's transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pumpwatch_workbench.simulator.market.source import FloatArray, IntArray

Bits = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_LOW_QUARTER = np.uint64(0xFFFF)


class Noise:
    """Addressable random numbers of one seed; results are shaped (steps, series)."""

    def __init__(self, seed: int) -> None:
        self._key = _mix(np.array([seed & (2**64 - 1)], dtype=np.uint64))

    def bits(self, channel: int, steps: IntArray, series: IntArray) -> Bits:
        """Return 64 random bits for each step of each series."""
        return self._at(channel, steps[:, None], series[None, :])

    def uniform(self, channel: int, steps: IntArray, series: IntArray) -> FloatArray:
        """Return numbers in [0, 1)."""
        return (self.bits(channel, steps, series) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def quarters(self, channel: int, steps: IntArray, series: IntArray) -> list[FloatArray]:
        """Return four independent arrays in (0, 1), 16 bits each."""
        return _quarters(self.bits(channel, steps, series))

    def scattered(self, channel: int, steps: IntArray, series: IntArray) -> list[FloatArray]:
        """Return four numbers in (0, 1) for each pair of a step and a series, shaped (pairs,)."""
        return _quarters(self._at(channel, steps, series))

    def normals(
        self, channel: int, steps: IntArray, series: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return two independent arrays of standard normals."""
        bits = self.bits(channel, steps, series)
        radius = np.sqrt(-2.0 * np.log(((bits & _LOW_HALF).astype(np.float64) + 0.5) * 2.0**-32))
        angle = (bits >> np.uint64(32)).astype(np.float64) * (2.0 * np.pi * 2.0**-32)
        return radius * np.cos(angle), radius * np.sin(angle)

    def draws(self, channel: int, step: int, series: int) -> list[float]:
        """Return four independent numbers in (0, 1) for one step of one series."""
        return [float(drawn[0, 0]) for drawn in self.quarters(channel, *_address(step, series))]

    def pair(self, channel: int, step: int, series: int) -> list[float]:
        """Return two independent standard normals for one step of one series."""
        return [float(drawn[0, 0]) for drawn in self.normals(channel, *_address(step, series))]

    def _at(self, channel: int, steps: IntArray, series: IntArray) -> Bits:
        channel_key = _mix(self._key + _scramble(channel))
        keys = _mix(channel_key + series.astype(np.uint64) * _GOLDEN)
        return _mix(keys + steps.astype(np.uint64) * _GOLDEN)

    def wandering(
        self, channel: int, first: int, count: int, series: IntArray, every: int
    ) -> FloatArray:
        """Return standard normals at each multiple of `every` steps, joined by straight lines.

        Shaped (count, series) for the steps first .. first + count - 1.
        """
        steps = np.arange(first, first + count, dtype=np.int64)
        node = steps // every
        nodes = np.arange(node[0], node[-1] + 2, dtype=np.int64)
        values = self.normals(channel, nodes, series)[0]
        place = node - node[0]
        weight = ((steps % every) / every)[:, None]
        lines: FloatArray = values[place] + (values[place + 1] - values[place]) * weight
        return lines


def _quarters(bits: Bits) -> list[FloatArray]:
    return [
        (((bits >> np.uint64(shift)) & _LOW_QUARTER).astype(np.float64) + 0.5) * 2.0**-16
        for shift in (0, 16, 32, 48)
    ]


def _address(step: int, series: int) -> tuple[IntArray, IntArray]:
    return np.array([step], np.int64), np.array([series], np.int64)


def _scramble(channel: int) -> np.uint64:
    return np.uint64(channel * int(_FIRST) & (2**64 - 1))


def _mix(value: Bits) -> Bits:
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))
