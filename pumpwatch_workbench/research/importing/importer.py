"""Import files one after the other, a batch of rows at a time, into one folder of recordings."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
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
from .names import read_name, symbol_of
from .rows import LeftOut, minutes_of, sound_rows, step_of, times_of
from .tables import rows_of


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

    Trades are kept by day, so that memory holds those of a day. `interval` 0 is recognised.
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
        self._candles: dict[str, list[Path]] = defaultdict(list)
        self._trades: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))

    def close(self) -> None:
        """Remove what is unfinished, and the folder if nothing is in it."""
        shutil.rmtree(self._work, ignore_errors=True)
        if not any(self._out.iterdir()):
            self._out.rmdir()

    def read(self, path: Path, *, is_named: bool) -> None:
        """Read a file. One that cannot be used is skipped, or `BadInput` if it was named itself."""
        try:
            for where, file in unpack(path, self._work):
                pair, interval, is_traded = read_name(Path(where.removeprefix(f"{path}:")).name)
                if not is_traded:
                    raise BadInput(f"{where}: prices of a mark or an index: nobody traded at them")
                _check_length(self._interval or interval, where)
                self._read(file, where, self._symbol or pair, self._interval or interval)
        except BadInput as error:
            if is_named:
                raise
            self.skipped.append(str(error))

    def finish(self) -> int:
        """Write the folder; return how many segments it has. Raises `BadInput`."""
        writer = RecordingWriter(self._work, split_from=LONGEST_GAP)
        for symbol, imported in sorted(self.symbols.items()):
            days = sorted(self._trades[symbol].items())
            trades = [self._day_of_trades(paths, imported) for _, paths in days]
            tables = [minutes_of(pl.read_ipc(path)) for path in trades]
            if paths := self._candles[symbol]:
                tables.insert(0, self._candles_of(paths, imported))
            table = pl.concat(tables)
            if trades:
                table = table.unique("time", keep="first").sort("time")
            _describe(imported, symbol, table)
            writer.add(symbol, table.rename({"time": "open_time"}))
            writer.add_trades(symbol, map(pl.read_ipc, trades))
        if not writer.segments:
            kinds = [f"rows {kind}: {rows:,}" for kind, rows in self.left_out.rows.items()]
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

    def _read(self, path: Path, where: str, pair: str, length: int) -> None:
        for batch in rows_of(path, where):
            times, units = times_of(batch["time"])
            is_trades = "price" in batch.columns
            length = length or step_of(times) or MINUTE
            _check_length(0 if is_trades else length, where)
            _check_coins(batch, where)
            has_symbol = "symbol" in batch.columns
            if self._symbol and has_symbol and batch["symbol"].n_unique() > 1:
                raise BadInput(f"{where} holds several symbols: leave out --symbol")
            own = pl.lit(pair) if self._symbol or not has_symbol else pl.col("symbol")
            file = pl.lit(where, pl.Categorical)
            named = batch.with_columns(time=times, file=file, symbol=own)
            for (text,), rows in named.group_by("symbol", maintain_order=True):
                symbol, known = self._known(str(text or ""), where)
                good = sound_rows(rows, 0 if is_trades else length, self.left_out)
                if good.height:
                    self.symbols[symbol] = known
                    known.units += [unit for unit in units if unit not in known.units]
                    self._keep(symbol, good)
                    if not is_trades:
                        known.turnover_computed |= "turnover" not in rows.columns
                        known.intervals = sorted({*known.intervals, length})

    def _known(self, text: str, where: str) -> tuple[str, ImportedSymbol]:
        symbol, market = symbol_of(text, self._quote)
        if not symbol:
            raise BadInput(f"{where}: {text!r} is no symbol: give --symbol BTCUSDT")
        known = self.symbols.get(symbol) or ImportedSymbol(market)
        if known.market != market:
            raise BadInput(
                f"{where}: {market} and {known.market} are two markets of one symbol, {symbol}:"
                " import them into two folders"
            )
        return symbol, known

    def _keep(self, symbol: str, rows: pl.DataFrame) -> None:
        if "price" not in rows.columns:
            self._candles[symbol].append(self._written(rows))
            return
        for (day,), part in rows.group_by(pl.col("time") // DAY, maintain_order=True):
            self._trades[symbol][int(str(day))].append(self._written(part))

    def _written(self, rows: pl.DataFrame) -> Path:
        path = self._work / f"part-{next(self._names)}"
        rows.write_ipc(path)
        return path

    def _candles_of(self, paths: list[Path], imported: ImportedSymbol) -> pl.DataFrame:
        table = _sorted(paths, imported)
        again = pl.col("time") == pl.col("time").shift(fill_value=0)
        same = pl.col("close") == pl.col("close").shift()
        checks = {"that come twice": ~(again & same), "that come with other prices": ~again}
        table = self.left_out.take(table, checks).drop("file", "line")
        return minutes_of(table) if min(imported.intervals) < MINUTE else table

    def _day_of_trades(self, paths: list[Path], imported: ImportedSymbol) -> Path:
        """Write the trades of a day in order of time, each once where it has an id."""
        table = _sorted(paths, imported)
        once = pl.col("id").is_null() | pl.struct("time", "id").is_first_distinct()
        table = self.left_out.take(table, {"that come twice": once}).drop("id", "file", "line")
        imported.trades += table.height
        return self._written(table)


def _sorted(paths: list[Path], imported: ImportedSymbol) -> pl.DataFrame:
    table = pl.concat(map(pl.read_ipc, paths))
    wrong = int((np.diff(table["time"]) < 0).sum())
    imported.rows_sorted += wrong
    return table.sort("time", maintain_order=True) if wrong else table


def _describe(imported: ImportedSymbol, symbol: str, table: pl.DataFrame) -> None:
    if not table["volume"].sum():
        raise BadInput(f"{symbol}: no row has a volume, as in prices of a mark or an index")
    empty = np.diff(table["time"]) // MINUTE - 1
    imported.candles, imported.minutes_missing = table.height, int(empty.sum())
    imported.holes = int((empty > 0).sum())
    imported.begin, imported.end = table["time"][0], table["time"][-1] + MINUTE


def _check_length(length: int, where: str) -> None:
    if length > MINUTE:
        minutes = f"candles of {length / MINUTE:g} minutes"
        raise BadInput(f"{where}: {minutes}: the rules need those of one minute")


def _check_coins(rows: pl.DataFrame, where: str) -> None:
    """Raise `BadInput` when turnover is not quantity times price, as in inverse contracts."""
    if "turnover" in rows.columns:
        price, amount = ("price", "quantity") if "price" in rows.columns else ("close", "volume")
        ratio = (rows["turnover"] / rows[amount] / rows[price]).drop_nans().median()
        if isinstance(ratio, float) and not 1 / FAR <= ratio <= FAR:
            raise BadInput(
                f"{where}: turnover is {ratio:g} times volume times price: an inverse contract,"
                " whose volume is no coins, or columns in another order"
            )
