"""`pumpwatch import`: every known format, and what it says of a file."""

import json

import numpy as np
import polars as pl
import pytest
from support.command_line import type_in
from support.foreign_files import (
    CANDLE_FILES,
    KLINES,
    MINUTE,
    START,
    TRADE_FILES,
    candles,
    feather,
    klines,
    of_ccxt,
    trades,
    write,
    zipped,
)

from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.importing import files
from pumpwatch_workbench.research.importing.names import OtherKind, read_name, symbol_of


def imported(out, *paths):
    """Import with --json; return what it says, and the candles."""
    answer = type_in("import", *paths, "--out", out, "--json")
    assert answer.status == 0, answer.errors
    RecordedFolder(out).check()
    return json.loads(answer.output), pl.read_parquet(out / "candles.parquet")


def same(table, expected, *, turnover=True):
    """Assert that candles are those of a table."""
    assert table["open_time"].to_list() == expected["time"].to_list()
    for name in ("open", "high", "low", "close", "volume"):
        assert table[name].to_list() == expected[name].to_list(), name
    if turnover:
        np.testing.assert_allclose(table["turnover"], expected["turnover"], rtol=1e-12)


@pytest.mark.parametrize("name", CANDLE_FILES)
def test_candles_of_every_format_are_the_same(tmp_path, name):
    table = candles()
    said, found = imported(
        tmp_path / "out", write(tmp_path / "in", name, CANDLE_FILES[name](table))
    )
    same(found, table)
    assert (tmp_path / "out/segments.csv").read_text() == (
        "segment,symbol,start,end\n0,BTCUSDT,2025-01-01T00:00:00Z,2025-01-01T00:30:00Z\n"
    )
    symbol = said["symbols"]["BTCUSDT"]
    assert (symbol["candles"], symbol["holes"]) == (30, 0)
    assert "candles of 1 minute" in symbol["seen"]
    assert (said["left_out"], said["skipped"], said["segments"]) == ({}, [], 1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "candles.parquet", "segments.csv",
    ]  # fmt: skip


@pytest.mark.parametrize("name", TRADE_FILES)
def test_trades_of_every_format_are_kept_and_make_candles(tmp_path, name):
    table = trades()
    said, found = imported(tmp_path / "out", write(tmp_path / "in", name, TRADE_FILES[name](table)))
    kept = pl.read_parquet(tmp_path / "out/trades.parquet")
    assert kept.drop("segment").rows() == table.rows()
    first = table[:3]
    assert found.height == 30
    assert found.row(0, named=True) == {
        "segment": 0,
        "open_time": START,
        "open": first["price"][0],
        "high": first["price"].max(),
        "low": first["price"].min(),
        "close": first["price"][2],
        "volume": first["quantity"].sum(),
        "turnover": pytest.approx((first["price"] * first["quantity"]).sum()),
    }
    assert "trades" in said["symbols"]["BTCUSDT"]["seen"]
    assert said["left_out"] == {}


def test_one_sentence_says_what_was_seen(tmp_path):
    table = candles(40).filter(~pl.int_range(pl.len()).is_in([5, 6, 20]))
    text = of_ccxt(table.with_columns(pl.col("time") * 1000)).splitlines()
    text[3] = f"{table['time'][2] * 1000},0.05,0.01,0.02,0.05,1"
    path = write(tmp_path, "DOGEUSDT.csv", "\n".join(text))
    answer = type_in("import", path, "--out", tmp_path / "out")
    assert answer.errors == (
        "DOGEUSDT: candles 36, from 2025-01-01T00:00:00Z, to 2025-01-01T00:40:00Z, holes 3,"
        " missing minutes 4, seen candles of 1 minute, times in microseconds, turnover is close"
        " times volume\n"
        "Left out, rows with a high or low that does not enclose the other prices: 1, first"
        f" {path} line 4\nSegments: 1 in {tmp_path / 'out'}\n"
    )


def test_files_of_a_symbol_are_joined_in_time_also_over_a_change_of_unit(tmp_path):
    table = candles(60)
    old = write(
        tmp_path, "BTCUSDT-1m-2024-12.csv", klines(table[:35]).write_csv(include_header=False)
    )
    text = KLINES + "\n" + klines(table[30:], 1000).write_csv(include_header=False)
    new = write(tmp_path, "BTCUSDT-1m-2025-01.zip", zipped("BTCUSDT-1m-2025-01.csv", text))
    said, found = imported(tmp_path / "out", new, old)
    same(found, table)
    assert said["left_out"]["that come twice"][0] == 5
    assert "times in microseconds, times in milliseconds" in said["symbols"]["BTCUSDT"]["seen"]


def test_a_long_hole_begins_a_segment_and_a_short_one_does_not(tmp_path):
    later = [candles(10, start=START + hours * 60 * MINUTE) for hours in (0, 5, 30)]
    said, found = imported(
        tmp_path / "out", write(tmp_path, "BTCUSDT.csv", of_ccxt(pl.concat(later)))
    )
    assert found["segment"].to_list() == [0] * 20 + [1] * 10
    assert (said["segments"], said["symbols"]["BTCUSDT"]["holes"]) == (2, 2)


BAD = {
    "no time": ("when", "without a readable time"),
    "infinite": ("1e400", "without a readable time"),
    "a time of 2300": ("9" * 20, "without a readable time"),
    "an endless time": ("9" * 40, "without a readable time"),
    "a negative time": ("-5", "without a readable time"),
    "a time of 1970": ("17", "without a readable time"),
    "an odd second": (str(START + 5 * MINUTE + 1_000), "not on a full minute"),
    "a zero price": ("{t},0.05,0.06,0,0.05,1", "with a price that is missing, zero or negative"),
    "no price": ("{t},0.05,,0.04,0.05,1", "with a price that is missing, zero or negative"),
    "NaN": ("{t},nan,0.06,0.04,0.05,1", "with a price that is missing, zero or negative"),
    "infinity": ("{t},0.05,inf,0.04,0.05,1", "with a price that is missing, zero or negative"),
    "high below low": ("{t},0.05,0.04,0.06,0.05,1", "with a high or low that does not enclose"),
    "close above high": ("{t},0.05,0.06,0.04,0.07,1", "with a high or low that does not enclose"),
    "negative volume": ("{t},0.05,0.06,0.04,0.05,-1", "with a volume or turnover that is missing"),
    "half a line": ("{t},0.05", "with a price that is missing, zero or negative"),
    "binary": ("\x00\x01\xff,\x02", "without a readable time"),
    "once more": (None, "that come twice"),
    "once more, otherwise": ("{s},0.05,0.06,0.04,0.05,1", "that come with other prices"),
}


@pytest.mark.parametrize("kind", BAD)
def test_rows_that_cannot_be_are_counted_and_left_out(tmp_path, kind):
    row, words = BAD[kind]
    lines = of_ccxt(candles()).splitlines()
    before = lines[6]
    row = before if row is None else row.format(t=START + 40 * MINUTE, s=START + 5 * MINUTE)
    row += ",0.05,0.06,0.04,0.05,1" if "," not in row else ""
    path = write(tmp_path, "BTCUSDT.csv", "\n".join([*lines[:7], row, *lines[7:]]))
    said, found = imported(tmp_path / "out", path)
    same(found, candles())
    ((found_kind, rows_and_first),) = said["left_out"].items()
    assert found_kind.startswith(words)
    assert rows_and_first == [1, f"{path} line 8"]


def test_bad_trades_are_left_out_and_repeated_ids_counted_once(tmp_path):
    good = "1,1735689600137,2.5,4,buy\n2,1735689660137,2.6,4,sell\n"
    bad = (
        "3,x,2.5,1,buy\n4,1735689600137,-1,1,buy\n5,1735689600137,2,0,buy\n6,1735689600137,2,1,?\n"
    )
    text = "id,timestamp,price,volume,side\n" + good + bad
    paths = [write(tmp_path, f"BTCUSDT_2025-01-0{day}.csv", text) for day in (1, 2)]
    said, found = imported(tmp_path / "out", *paths)
    assert found["volume"].to_list() == [4.0, 4.0]
    assert [rows for rows, _ in said["left_out"].values()] == [2, 2, 2, 2, 2]


def test_newest_first_is_sorted(tmp_path):
    path = write(tmp_path, "BTCUSDT.csv", of_ccxt(candles().reverse()))
    same(imported(tmp_path / "out", path)[1], candles())
    newest = write(
        tmp_path,
        "ETHUSDT_2025-01-01.csv.gz",
        TRADE_FILES["BTCUSDT_2025-01-01.csv.gz"](trades().reverse()),
    )
    imported(tmp_path / "trades", newest)
    assert (
        pl.read_parquet(tmp_path / "trades/trades.parquet").drop("segment").rows()
        == trades().rows()
    )


def test_a_folder_keeps_symbols_apart_and_skips_what_is_no_market(tmp_path):
    folder = tmp_path / "futures"
    for coin, seed in (("BTC", 1), ("ETH", 2)):
        write(folder, f"{coin}_USDT_USDT-1m-futures.feather", feather(candles(seed=seed)))
    write(folder, "BTC_USDT_USDT-5m-futures.feather", feather(candles(seed=3)))
    write(folder, "BTC_USDT_USDT-1h-mark.feather", feather(candles(seed=4)))
    write(folder, "BTC_USDT_USDT-8h-funding_rate.feather", feather(candles(seed=5)))
    write(folder, "notes.txt", "no candles")
    said, found = imported(tmp_path / "out", folder)
    assert sorted(said["symbols"]) == ["BTCUSDT", "ETHUSDT"]
    assert len(said["skipped"]) == 3
    for number, seed in ((0, 1), (1, 2)):
        same(found.filter(segment=number), candles(seed=seed))


@pytest.mark.parametrize("size", [2, 7, 64])
def test_files_are_read_in_pieces_of_any_size(tmp_path, monkeypatch, size):
    monkeypatch.setattr(files, "PIECE", size)
    path = write(tmp_path, "BTC_USDT-1m.json", CANDLE_FILES["BTC_USDT-1m.json"](candles()))
    same(imported(tmp_path / "out", path)[1], candles())


def test_a_piece_may_begin_with_a_line_of_another_length(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 7)
    lines = of_ccxt(candles()).splitlines()
    lines = [*lines[:7], lines[7] + ",more", "", "17,1", *lines[8:]]
    said, found = imported(tmp_path / "out", write(tmp_path, "BTCUSDT.csv", "\n".join(lines)))
    same(found, candles())
    path = tmp_path / "BTCUSDT.csv"
    assert said["left_out"] == {"without a readable time": [2, f"{path} line 9"]}


def test_days_of_trades_may_come_in_any_order(tmp_path):
    days = [trades(start=START + day * 1440 * MINUTE) for day in (0, 1)]
    content = TRADE_FILES["BTCUSDT2025-01-01.csv.gz"]
    paths = [
        write(tmp_path, f"BTCUSDT2025-01-0{day + 1}.csv.gz", content(days[day])) for day in (1, 0)
    ]
    imported(tmp_path / "out", *paths)
    kept = pl.read_parquet(tmp_path / "out/trades.parquet").drop("segment")
    assert kept.rows() == pl.concat(days).rows()


def test_a_column_of_symbols_keeps_them_apart(tmp_path):
    parts = [
        candles(seed=seed).select("time", pl.lit(symbol).alias("symbol"), pl.exclude("time"))
        for symbol, seed in (("BTC/USDT:USDT", 1), ("1000PEPE/USDT:USDT", 2))
    ]
    path = write(tmp_path, "all.csv", pl.concat(parts).sort("time").write_csv())
    _, found = imported(tmp_path / "out", path)
    same(found.filter(segment=0), candles(seed=2))
    same(found.filter(segment=1), candles(seed=1))


def test_candles_come_before_those_made_of_trades(tmp_path):
    paths = [
        write(tmp_path, "BTCUSDT-1m-2025.csv", klines(candles(20)).write_csv(include_header=False)),
        write(
            tmp_path,
            "BTCUSDT_2025-01-01.csv.gz",
            TRADE_FILES["BTCUSDT_2025-01-01.csv.gz"](trades()),
        ),
    ]
    _, found = imported(tmp_path / "out", *paths)
    same(found[:20], candles(20))
    assert found.height == 30


def test_what_was_imported_can_be_backtested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "BTC_USDT_USDT-1m-futures.feather", feather(candles(1_800)))
    imported(tmp_path / "out", path)
    for command in ("backtest", "evaluate"):
        answer = type_in(command, tmp_path / "out", "--detector", "ewma", "--json")
        assert answer.status == 0, answer.errors


@pytest.mark.parametrize(
    ("name", "pair", "is_1m"),
    [
        ("BTC_USDT_USDT-1m-futures.feather", "BTC/USDT/USDT", True),
        ("BTCUSDT_1_2022-01-01_2022-01-31.csv.gz", "BTCUSDT", False),
        ("1INCHUSDT2025-01-01.csv.gz", "1INCHUSDT", False),
        ("bybit-ETH-USDT.csv", "ETH/USDT", False),
    ],
)
def test_names(name, pair, is_1m):
    assert read_name(f"folder-5m/{name}") == (pair, is_1m)


@pytest.mark.parametrize(
    "name",
    [
        "ADA_BTC-1Mo.json", "BTCUSDT-1mo-2025-01.zip", "BTCUSDT-1M.csv", "BTCUSDT-1s.csv",
        "ETH-15m.csv", "BTC_USDT_USDT-8h-funding_rate.feather", "leverage_tiers_USDT.json",
    ],
)  # fmt: skip
def test_names_of_other_kinds(name):
    with pytest.raises(OtherKind):
        read_name(name)


@pytest.mark.parametrize(
    ("pair", "symbol"),
    [
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("usdc-usdt", "USDCUSDT"),
        ("1000PEPEUSDT", "1000PEPEUSDT"),
        ("ETH/BTC", "ETHBTC"),
        ("BTC-PERP", "BTCPERP"),
        ("BTC/USD:BTC", ""),
        ("BTC", ""),
        ("USDT", ""),
        ("", ""),
        ("my/notes", ""),
        ("a b/USDT", ""),
    ],
)
def test_symbols(pair, symbol):
    assert symbol_of(pair)[0] == symbol
