"""Import files one after the other, a batch of rows at a time, into one folder of recordings."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.pages.words import moment
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.recordings.soundness import LONGEST_GAP
from pumpwatch_workbench.recordings.writing import RecordingWriter

from .names import OtherKind, symbol_of
from .rows import LeftOut, check_coins, minutes_of, sound_rows, step_of, take, times_of
from .tables import rows_of

CANDLES = 0
"""Stands for the day of candles, which are not kept by day."""
WORK = ".import-"


class Importer:
    """Reads files into a hidden folder within `out`, which is filled when all is well.

    Trades are kept by day, so that memory holds those of a day.
    """

    def __init__(self, out: Path, symbol: str) -> None:
        inside = list(out.iterdir()) if out.is_dir() else []
        if out.is_file() or not all(path.name.startswith(WORK) for path in inside):
            raise BadInput(f"{out} is there and not empty: name another folder with --out")
        for path in inside:
            shutil.rmtree(path)  # An import that was killed left it.
        self.symbols: dict[str, dict[str, int | str]] = {}
        self.left_out: LeftOut = {}
        self.skipped: list[str] = []
        self.is_whole = True
        """Whether nothing but files of another kind was skipped."""
        self._out, self._symbol = out, symbol
        out.mkdir(parents=True, exist_ok=True)
        self._work = Path(tempfile.mkdtemp(prefix=WORK, dir=out))
        self._names = count()
        self._seen: dict[str, set[str]] = defaultdict(set)
        self._markets: dict[str, str] = {}
        self._parts: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))

    def close(self) -> None:
        """Remove what is unfinished, and the folder if nothing is in it."""
        shutil.rmtree(self._work, ignore_errors=True)
        if not any(self._out.iterdir()):
            self._out.rmdir()

    def read(self, path: Path, *, is_named: bool) -> None:
        """Read a file. One that cannot be used is skipped, or `BadInput` if it was named itself."""
        try:
            parts = [part for batch in rows_of(path) for part in self._read(*batch)]
        except BadInput as error:
            if is_named:
                raise
            self.skipped.append(str(error))
            self.is_whole &= isinstance(error, OtherKind)
        else:
            for symbol, day, part in parts:
                self._parts[symbol][day].append(part)

    def finish(self) -> int:
        """Write the folder; return how many segments it has. Raises `BadInput`."""
        writer = RecordingWriter(self._work, split_from=LONGEST_GAP)
        for symbol, parts in sorted(self._parts.items()):
            tables = [self._candles_of(parts.pop(CANDLES))] if CANDLES in parts else []
            trades = [self._day_of_trades(paths) for _, paths in sorted(parts.items())]
            tables += [minutes_of(pl.read_ipc(path)) for path in trades]
            table = pl.concat(tables)
            if trades:
                table = table.unique("time", keep="first").sort("time")
            if not table["volume"].sum():
                raise BadInput(f"{symbol}: no row has a volume, as in prices of a mark or an index")
            times = table["time"]
            empty = np.diff(times) // MINUTE - 1
            self.symbols[symbol] = {
                "candles": len(times),
                "from": moment(times[0]),
                "to": moment(times[-1] + MINUTE),
                "holes": int((empty > 0).sum()),
                "missing minutes": int(empty.sum()),
                "seen": ", ".join(sorted(self._seen[symbol])),
            }
            writer.add(symbol, table.rename({"time": "open_time"}))
            writer.add_trades(symbol, map(pl.read_ipc, trades))
        if not writer.segments:
            kinds = [f"rows {kind}: {rows:,}" for kind, (rows, _) in self.left_out.items()]
            raise BadInput(f"nothing good is left: {'; '.join([*kinds, *self.skipped][:5])}")
        writer.finish(self._work, {})
        try:
            for _ in RecordedFolder(self._work).candles():
                pass  # Each is checked on the way; trades were, and may not fit into memory.
        except BadInput as error:
            raise BadInput(str(error).replace(f"{self._work}/", "what would be ")) from None
        for name in ("segments.csv", "trades.parquet", "candles.parquet"):
            if (self._work / name).exists():
                (self._work / name).replace(self._out / name)
        return len(writer.segments)

    # --- inside --------------------------------------------------------------------------

    def _read(
        self, where: str, pair: str, is_1m: bool, rows: pl.DataFrame
    ) -> Iterator[tuple[str, int, Path]]:
        """Yield symbol, day and file of each part that some rows have."""
        check_coins(rows, where)
        times, unit = times_of(rows["time"])
        is_trades = "open" not in rows.columns
        seen = {*unit, "trades" if is_trades else "candles of 1 minute"}
        if not is_trades and not is_1m and (step := step_of(times)) != MINUTE:
            raise BadInput(
                f"{where}: candles of {step / MINUTE:g} minutes: the rules need those of one minute"
            )
        if not is_trades and "turnover" not in rows.columns:
            rows = rows.with_columns(turnover=pl.col("close") * pl.col("volume"))
            seen.add("turnover is close times volume")
        if "symbol" not in rows.columns:
            rows = rows.with_columns(symbol=pl.lit(self._symbol or pair))
        rows = rows.with_columns(time=times, file=pl.lit(where, pl.Categorical))
        day = pl.col("time") // DAY if is_trades else pl.lit(CANDLES)
        good = sound_rows(rows, self.left_out).with_columns(day=day)
        for (text, number), part in good.group_by("symbol", "day"):
            symbol, market = symbol_of(str(text))
            if not symbol:
                raise BadInput(f"{where}: {text!r} is no symbol such as BTCUSDT: give --symbol")
            if (other := self._markets.setdefault(symbol, market)) != market:
                raise BadInput(
                    f"{where}: {market} and {other} are two markets of one symbol, {symbol}:"
                    " import them into two folders"
                )
            self._seen[symbol] |= seen
            yield symbol, int(str(number)), self._written(part.drop("symbol", "day"))

    def _written(self, rows: pl.DataFrame) -> Path:
        path = self._work / f"part-{next(self._names)}"
        rows.write_ipc(path)
        return path

    def _candles_of(self, paths: list[Path]) -> pl.DataFrame:
        again = pl.col("time") == pl.col("time").shift(fill_value=0)
        same = pl.col("close") == pl.col("close").shift()
        checks = {"that come twice": ~(again & same), "that come with other prices": ~again}
        return take(_sorted(paths), checks, self.left_out).drop("file", "line")

    def _day_of_trades(self, paths: list[Path]) -> Path:
        """Write the trades of a day in order of time, each once where it has an id."""
        once = pl.col("id").is_null() | pl.struct("time", "id").is_first_distinct()
        table = take(_sorted(paths), {"that come twice": once}, self.left_out)
        spans = table.group_by("file").agg(first=pl.min("time"), last=pl.max("time")).sort("first")
        both = spans.filter(pl.col("first") < pl.col("last").shift())
        if both.height:
            raise BadInput(
                f"{both['file'][0]}: another file has trades from {moment(both['first'][0])} on"
                " too, and no common ids tell which are the same: import one of them"
            )
        return self._written(table.drop("id", "file", "line"))


def _sorted(paths: list[Path]) -> pl.DataFrame:
    table = pl.concat(map(pl.read_ipc, paths))
    return table if table["time"].is_sorted() else table.sort("time", maintain_order=True)
