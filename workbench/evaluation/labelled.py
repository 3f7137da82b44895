"""Folders of labelled pumps: continuous markets of single coins, and when pumps began in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.candles import MINUTE, Candles
from pumpwatch.domain.detection import MarketTrades
from pumpwatch.errors import BadInput
from workbench.simulator.replay.checks import (
    check_candles,
    check_folder,
    check_trades,
    collect,
    scan,
)
from workbench.simulator.replay.errors import ReplayDataError

__all__ = ["LabelledPump", "Segment", "load_pump_events"]

PRICES = ("open", "high", "low", "close")
FLOWS = ("volume", "turnover")
CANDLE_COLUMNS = ("segment", "open_time", *PRICES, *FLOWS)
SEGMENT_COLUMNS = ("segment", "symbol", "start", "end")
TRADE_COLUMNS = ("segment", "time", "side", "price", "quantity")
EVENT_COLUMNS = ("segment", "symbol", "onset", "counted")


@dataclass(frozen=True, slots=True)
class LabelledPump:
    """A known pump; `counted` False: alarms near it are ignored, and it cannot be hit."""

    segment: int
    symbol: str
    onset: int
    """Milliseconds UTC."""
    counted: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A continuous market of one symbol; times in milliseconds UTC."""

    number: int
    symbol: str
    start: int
    end: int
    candles: Candles
    """One symbol, one-minute candles, minutes without a trade filled with the last close."""
    trades: MarketTrades | None = None
    """Every trade, where the folder has them."""


def load_pump_events(folder: Path) -> tuple[list[Segment], list[LabelledPump]]:
    """Load a folder of labelled pumps: `candles.parquet`, `segments.csv`, `events.csv`, and
    `trades.parquet` where it is there.

    Prices and turnover stay in the data's own quote currency. Raises `BadInput` with file, row and
    what to do.
    """
    try:
        segments, labels, candles = _read(folder)
        trades = _read_trades(folder / "trades.parquet")
    except ReplayDataError as error:
        raise BadInput(str(error)) from error
    if not len(segments):
        raise BadInput(f"{folder / 'segments.csv'} names no segment: there is nothing to evaluate")
    parts = {
        int(key[0]): part for key, part in candles.partition_by("segment", as_dict=True).items()
    }
    markets: dict[int, Segment] = {}
    for line, row in segments:
        segment = _segment(row, parts, trades, f"segments.csv line {line}")
        if segment.number in markets:
            raise BadInput(
                f"segments.csv line {line}: segment {segment.number} is there twice; remove one"
            )
        markets[segment.number] = segment
    events = [_event(row, markets, f"events.csv line {line}") for line, row in labels]
    return list(markets.values()), events


Row = dict[str, str | None]
Rows = list[tuple[int, Row]]


def _read(folder: Path) -> tuple[Rows, Rows, pl.DataFrame]:
    check_folder(folder)
    segments = _read_text(folder / "segments.csv", SEGMENT_COLUMNS)
    labels = _read_text(folder / "events.csv", EVENT_COLUMNS)
    path = folder / "candles.parquet"
    candles = collect(scan(path, CANDLE_COLUMNS), path)
    check_candles(candles)
    return segments, labels, candles


def _read_text(path: Path, columns: Sequence[str]) -> Rows:
    """Return the rows of a CSV file with their line numbers."""
    table = collect(scan(path, columns), path)
    return list(enumerate(table.iter_rows(named=True), start=2))


def _read_trades(path: Path) -> dict[int, MarketTrades]:
    """Return the trades by segment; without the file there are none."""
    if not path.exists():
        return {}
    frame = pl.scan_parquet(path)
    scan(path, [name for name in TRADE_COLUMNS if name != "side"])
    if "side" not in frame.collect_schema():
        raise BadInput(f"{path} has no column side: it needs {', '.join(TRADE_COLUMNS)}")
    table = collect(
        frame.select(
            pl.col("segment", "time").cast(pl.Int64),
            pl.col("side").cast(pl.String),
            pl.col("price", "quantity").cast(pl.Float64),
        ).with_row_index("row"),
        path,
    )
    _check_sides(table)
    check_trades(table.rename({"segment": "stretch"}).with_columns(segment=pl.col("stretch")))
    return {
        int(key[0]): MarketTrades(
            part["time"].to_numpy(),
            (part["side"] == "Buy").to_numpy(),
            part["price"].to_numpy(),
            part["quantity"].to_numpy(),
        )
        for key, part in table.partition_by("segment", as_dict=True).items()
    }


def _check_sides(table: pl.DataFrame) -> None:
    wrong = table.filter(~pl.col("side").is_in(["Buy", "Sell"]).fill_null(value=False))
    if len(wrong):
        row = wrong.row(0, named=True)
        raise BadInput(
            f"trades.parquet row {row['row']} (segment {row['segment']}): side is {row['side']!r}; "
            "write Buy or Sell, what the taker did"
        )


def _segment(
    row: Row, parts: dict[int, pl.DataFrame], trades: dict[int, MarketTrades], where: str
) -> Segment:
    number = _number(row["segment"], where)
    start, end = _time(row["start"], "start", where), _time(row["end"], "end", where)
    if end <= start:
        raise BadInput(f"{where}: the segment ends before it starts; correct start or end")
    if number not in parts:
        raise BadInput(
            f"{where}: candles.parquet has no candle of segment {number}; add them or remove the "
            "line"
        )
    symbol = _symbol(row["symbol"], where)
    candles = _filled(symbol, parts[number], end)
    return Segment(number, symbol, start, end, candles, trades.get(number))


def _event(row: Row, markets: dict[int, Segment], where: str) -> LabelledPump:
    number = _number(row["segment"], where)
    if number not in markets:
        raise BadInput(f"{where}: segments.csv has no segment {number}; add it or remove the line")
    counted = row["counted"]
    if counted not in {"0", "1"}:
        raise BadInput(
            f"{where}: counted is {counted!r}; write 1 to count the event, 0 to ignore it"
        )
    onset = _time(row["onset"], "onset", where)
    return LabelledPump(number, _symbol(row["symbol"], where), onset, counted == "1")


def _number(text: str | None, where: str) -> int:
    if text is None or not text.isdecimal():
        raise BadInput(f"{where}: segment {text!r} is no number; use the one of candles.parquet")
    return int(text)


def _symbol(text: str | None, where: str) -> str:
    if not text:
        raise BadInput(f"{where}: the symbol is empty; write the coin's name")
    return text


def _time(text: str | None, name: str, where: str) -> int:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        raise BadInput(
            f"{where}: {name} {text!r} is no time; write it like 2019-07-05T17:00:10Z"
        ) from None
    return round(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1000)


def _filled(symbol: str, rows: pl.DataFrame, end: int) -> Candles:
    """Lay the minutes with a trade on a grid; the others get the last close and no volume."""
    times = rows["open_time"].to_numpy()
    first = int(times[0])
    count = max(int(times[-1]), end // MINUTE * MINUTE - MINUTE) - first
    candles = Candles.empty([symbol], interval=MINUTE, first=first, count=count // MINUTE + 1)
    position = (times - first) // MINUTE
    traded = np.zeros(candles.shape[1], dtype=np.bool_)
    traded[position] = True
    source = np.maximum.accumulate(np.where(traded, np.arange(len(traded)), 0))
    close = np.empty(len(traded))
    close[position] = rows["close"].to_numpy()
    last_close = close[source]
    for name in PRICES:
        column = getattr(candles, name)[0]
        column[:] = last_close
        column[position] = rows[name].to_numpy()
    for name in FLOWS:
        column = getattr(candles, name)[0]
        column[:] = 0.0
        column[position] = rows[name].to_numpy()
    return candles
