"""Schedule of sharp moves in a synthetic market."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import HOUR_MS
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    PlantedEvent,
)
from pumpwatch_workbench.simulator.market.synthetic import calibration
from pumpwatch_workbench.simulator.market.synthetic.contracts import SyntheticContracts
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.surges import Surge

EPOCH_MS = 6 * 3_600_000
MARGINS_MS = 10 * MINUTE_MS, 6 * MINUTE_MS
"""Time at the start and at the end of the live window without an onset."""
_PUMPS, _NATURAL = 500, 600
_LIQUID_SHARE = 0.2


class PumpPlan:
    """The planted pumps, drawn epoch by epoch (6 hours each, from the market's start).

    A symbol that was pumped in one epoch rests in the next, so that no symbol has two pumps within
    six hours. Their number follows `calibration.PUMPS_PER_SYMBOL_DAY`, at least one. With `given`
    there are those pumps and no others.
    """

    def __init__(
        self,
        contracts: SyntheticContracts,
        noise: Noise,
        start: int,
        end: int | None,
        given: Sequence[PlantedEvent] | None = None,
    ) -> None:
        self._contracts = contracts
        self._noise = noise
        self._start = start
        self._end = end
        self._given = None if given is None else _given_pumps(contracts, given)
        self._epochs: list[list[Surge]] = []
        liquid = np.quantile(contracts.daily_turnover[contracts.coin], 1.0 - _LIQUID_SHARE)
        quiet_enough = contracts.coin & (contracts.daily_turnover <= liquid)
        self._eligible = np.flatnonzero(quiet_enough)

    def until(self, time: int) -> list[Surge]:
        """Return every pump of the epochs that begin before `time`, ordered by onset."""
        if self._given is not None:
            return self._given
        while self._start + len(self._epochs) * EPOCH_MS < time:
            self._epochs.append(self._draw(len(self._epochs)))
        return [surge for epoch in self._epochs for surge in epoch]

    def _draw(self, epoch: int) -> list[Surge]:
        window = self._window(epoch)
        if window is None:
            return []
        resting = {surge.index for surge in self._epochs[-1]} if self._epochs else set()
        choices = [index for index in self._eligible.tolist() if index not in resting]
        order = np.argsort(self._uniform(epoch, 1, len(self._contracts.listings))[choices])
        chosen = [choices[place] for place in order[: self._pumps_in(epoch)]]
        surges = [self._pump(epoch, number, index, window) for number, index in enumerate(chosen)]
        return sorted(surges, key=lambda surge: (surge.onset, surge.index))

    def _window(self, epoch: int) -> tuple[int, int] | None:
        first = self._start + epoch * EPOCH_MS
        last = first + EPOCH_MS
        if self._end is None:
            return (first + (MARGINS_MS[0] if epoch == 0 else 0), last)
        # A window too short for whole margins keeps a quarter of itself clear at both ends.
        begin, end = (min(margin, (self._end - self._start) // 4) for margin in MARGINS_MS)
        window = max(first, self._start + begin), min(last, self._end - end)
        return window if window[0] < window[1] else None

    def _pumps_in(self, epoch: int) -> int:
        before, after = (self._expected_until(number) for number in (epoch, epoch + 1))
        fraction = float(self._uniform(0, 0, 1)[0])
        drawn = int(after + fraction) - int(before + fraction)
        return max(drawn, 1) if epoch == 0 else drawn

    def _expected_until(self, epoch: int) -> float:
        elapsed = epoch * EPOCH_MS
        if self._end is not None:
            elapsed = min(elapsed, self._end - self._start)
        symbol_days = int(self._contracts.coin.sum()) * elapsed / (24 * 3_600_000)
        return calibration.PUMPS_PER_SYMBOL_DAY * symbol_days

    def _uniform(self, epoch: int, channel: int, count: int) -> FloatArray:
        series = np.arange(count, dtype=np.int64)
        drawn: FloatArray = self._noise.uniform(
            _PUMPS + channel, np.array([epoch], np.int64), series
        )[0]
        return drawn

    def _pump(self, epoch: int, number: int, index: int, window: tuple[int, int]) -> Surge:
        size, volume = self._noise.pair(_PUMPS + 2, epoch, index)
        rise, lead = self._noise.pair(_PUMPS + 3, epoch, index)
        announced, full, offset, place = self._noise.draws(_PUMPS + 4, epoch, index)
        fraction = calibration.PUMP_SIZE_MEDIAN * np.exp(calibration.PUMP_SIZE_LOG_DEVIATION * size)
        seconds = calibration.PUMP_RISE_SECONDS_MEDIAN * np.exp(
            calibration.PUMP_RISE_LOG_DEVIATION * rise
        )
        together = calibration.SURGE_SIZE_CORRELATION
        volume = together * size + np.sqrt(1.0 - together**2) * volume
        onset = None
        if announced < calibration.ANNOUNCED_SHARE:
            every = 1 if full < calibration.FULL_HOUR_SHARE else 2
            onset = _announced_onset(window, HOUR_MS // every, offset, number)
        return Surge(
            index=index,
            onset=window[0] + int(place * (window[1] - window[0])) if onset is None else onset,
            rise_ms=int(1_000 * np.clip(seconds, *calibration.PUMP_RISE_SECONDS_RANGE)),
            log_size=float(np.log1p(np.clip(fraction, *calibration.PUMP_SIZE_RANGE))),
            volume=float(np.exp(calibration.SURGE_LOG_DEVIATION * volume)),
            lead=float(
                min(
                    calibration.LEAD_MEDIAN * np.exp(calibration.LEAD_LOG_DEVIATION * lead),
                    calibration.LEAD_MOST,
                )
            ),
            announced=onset is not None,
        )


def _announced_onset(window: tuple[int, int], every: int, offset: float, number: int) -> int | None:
    """Return an onset near a multiple of `every` milliseconds; None if the window has none."""
    shares, seconds = calibration.ANNOUNCED_OFFSETS
    first, last = window[0] - 1_000 * seconds[0], window[1] - 1_000 * seconds[-1]
    marks = range(-(-first // every) * every, last + 1, every)
    # Going round the marks spreads the pumps evenly over the window.
    mark = marks[number % len(marks)] if marks else None
    return None if mark is None else mark + int(1_000 * np.interp(offset, shares, seconds))


def natural_moves(
    noise: Noise, contracts: SyntheticContracts, symbols: IntArray, first: int, last: int
) -> list[Surge]:
    """Return the spikes and crashes of some symbols that begin in [first, last] (ms UTC)."""
    epochs = np.arange(first // EPOCH_MS, last // EPOCH_MS + 1, dtype=np.int64)
    series = contracts.series[symbols]
    chance = noise.uniform(_NATURAL, epochs, series)
    per_epoch = EPOCH_MS / (24 * 3_600_000)
    spikes = calibration.SPIKES_PER_SYMBOL_DAY * per_epoch
    crashes = calibration.CRASHES_PER_SYMBOL_DAY * per_epoch
    happens = (chance < spikes + crashes) & contracts.coin[symbols]
    moves = []
    for row, column in np.argwhere(happens):
        move = _natural_move(
            noise,
            int(epochs[row]),
            int(series[column]),
            int(symbols[column]),
            falls=bool(chance[row, column] >= spikes),
        )
        if first <= move.onset <= last:
            moves.append(move)
    return moves


def _natural_move(noise: Noise, epoch: int, series: int, index: int, *, falls: bool) -> Surge:
    size, volume = noise.pair(_NATURAL + 1, epoch, series)
    place, rise, _, _ = noise.draws(_NATURAL + 2, epoch, series)
    median = calibration.CRASH_SIZE_MEDIAN if falls else calibration.SPIKE_SIZE_MEDIAN
    fraction = min(median * float(np.exp(calibration.SPIKE_SIZE_LOG_DEVIATION * size)), 0.5)
    return Surge(
        index=index,
        onset=epoch * EPOCH_MS + int(place * EPOCH_MS),
        rise_ms=int(5_000 + 60_000 * rise),
        log_size=float(np.log1p(-fraction if falls else fraction)),
        volume=calibration.NATURAL_TURNOVER
        * float(np.exp(calibration.NATURAL_TURNOVER_LOG_DEVIATION * volume)),
        decay=calibration.NATURAL_DECAY,
        bounce=0.1,
        jitter=calibration.NATURAL_JITTER,
        crowd=False,
    )


def _given_pumps(contracts: SyntheticContracts, events: Sequence[PlantedEvent]) -> list[Surge]:
    """Return pumps as told: symbol, onset, peak and size of each event.

    Raises ValueError for a symbol the market does not have or a peak that is not after its onset.
    """
    places = {listing.symbol: index for index, listing in enumerate(contracts.listings)}
    surges = []
    for event in events:
        if event.symbol not in places:
            raise ValueError(f"no symbol {event.symbol} in this market to plant a pump in")
        if event.peak <= event.onset or event.size <= 0:
            raise ValueError(f"a planted pump of {event.symbol} must rise after its onset")
        surges.append(
            Surge(
                index=places[event.symbol],
                onset=event.onset,
                rise_ms=event.peak - event.onset,
                log_size=float(np.log1p(event.size)),
                volume=1.0,
                announced=event.announced,
            )
        )
    return sorted(surges, key=lambda surge: (surge.onset, surge.index))
