"""Put the parts of a finished download together: one folder in the documented format."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.recordings.writing import RecordingWriter

from .plan import DownloadPart, Workspace

SPLIT_FROM = 60 * MINUTE
"""A gap of this length or more ends a segment: what follows needs its own warm-up."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Minutes that the exchange did not give; `begin` and `end` in milliseconds UTC, end excluded.

    A symbol without any candle has one gap over the whole period.
    """

    symbol: str
    begin: int
    end: int

    @property
    def minutes(self) -> int:
        """Return how many candles are missing."""
        return (self.end - self.begin) // MINUTE


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A folder's contents now."""

    candles: int
    segments: int
    gaps: tuple[Gap, ...]


def assemble(
    workspace: Workspace, parts: Sequence[DownloadPart], contracts: Mapping[str, Instrument]
) -> Downloaded:
    """Write `candles.parquet`, `segments.csv` and `contracts.csv`, then drop the parts.

    A file appears when it is whole; `candles.parquet` comes last.
    """
    by_symbol: dict[str, list[DownloadPart]] = {}
    for part in parts:
        by_symbol.setdefault(part.symbol, []).append(part)
    gaps: list[Gap] = []
    writer = RecordingWriter(workspace.path, split_from=SPLIT_FROM)
    candles = 0
    for symbol, some in sorted(by_symbol.items()):
        ordered = sorted(some, key=lambda part: part.start)
        table = pl.concat([pl.read_parquet(workspace.path / part.file) for part in ordered])
        times = table["open_time"].to_numpy()
        gaps += _gaps(symbol, times, ordered[0].start, ordered[-1].last + MINUTE)
        if len(times):
            writer.add(symbol, table)
            candles += len(times)
    if candles:
        writer.finish(workspace.folder, contracts)
    shutil.rmtree(workspace.path)
    return Downloaded(candles, len(writer.segments), tuple(gaps))


def _gaps(symbol: str, times: np.ndarray, begin: int, end: int) -> list[Gap]:
    """Return where minutes are missing in [begin, end)."""
    known = np.concatenate([[begin - MINUTE], times, [end]])
    steps = np.diff(known)
    return [
        Gap(symbol, int(known[index]) + MINUTE, int(known[index + 1]))
        for index in np.flatnonzero(steps > MINUTE)
    ]
