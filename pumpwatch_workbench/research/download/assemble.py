"""Put the parts of a finished download together: one folder in the documented format."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.pages.files import write_whole
from pumpwatch_workbench.recordings.parquet import CANDLE_COLUMNS
from pumpwatch_workbench.recordings.tables import CONTRACT_COLUMNS, moment

from .plan import DownloadPart, Workspace

SPLIT_FROM = 60 * MINUTE
"""A gap of this length or more ends a segment: what follows needs its own warm-up."""
ROW_GROUP = 50_000


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
    lines: list[tuple[int, str, int, int]] = []
    files: list[Path] = []
    candles = 0
    for symbol, some in sorted(by_symbol.items()):
        ordered = sorted(some, key=lambda part: part.start)
        table = pl.concat([pl.read_parquet(workspace.path / part.file) for part in ordered])
        times = table["open_time"].to_numpy()
        gaps += _gaps(symbol, times, ordered[0].start, ordered[-1].last + MINUTE)
        if not len(times):
            continue
        starts = [0, *(np.flatnonzero(np.diff(times) > SPLIT_FROM) + 1).tolist(), len(times)]
        numbers = np.empty(len(times), dtype=np.int32)
        for begin, end in pairwise(starts):
            numbers[begin:end] = len(lines)
            first, last = int(times[begin]), int(times[end - 1]) + MINUTE
            lines.append((len(lines), symbol, first, last))
        joined = workspace.path / f"joined-{symbol}.parquet"
        table.with_columns(segment=numbers).select(CANDLE_COLUMNS).write_parquet(joined)
        files.append(joined)
        candles += len(times)
    if files:
        _write(workspace, files, lines, contracts)
    shutil.rmtree(workspace.path)
    return Downloaded(candles, len(lines), tuple(gaps))


def _gaps(symbol: str, times: np.ndarray, begin: int, end: int) -> list[Gap]:
    """Return where minutes are missing in [begin, end)."""
    known = np.concatenate([[begin - MINUTE], times, [end]])
    steps = np.diff(known)
    return [
        Gap(symbol, int(known[index]) + MINUTE, int(known[index + 1]))
        for index in np.flatnonzero(steps > MINUTE)
    ]


def _write(
    workspace: Workspace,
    files: Sequence[Path],
    lines: Sequence[tuple[int, str, int, int]],
    contracts: Mapping[str, Instrument],
) -> None:
    folder = workspace.folder
    rows = [f"{n},{symbol},{moment(begin)},{moment(end)}" for n, symbol, begin, end in lines]
    write_whole(folder / "segments.csv", "\n".join(["segment,symbol,start,end", *rows]) + "\n")
    named = sorted({symbol for _, symbol, _, _ in lines} & contracts.keys())
    terms = [
        ",".join(str(getattr(contracts[symbol], name)) for name in CONTRACT_COLUMNS)
        for symbol in named
    ]
    write_whole(folder / "contracts.csv", "\n".join([",".join(CONTRACT_COLUMNS), *terms]) + "\n")
    whole = workspace.path / "candles.parquet"
    pl.concat([pl.scan_parquet(file) for file in files]).sink_parquet(
        whole, row_group_size=ROW_GROUP, maintain_order=True
    )
    whole.replace(folder / "candles.parquet")
