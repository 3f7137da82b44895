"""Import files one after the other, a batch of rows at a time, into one folder of recordings."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.recordings.soundness import FAR, LONGEST_GAP
from pumpwatch_workbench.recordings.writing import RecordingWriter

from .files import unpack
from .names import FileName, read_name, symbol_of
from .rows import LeftOut, candles_of, minutes_of, step_of, times_of, trades_of
from .tables import open_table


@dataclass(slots=True)
class ImportedSymbol:
    """What was read of a symbol, and what became of it; times in milliseconds UTC."""

    market: str
    candles: int = 0
    trades: int = 0
    begin: int = 0
    end: int = 0
    holes: int = 0
    minutes_missing: int = 0
    rows_sorted: int = 0
    turnover_computed: bool = False
    units: list[str] = field(default_factory=list)
    intervals: list[int] = field(default_factory=list)
    """Lengths of the candles in the files, milliseconds."""


class Importer:
    """Reads files into a hidden folder within `out`, which is filled when all is well.

    Trades are kept by day, so that a day's trades are all that memory must hold of them.
    """

    def __init__(self, out: Path, *, symbol: str, quote: str, interval: int) -> None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise BadInput(f"{out} is there and not empty: name another folder with --out")
        self.symbols: dict[str, ImportedSymbol] = {}
        self.left_out = LeftOut()
        self.skipped: list[str] = []
        self._out, self._symbol, self._quote, self._interval = out, symbol, quote, interval
        out.mkdir(parents=True, exist_ok=True)
        self._work = Path(tempfile.mkdtemp(prefix=".import-", dir=out))
        self._names = count()
        self._parts: dict[str, dict[int, list[Path]]] = {}
        """Of each symbol, by day: the rows of trades; under 0: those of candles."""

    def close(self) -> None:
        """Remove what is unfinished, and the folder if nothing is in it."""
        shutil.rmtree(self._work, ignore_errors=True)
        if not any(self._out.iterdir()):
            self._out.rmdir()

    def read(self, path: Path, *, is_named: bool) -> None:
        """Read a file; in a folder, what is no one-minute market is skipped. Raises `BadInput`."""
        for where, file in unpack(path, self._work):
            name = read_name(Path(where.removeprefix(f"{path}:")).name)
            problem = _too_long(self._interval or name.interval)
            if not name.is_traded:
                problem = "prices of a mark or an index, or funding: nobody traded at them"
            if not problem:
                self._read(file, where, name)
            elif is_named:
                raise BadInput(f"{where}: {problem}")
            else:
                self.skipped.append(f"{where}: {problem}")

    def finish(self) -> int:
        """Write the folder; return how many segments it has. Raises `BadInput`."""
        writer = RecordingWriter(self._work, split_from=LONGEST_GAP)
        for symbol, imported in sorted(self.symbols.items()):
            days = self._parts[symbol]
            tables = self._candles(days.pop(0, []), imported)
            trades = [self._trades(days[day], imported) for day in sorted(days)]
            tables += [minutes_of(pl.read_parquet(path)) for path in trades]
            table = pl.concat(tables)
            if trades:
                table = table.unique("time", keep="first").sort("time")
            _describe(imported, symbol, table)
            writer.add(symbol, table.rename({"time": "open_time"}))
            writer.add_trades(symbol, map(pl.read_parquet, trades))
        if not writer.segments:
            kinds = [f"{rows:,} rows {kind}" for kind, rows in self.left_out.rows.items()]
            raise BadInput(f"nothing good is left: {'; '.join([*kinds, *self.skipped][:5])}")
        writer.finish(self._work, {})
        try:
            RecordedFolder(self._work).check()
        except BadInput as error:
            raise BadInput(str(error).replace(f"{self._work}/", "what would be ")) from None
        for name in ("segments.csv", "trades.parquet", "candles.parquet"):
            if (self._work / name).exists():
                (self._work / name).replace(self._out / name)
        return len(writer.segments)

    # --- inside --------------------------------------------------------------------------

    def _read(self, path: Path, where: str, name: FileName) -> None:
        length = self._interval or name.interval
        is_trades, batches = open_table(path, where)
        for batch in batches:
            times, units = times_of(batch["time"])
            length = length or step_of(times)
            if not is_trades and (problem := _too_long(length)):
                raise BadInput(f"{where}: {problem}")
            timed = batch.with_columns(time=times, file=pl.lit(where, pl.Categorical))
            for symbol, market, rows in self._by_symbol(timed, where, name):
                _check_coins(rows, where)
                if is_trades:
                    good = trades_of(rows, self.left_out)
                else:
                    good = candles_of(rows, length, self.left_out)
                if good.height:
                    known = self.symbols.setdefault(symbol, ImportedSymbol(market))
                    if known.market != market:
                        raise BadInput(
                            f"{where}: {market} and {known.market} are two markets of one symbol,"
                            f" {symbol}: import them into two folders"
                        )
                    known.units += [unit for unit in units if unit not in known.units]
                    if not is_trades:
                        known.turnover_computed |= "turnover" not in rows.columns
                        known.intervals = sorted({*known.intervals, length or MINUTE})
                    self._keep(symbol, good, by_day=is_trades)

    def _keep(self, symbol: str, rows: pl.DataFrame, *, by_day: bool) -> None:
        parts = self._parts.setdefault(symbol, {})
        day = pl.col("time") // DAY if by_day else pl.lit(0)
        for (key,), part in rows.group_by(day.alias("day"), maintain_order=True):
            path = self._work / f"part-{next(self._names)}"
            part.write_parquet(path, compression="lz4")
            parts.setdefault(int(str(key)), []).append(path)

    def _by_symbol(
        self, batch: pl.DataFrame, where: str, name: FileName
    ) -> Iterator[tuple[str, str, pl.DataFrame]]:
        """Yield each symbol, its market and its rows."""
        if "symbol" in batch.columns and batch["symbol"].n_unique() > bool(self._symbol):
            if self._symbol:
                raise BadInput(f"{where} holds several symbols: leave out --symbol")
            for (text,), rows in batch.group_by("symbol", maintain_order=True):
                yield *self._known(str(text or ""), f"{where}: {text!r}"), rows
        else:
            text = self._symbol or name.pair
            yield *self._known(text, where), batch

    def _known(self, text: str, where: str) -> tuple[str, str]:
        symbol, market = symbol_of(text, self._quote)
        if not symbol:
            raise BadInput(f"{where} does not say the symbol: give --symbol BTCUSDT")
        return symbol, market

    def _candles(self, paths: list[Path], imported: ImportedSymbol) -> list[pl.DataFrame]:
        if not paths:
            return []
        table = self._sorted(paths, imported)
        again = pl.col("time") == pl.col("time").shift(fill_value=0)
        same = pl.col("close") == pl.col("close").shift()
        checks = {"that come twice": ~(again & same), "that come with other prices": ~again}
        table = self.left_out.take(table, checks).drop("file", "line")
        return [minutes_of(table) if min(imported.intervals) < MINUTE else table]

    def _trades(self, paths: list[Path], imported: ImportedSymbol) -> Path:
        """Write the trades of a day in order of time, each once where it has an id."""
        table = self._sorted(paths, imported)
        again = pl.col("id").is_not_null() & ~pl.struct("time", "id").is_first_distinct()
        table = self.left_out.take(table, {"that come twice": ~again}).drop("id", "file", "line")
        imported.trades += table.height
        table.write_parquet(paths[0], compression="lz4")
        return paths[0]

    def _sorted(self, paths: list[Path], imported: ImportedSymbol) -> pl.DataFrame:
        table = pl.concat(map(pl.read_parquet, paths))
        imported.rows_sorted += int((np.diff(table["time"]) < 0).sum())
        return table.sort("time", maintain_order=True)


def _describe(imported: ImportedSymbol, symbol: str, table: pl.DataFrame) -> None:
    if not table["volume"].sum():
        raise BadInput(f"{symbol}: no row has a volume, as in prices of a mark or an index")
    empty = np.diff(table["time"]) // MINUTE - 1
    imported.candles, imported.minutes_missing = table.height, int(empty.sum())
    imported.holes = int((empty > 0).sum())
    imported.begin, imported.end = table["time"][0], table["time"][-1] + MINUTE


def _too_long(length: int) -> str:
    """Return why candles of a length cannot be imported, empty when they can."""
    text = f"candles of {length / MINUTE:g} minutes: the rules need those of one minute"
    return text if length > MINUTE else ""


def _check_coins(rows: pl.DataFrame, where: str) -> None:
    """Raise `BadInput` when turnover is not quantity times price, as in inverse contracts."""
    if "turnover" not in rows.columns:
        return
    price, amount = ("price", "quantity") if "price" in rows.columns else ("close", "volume")
    numbers = rows.select(pl.col(price, amount, "turnover").cast(pl.Float64, strict=False))
    ratio = (numbers["turnover"] / numbers[amount] / numbers[price]).drop_nans().median()
    if isinstance(ratio, float) and not 1 / FAR <= ratio <= FAR:
        raise BadInput(
            f"{where}: turnover is {ratio:g} times volume times price: an inverse contract, whose"
            " volume is no coins, or columns in another order"
        )
