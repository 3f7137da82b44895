"""Write a folder of recordings: segments numbered in order, each file there only when it is whole.

`download` and `import` both write here, so the same candles give the same folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.pages.files import write_whole
from pumpwatch_workbench.pages.words import moment
from pumpwatch_workbench.recordings.parquet import CANDLE_COLUMNS
from pumpwatch_workbench.recordings.tables import CONTRACT_COLUMNS, SegmentRow

ROW_GROUP = 50_000


class RecordingWriter:
    """Collects recordings in a folder for unfinished work; a gap over `split_from` splits one."""

    def __init__(self, work: Path, *, split_from: int) -> None:
        self.segments: list[SegmentRow] = []
        self.work = work
        self._split_from = split_from
        self._files: dict[str, list[Path]] = {"candles": [], "trades": []}

    def add(self, symbol: str, table: pl.DataFrame) -> None:
        """Add a symbol's candles, sorted by time, under the numbers of new segments."""
        times = table["open_time"].to_numpy()
        gaps = np.flatnonzero(np.diff(times) > self._split_from) + 1
        numbers = np.empty(len(times), dtype=np.int32)
        for begin, end in pairwise([0, *gaps.tolist(), len(times)]):
            number, last = len(self.segments), int(times[end - 1])
            numbers[begin:end] = number
            self.segments.append(SegmentRow(number, symbol, int(times[begin]), last + MINUTE))
        path = self._new("candles")
        table.with_columns(segment=numbers).select(CANDLE_COLUMNS).write_ipc(path)

    def add_trades(self, symbol: str, parts: Iterable[pl.DataFrame]) -> None:
        """Add trades in order of time; they belong to the symbol's segments that are there."""
        rows = [row for row in self.segments if row.symbol == symbol]
        starts, numbers = (np.array([row.start for row in rows]), [row.number for row in rows])
        for part in parts:
            place = np.searchsorted(starts, part["time"].to_numpy(), side="right") - 1
            segments = pl.Series("segment", np.array(numbers, np.int32)[place])
            part.insert_column(0, segments).write_ipc(self._new("trades"))

    def finish(self, folder: Path, contracts: Mapping[str, Instrument]) -> None:
        """Write what was added; `candles.parquet` comes last."""
        rows = [
            f"{row.number},{row.symbol},{moment(row.start)},{moment(row.end)}"
            for row in self.segments
        ]
        write_whole(folder / "segments.csv", "\n".join(["segment,symbol,start,end", *rows]) + "\n")
        if contracts:
            named = sorted({row.symbol for row in self.segments} & contracts.keys())
            terms = [
                ",".join(str(getattr(contracts[symbol], name)) for name in CONTRACT_COLUMNS)
                for symbol in named
            ]
            lines = [",".join(CONTRACT_COLUMNS), *terms]
            write_whole(folder / "contracts.csv", "\n".join(lines) + "\n")
        for kind in ("trades", "candles"):
            if files := self._files[kind]:
                whole = self.work / f"whole-{kind}"
                pl.concat([pl.scan_ipc(file) for file in files]).sink_parquet(
                    whole, row_group_size=ROW_GROUP, maintain_order=True
                )
                whole.replace(folder / f"{kind}.parquet")

    def _new(self, kind: str) -> Path:
        path = self.work / f"{kind}-{len(self._files[kind])}"
        self._files[kind].append(path)
        return path
