"""Folders of other people: every command that reads one refuses the same, in one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.main import get_command

from pumpwatch_workbench.cli import main
from pumpwatch_workbench.export import check_export, tables_of, write_tables

MINUTE = 60_000
START = 1_735_603_200_000
"""2024-12-31T00:00:00Z."""
COUNT = 1_800
SEGMENTS = "segment,symbol,start,end\n1,AAAUSDT,2024-12-31T00:00:00Z,2025-01-01T06:00:00Z\n"
EVENTS = "segment,symbol,onset,counted\n1,AAAUSDT,2025-01-01T04:00:10Z,1\n"
PRICES = ("open", "high", "low", "close")
COMMANDS = {
    "backtest": "backtest {folder}",
    "compare": "compare {folder} --strategy fade --from 2024-12-31 --journal {journal}",
    "evaluate": "evaluate {folder} --detector ewma",
    "run": "run --replay {folder}",
    "simulator": "simulator --replay {folder} --port 0",
    "train": "train {folder} --out model.json",
    "tune": "tune {folder} --trials 1",
}
WITH_TRADES = {"evaluate", "run", "simulator", "train"}


def candles(count: int = COUNT) -> pl.DataFrame:
    random = np.random.default_rng(1)
    close = 0.05 * np.exp(np.cumsum(random.normal(0, 1e-3, count)))
    opened = np.roll(close, 1)
    opened[0] = close[0]
    volume = random.lognormal(0, 1, count) * 50_000
    return pl.DataFrame(
        {
            "segment": np.ones(count, dtype=np.int64),
            "open_time": START + np.arange(count) * MINUTE,
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": volume,
            "turnover": volume * close,
        }
    )


def trades() -> pl.DataFrame:
    table = candles()
    return table.select(
        "segment",
        (pl.col("open_time") + 1_000).alias("time"),
        pl.lit("Buy").alias("side"),
        pl.col("close").alias("price"),
        pl.col("volume").alias("quantity"),
    )


def write(folder: Path, **changes: object) -> Path:
    """Write a sound folder with some files changed: text, bytes, a table, or None for no file."""
    folder.mkdir()
    files: dict[str, object] = {
        "candles": candles(),
        "trades": trades(),
        "segments": SEGMENTS,
        "events": EVENTS,
    } | changes
    for name, content in files.items():
        path = folder / f"{name}.{'parquet' if name in ('candles', 'trades') else 'csv'}"
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            path.write_text(str(content), encoding="utf-8")
    return folder


Change = Callable[[pl.DataFrame], pl.DataFrame]


def with_(*expressions: pl.Expr, **named: pl.Expr) -> Change:
    return lambda table: table.with_columns(*expressions, **named)


def at(row: int, **values: object) -> Change:
    return lambda table: table.with_columns(
        pl.when(pl.int_range(pl.len()) == row)
        .then(pl.lit(value))
        .otherwise(pl.col(name))
        .alias(name)
        for name, value in values.items()
    )


def rounded(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.col(name).cast(pl.Float32).cast(pl.Float64) for name in PRICES)


def mixed_units(table: pl.DataFrame) -> pl.DataFrame:
    late = pl.int_range(pl.len()) >= 1_440
    return table.with_columns(pl.when(late).then(pl.col("open_time") * 1000).otherwise("open_time"))


def holed(table: pl.DataFrame) -> pl.DataFrame:
    """Return the candles with a hole of 25 hours, and as many after it."""
    late = pl.int_range(pl.len()) >= 100
    return table.with_columns(
        pl.when(late).then(pl.col("open_time") + 1_500 * MINUTE).otherwise("open_time")
    )


LONG = SEGMENTS.replace("01-01T06", "01-02T07")
time, price = pl.col("open_time"), pl.col("close")
# What is wrong, what is done to the candles, and words of the sentence.
CANDLES: dict[str, tuple[Change, str]] = {
    "seconds": (with_(time // 1000), "row 0 .* 1735603200 is in seconds.*multiply by 1,000"),
    "microseconds": (with_(time * 1000), "row 0 .*is in microseconds.*divide by 1,000"),
    "nanoseconds": (with_(time * 1_000_000), "is in nanoseconds.*divide by 1,000,000"),
    "microseconds from a row on": (mixed_units, "row 1440 .*is in microseconds"),
    "short microseconds": (lambda t: t[:50].with_columns(time * 1000), "is in microseconds"),
    "five minutes": (lambda t: t.gather_every(5), "row 0 .*candles of 5 minutes begin here"),
    "five minutes from a row on": (
        lambda t: pl.concat([t[:500], t[500:].gather_every(5)]), "row 500 .*candles of 5 minutes",
    ),
    "an hour": (lambda t: t.gather_every(60), "candles of 60 minutes begin here"),
    "seven minutes, some missing": (
        lambda t: t.gather_every(7).filter(pl.int_range(pl.len()) % 9 != 4), "candles of 7 minutes",
    ),
    "half minutes": (
        with_(open_time=START + pl.int_range(pl.len()) * 30_000), "row 1 .*is not on a full minute",
    ),
    "close times": (with_(time + 59_999), "is not on a full minute"),
    "Datetime": (
        with_(pl.from_epoch("open_time", "ms")), r"column open_time holds Datetime.*epoch\('ms'\)",
    ),
    "Datetime of a zone": (
        with_(pl.from_epoch("open_time", "ms").dt.replace_time_zone("Asia/Tokyo")),
        "column open_time holds Datetime.*Asia/Tokyo.*milliseconds UTC are needed",
    ),
    "times as floats": (with_(time.cast(pl.Float64)), "column open_time holds Float64, whole"),
    "times as text": (with_(time.cast(pl.String)), "column open_time holds String, whole"),
    "no time": (at(7, open_time=None), "row 7 .*open_time is empty"),
    "before 1970": (with_(time - 2 * START), "open_time -1735603200000 is before 1970"),
    "segments as text": (with_(pl.lit("1").alias("segment")), "column segment holds String"),
    "categorical symbols": (
        with_(pl.lit("AAA").cast(pl.Categorical).alias("segment")), "column segment holds Categ",
    ),
    "no segment": (at(9, segment=None), "row 9: segment is empty"),
    "another segment": (at(1_799, segment=2), "row 1799: segment 2 is not in segments.csv"),
    "a segment that comes again": (
        lambda t: pl.concat([t, t[:1].with_columns(segment=pl.lit(2, pl.Int64)), t[-1:]]),
        "row 180[01]: segment",
    ),
    "prices as text": (with_(price.cast(pl.String)), "column close holds String, numbers are need"),
    "prices as booleans": (with_(price > 0), "column close holds Boolean"),
    "32-bit prices": (with_(price.cast(pl.Float32)), "column close holds Float32"),
    "prices that were 32-bit": (rounded, "close 0.05.* was rounded to 32 bits"),
    "nothing but nulls": (with_(pl.lit(None).alias("close")), "column close holds Null"),
    "NaN": (at(40, high=float("nan")), "row 40 .*AAAUSDT.*high is nan.* the row"),
    "infinite": (at(40, turnover=float("inf")), "row 40 .*turnover is inf"),
    "an empty price": (at(40, close=None), "row 40 .*close is nan"),
    "negative price": (at(40, low=-1.0), "row 40 .*low is -1.0"),
    "zero price": (at(40, open=0.0), "row 40 .*open is 0.0"),
    "prices that no market has": (with_(pl.col(*PRICES) * 1e-300), "row 0 .*open is .*e-30"),
    "volumes that no market has": (with_(pl.col("volume") * 1e300), "row 0 .*volume is .*e\\+30"),
    "negative volume": (at(40, volume=-1.0), "row 40 .*volume is -1.0"),
    "high below low": (at(40, high=0.001), "row 40 .*low .* is above high 0.001"),
    "high and low swapped": (
        lambda t: t.rename({"high": "low", "low": "high"}), "row 0 .*low .* is above high",
    ),
    "volume and turnover swapped": (
        lambda t: t.rename({"volume": "turnover", "turnover": "volume"}), "columns are swapped",
    ),
    "a row twice": (
        lambda t: pl.concat([t[:100], t[99:]]), "row 100 .*is there twice in this segment",
    ),
    "newest first": (lambda t: t.reverse(), "row 1 .*is before the row above it: sort by"),
    "two rows changed places": (
        lambda t: pl.concat([t[:5], t[6:7], t[5:6], t[7:]]), "row 6 .*is before the row above it",
    ),
    "a hole": (holed, "row 100 .*no candle for 25 hours"),
    "a day too late": (with_(time + 86_400_000), "row 1[0-9]* |outside its segment"),
    "no candle at all": (lambda t: t[:0], "holds no candle"),
    "no column": (lambda t: t.drop("turnover"), "has no column turnover"),
    "a column of another name": (lambda t: t.rename({"close": "Close"}), "no column close; it has"),
    "no column at all": (lambda t: t.select(), "has no column segment"),
}  # fmt: skip

# What is wrong, the files, and words of the sentence.
FILES: dict[str, tuple[dict[str, object], str]] = {
    "no candles": ({"candles": None}, "candles.parquet is missing"),
    "an empty file": ({"candles": b""}, "candles.parquet cannot be read"),
    "a CSV named Parquet": ({"candles": "segment,open_time\n1,2\n"}, "parquet cannot be read"),
    "half a file": ({"candles": b"PAR1 and no more PAR1"}, "candles.parquet cannot be read"),
    "empty segments": ({"segments": ""}, "segments.csv cannot be read"),
    "segments of another kind": ({"segments": "a;b\n1;2\n"}, "segments.csv has no column segment"),
    "no segment at all": ({"segments": SEGMENTS.splitlines()[0] + "\n"}, "names no segment"),
    "binary segments": ({"segments": b"\xff\xfe\x00s\x00e"}, "segments.csv (cannot|has no)"),
    "ragged segments": ({"segments": SEGMENTS + "1,2,3,4,5,6\n"}, "segments.csv cannot be read"),
    "a segment twice": ({"segments": SEGMENTS + SEGMENTS.splitlines()[1]}, "line 3: .*there twice"),
    "a segment without candles": (
        {"segments": SEGMENTS + "2,BUSDT,2024-12-31,2025-01-02\n"}, "no candle of segment 2 .BUSDT",
    ),
    "a segment that begins soon": (
        {"segments": SEGMENTS.replace("2024-12-31T00:00:00Z", "soon")}, "start 'soon' is no time",
    ),
    "segments without an end": (
        {"segments": "segment,symbol,start\n"}, "segments.csv has no column end",
    ),
    "a segment that is no number": ({"segments": SEGMENTS.replace("\n1,", "\none,")}, "'one' is"),
    "a segment that ends first": (
        {"segments": SEGMENTS.replace("2025-01-01T06", "2023-01-01T06")}, "is not after start",
    ),
    "a segment without end": ({"segments": SEGMENTS.replace("2025-01-01T06:00:00Z", "")}, "end ''"),
    "a segment that ends in a thousand years": (
        {"segments": SEGMENTS.replace("2025-01-01T06", "2999-01-01T06")}, "no candle for the",
    ),
    "a segment that begins years before": (
        {"segments": SEGMENTS.replace("2024-12-31", "1999-12-31")}, "row 0 .*no candle for",
    ),
    "a segment that is too small": (
        {"segments": SEGMENTS.replace("01-01T06:00", "01-01T05:30")}, "outside its segment in segm",
    ),
    "a symbol with a slash": ({"segments": SEGMENTS.replace("AAAUSDT", "../AAA")}, "symbol '../A"),
    "a symbol with a tag": ({"segments": SEGMENTS.replace("AAAUSDT", "<b>")}, "symbol '<b>' is no"),
    "no symbol": ({"segments": SEGMENTS.replace("AAAUSDT", "")}, "symbol '' is no coin"),
    "a label of another segment": ({"events": EVENTS.replace("\n1,", "\n5,")}, "has no segment 5"),
    "a label of another symbol": ({"events": EVENTS.replace("AAA", "B")}, "symbol 'BUSDT' is not"),
    "a label after the data": ({"events": EVENTS.replace("2025", "2026")}, "outside segment 1"),
    "a label before the data": ({"events": EVENTS.replace("2025", "1025")}, "outside segment 1"),
    "a label in milliseconds": (
        {"events": EVENTS.replace("2025-01-01T04:00:10Z", str(START))}, "onset .* is no time",
    ),
    "a label without count": ({"events": EVENTS.replace("Z,1", "Z,maybe")}, "counted is 'maybe'"),
    "labels without a column": (
        {"events": "segment,symbol\n1,AAAUSDT\n"}, "events.csv has no column onset",
    ),
    "empty labels": ({"events": ""}, "events.csv cannot be read"),
}  # fmt: skip

# As above, for the commands that read trades.
TRADES: dict[str, tuple[object, str]] = {
    "microseconds": (trades().with_columns(pl.col("time") * 1000), "time .* is in microseconds"),
    "seconds": (trades().with_columns(pl.col("time") // 1000), "time .* is in seconds"),
    "a side": (
        trades().with_columns(pl.lit("BUY").alias("side")),
        "side is 'BUY', not Buy or Sell",
    ),
    "no side": (at(3, side=None)(trades()), "row 3 .*side is None"),
    "no price": (at(3, price=0.0)(trades()), "row 3 .*price is 0.0"),
    "no quantity": (at(3, quantity=None)(trades()), "row 3 .*quantity is nan"),
    "32-bit prices": (trades().cast({"price": pl.Float32}), "column price holds Float32"),
    "not sorted": (trades().reverse(), "row 1 .*is before the row above it"),
    "another segment": (at(3, segment=8)(trades()), "row 3 .*not in segments.csv"),
    "a column less": (trades().drop("quantity"), "trades.parquet has no column quantity"),
    "a CSV": ("segment,time\n", "trades.parquet cannot be read"),
}


@pytest.fixture(scope="module")
def command_line():
    """Return the command line, built once: that takes longer than a refusal."""
    return get_command(main.app)


@pytest.fixture
def pumpwatch(tmp_path, monkeypatch, capsys, command_line):
    """Return what runs a command on a folder and returns status, standard output and error."""
    check_export(tmp_path / "journal")
    write_tables(tmp_path / "journal", tables_of([], [], []))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "app", command_line)

    journal = tmp_path / "journal" / "trades.parquet"

    def run(command, folder, *more):
        words = COMMANDS[command].format(folder=folder, journal=journal).split()
        return main.run_program([*words, *more]), *capsys.readouterr()

    return run


@pytest.fixture
def refused(pumpwatch):
    """Return what has commands refuse a folder, all with the same sentence."""

    def check(folder, words, commands):
        said = {}
        for command in sorted(commands):
            status, out, error = pumpwatch(command, folder)
            assert (status, out) == (2, ""), f"{command}: {error}"
            said[command] = error.splitlines()[-1]
            assert len(error.splitlines()) == 1
        assert len(set(said.values())) == 1, said
        sentence = said["evaluate"]
        assert pl.Series([sentence]).str.contains(words)[0], sentence

    return check


@pytest.mark.parametrize("kind", CANDLES)
def test_candles_that_cannot_be_used_are_refused_by_every_command(tmp_path, refused, kind):
    change, words = CANDLES[kind]
    segments = LONG if kind == "a hole" else SEGMENTS
    refused(write(tmp_path / "f", candles=change(candles()), segments=segments), words, COMMANDS)


@pytest.mark.parametrize("kind", FILES)
def test_files_that_do_not_fit_are_refused_by_every_command(tmp_path, refused, kind):
    files, words = FILES[kind]
    refused(write(tmp_path / "f", **files), words, COMMANDS)


@pytest.mark.parametrize("kind", TRADES)
def test_trades_that_cannot_be_used_are_refused_where_they_are_read(tmp_path, refused, kind):
    content, words = TRADES[kind]
    refused(write(tmp_path / "f", trades=content), words, WITH_TRADES)


def test_files_of_other_programs_are_sent_to_the_import(tmp_path, refused):
    folder = tmp_path / "f"
    folder.mkdir()
    file = folder / "BTC_USDT_USDT-1m-futures.feather"
    file.write_bytes(b"ARROW1")
    for path in (file, folder):
        refused(path, f"{path} is no folder of recordings: .* pumpwatch import {path}", COMMANDS)


@pytest.mark.parametrize("rows", [1, 2, 50, 1_440])
@pytest.mark.parametrize("command", ["backtest", "compare", "evaluate", "train", "tune"])
def test_a_recording_that_only_warms_up_is_refused(tmp_path, pumpwatch, command, rows):
    end = np.datetime64(START + rows * MINUTE, "ms")
    folder = write(
        tmp_path / "f",
        candles=candles(rows),
        trades=trades()[:rows],
        segments=SEGMENTS.replace("2025-01-01T06:00:00", str(end)),
        events=EVENTS.splitlines()[0] + "\n"
        if command != "train"
        else EVENTS.replace("2025-01-01T04:00:10", "2024-12-31T00:00:00"),
    )
    status, _, error = pumpwatch(command, folder)
    assert status == 2
    assert "the longest segment, 1 (AAAUSDT), has" in error


@pytest.mark.parametrize(
    "change",
    [
        with_(pl.col("segment").cast(pl.UInt8)),
        with_(pl.col("volume").cast(pl.Float32)),
        with_(pl.lit("AAAUSDT").alias("symbol")),
        lambda table: table.filter(pl.int_range(pl.len()) % 11 != 3),
    ],
)
def test_what_is_only_unusual_is_taken(tmp_path, pumpwatch, change):
    folder = write(tmp_path / "f", candles=change(candles()), segments="\ufeff" + SEGMENTS)
    for command in ("backtest", "evaluate"):
        assert pumpwatch(command, folder)[0] == 0


def test_minutes_that_are_missing_are_counted_said_and_no_symbol_days(tmp_path, pumpwatch):
    random = np.random.default_rng(2)
    there = random.random(COUNT) < 0.2
    folder = write(
        tmp_path / "f", candles=candles().filter(pl.Series(there)), trades=None, events=EVENTS[:30]
    )
    (folder / "events.csv").write_text(EVENTS.splitlines()[0] + "\n")
    said = []
    for command in ("evaluate", "backtest"):
        status, out, error = pumpwatch(command, folder, "--json")
        minutes = json.loads(out)["minutes"]
        assert (status, minutes["expected"], minutes["present"]) == (0, COUNT, there.sum())
        assert minutes["share"] == pytest.approx(0.2, abs=0.03)
        said.append(" ".join(error.split()).partition(" Report")[0])
    assert said[0] == said[1]
    assert f"{there.sum()} of 1,800 minutes have a candle" in said[0]
    _, out, _ = pumpwatch("evaluate", folder, "--json")
    assert json.loads(out)["symbol_days"] == pytest.approx(there[1_440:].sum() / 1_440)


def test_minutes_that_the_trades_show_to_be_empty_are_symbol_days(tmp_path, pumpwatch):
    few = pl.int_range(pl.len()) % 5 == 0
    table = candles().filter(~(few & (pl.int_range(pl.len()) > 0)) | (pl.int_range(pl.len()) == 0))
    made = trades().join(
        table.select(time=pl.col("open_time") + 1_000), on="time", maintain_order="left"
    )
    folder = write(tmp_path / "f", candles=table, trades=made, events=EVENTS.splitlines()[0] + "\n")
    _, out, _ = pumpwatch("evaluate", folder, "--json")
    assert json.loads(out)["symbol_days"] == pytest.approx(360 / 1_440)


def test_without_labels_there_is_a_dash_and_no_zero(tmp_path, pumpwatch):
    folder = write(tmp_path / "f", events=EVENTS.splitlines()[0] + "\n")
    _, out, _ = pumpwatch("evaluate", folder, "--json")
    found = json.loads(out)
    assert (found["precision"], found["recall"], found["f1"]) == (None, None, None)
    _, out, _ = pumpwatch("evaluate", folder)
    assert "0.000 " not in out
    _, out, _ = pumpwatch("backtest", folder, "--json")
    assert json.loads(out)["false_signal_share"] is None
    page = Path("build/evaluation-report.html").read_text(encoding="utf-8")
    assert not re.search(r">\s*nan\s*<|>\s*0\.000\s*<", page)


@pytest.mark.parametrize(
    ("symbol", "factor", "multiplied"),
    [
        ("AAAUSDT", 1e-4, False),
        ("AAA-PERP", 1e-4, False),
        ("AAA", 1e-4, False),
        ("AAA", 1e-8, True),
    ],
)
def test_thin_contracts_in_usdt_are_left_alone(tmp_path, pumpwatch, symbol, factor, multiplied):
    table = candles().with_columns(pl.col("volume", "turnover") * factor * 20)
    changes = {
        "segments": SEGMENTS.replace("AAAUSDT", symbol),
        "events": EVENTS.replace("AAAUSDT", symbol),
    }
    folder = write(tmp_path / "f", candles=table, **changes)
    _, out, error = pumpwatch("backtest", folder, "--json")
    assert (json.loads(out)["quote_price"] > 1) == multiplied
    assert ("taken to be in another" in " ".join(error.split())) == multiplied
