"""Trades, events and equity as tables of one form, whatever made them, and as files.

Numbers are floats: their shortest text is the exact amount to 15 digits. See docs/data-format.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl
import polars.selectors as cs

from pumpwatch.adapters.records import read_record
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import BadInput, InvariantBroken
from pumpwatch_workbench.pages.event_rows import DetectedEvent
from pumpwatch_workbench.pages.files import check_writable
from pumpwatch_workbench.recordings.parquet import check_columns, check_file, reading

TEXT = "signal_id event_id symbol strategy mode side state exit_reason denial detector"
TRADES = (
    "signal_id event_id symbol strategy mode side state signal_time signal_price quantity stop_loss"
    " take_profit entry_time entry_price exit_time exit_price exit_reason realised_pnl_usdt"
    " fees_usdt funding_usdt denial"
)
EVENTS = (
    "event_id symbol detector alarm_time alarm_price base_price peak_price rise strength"
    " peaked_time fading_time over_time onset_time"
)


@dataclass(frozen=True, slots=True)
class Tables:
    """Trades, events and equity in order of time, and in notebooks a report's figures."""

    trades: pl.DataFrame
    events: pl.DataFrame
    equity: pl.DataFrame
    summary: pl.DataFrame = field(default_factory=pl.DataFrame)


def tables_of(
    trades: Iterable[Trade],
    events: Iterable[DetectedEvent],
    equity: Iterable[tuple[int, Decimal | float]],
) -> Tables:
    """Return the tables; those that were denied are among the trades."""
    return Tables(
        frame_of(map(_of_trade, trades), TRADES).sort("signal_time", "symbol"),
        frame_of(map(_of_event, events), EVENTS).sort("alarm_time", "symbol"),
        frame_of(((time, float(value)) for time, value in equity), "time equity_usdt"),
    )


def frame_of(rows: Iterable[Sequence[object]], columns: str) -> pl.DataFrame:
    """Return the rows as a frame of these columns."""
    return pl.DataFrame(list(rows), schema_of(columns), orient="row")


def schema_of(columns: str) -> pl.Schema:
    """Return the kind of each column; its name tells it."""
    kinds = dict.fromkeys(TEXT.split(), pl.String())
    time, number = pl.Datetime("ms", "UTC"), pl.Float64()
    return pl.Schema(
        (name, kinds.get(name, time if name.endswith("time") else number))
        for name in columns.split()
    )


def check_export(folder: Path | None) -> None:
    """Raise `BadInput` where nothing can be written, before the work whose result it is."""
    if folder is not None:
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise BadInput(f"{folder} is there and not empty: name another folder with --export")
        check_writable("the export", folder / "trades.csv", make_folder=True)


def write_tables(folder: Path, tables: Tables) -> None:
    """Write each table as CSV and as Parquet."""
    for name in ("trades", "events", "equity"):
        frame: pl.DataFrame = getattr(tables, name)
        frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ")
        frame.write_parquet(folder / f"{name}.parquet")


def read_trades(path: Path) -> list[Trade]:
    """Return the trades of a `trades.parquet`, in order of time. Raises `BadInput`."""
    check_file(path)
    with reading(path):
        frame = pl.read_parquet(path)
    check_columns(path, TRADES.split(), frame.columns)
    try:
        return trades_of(frame)
    except InvariantBroken as error:
        raise BadInput(f"{path}: {str(error).partition(';')[0]}") from None


def trades_of(frame: pl.DataFrame) -> list[Trade]:
    """Return the trades of a table. Raises `InvariantBroken`."""
    times = frame.with_columns(cs.temporal().dt.timestamp("ms"))
    rows = times.with_columns(created="signal_time")
    return [
        read_record(
            Trade,
            {name.removesuffix("_usdt"): value for name, value in row.items() if value is not None},
            where=f"trade {number}",
        )
        for number, row in enumerate(rows.iter_rows(named=True), start=1)
    ]


def _of_trade(trade: Trade) -> list[object]:
    values = (getattr(trade, name.removesuffix("_usdt")) for name in TRADES.split())
    plain = (float(value) if isinstance(value, Decimal) else value for value in values)
    return [None if value == "" else value for value in plain]


def _of_event(event: DetectedEvent) -> list[object]:
    known: dict[str, object] = {f"{signal.phase}_time": signal.time for signal in event.signals}
    known |= {"alarm_price": event.signals[0].price, "onset_time": event.onset}
    return [known.get(name, getattr(event, name, None)) for name in EVENTS.split()]
