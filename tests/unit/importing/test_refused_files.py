"""Files that cannot be imported: one sentence that names the file, and nothing is written."""

import errno
import gzip
import json
import os
import zipfile

import numpy as np
import polars as pl
import pytest
from support.command_line import type_in
from support.foreign_files import (
    BYBIT_TRADES,
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

from pumpwatch_workbench.research.importing import files

GOOD = of_ccxt(candles())
INVERSE = klines(candles().with_columns(turnover=pl.col("volume") / pl.col("close") * 0.001))
CASES = {
    "an empty file": ("BTCUSDT.csv", "", "has no column time"),
    "a header alone": ("BTCUSDT.csv", GOOD.splitlines()[0], "nothing good is left"),
    "wrong columns": ("BTCUSDT.csv", "a,b,c\n1,2,3\n", "no column time among 'a, b, c': candles"),
    "no volume": ("BTCUSDT.csv", "time,open,high,low,close\n1,2,3,4,5\n", "has no column volume"),
    "odd columns": ("BTCUSDT.csv", "1,2,3\n", "has 3 columns without a header"),
    "binary garbage": ("BTCUSDT.csv", bytes(range(256)) * 40, "has no column time among"),
    "garbage as zip": ("BTCUSDT.zip", b"PK\x03\x04 and no more", "cannot be read (File is not"),
    "garbage as gz": ("BTCUSDT.csv.gz", b"no archive", "cannot be read (Not a gzipped file"),
    "half a gz": ("BTCUSDT.csv.gz", gzip.compress(GOOD.encode())[:-30], "cannot be read"),
    "half a zip": ("BTCUSDT.zip", zipped("BTCUSDT.csv", GOOD)[:-30], "cannot be read"),
    "garbage as Feather": ("BTCUSDT.feather", b"ARROW1 no", "cannot be read"),
    "half a Feather": ("BTCUSDT.feather", feather(candles())[:-40], "cannot be read"),
    "a Parquet": ("BTCUSDT.parquet", b"", "nothing to import there: give files .feather, .csv"),
    "JSON of another kind": ("BTCUSDT.json", '{"a": [[1]]}', "has no column time among"),
    "empty JSON": ("BTCUSDT.json", "[]", "has no column time among"),
    "no JSON": ("BTCUSDT.json", "[[1, 2", "has 2 columns without a header"),
    "no symbol": ("ohlcv.csv", GOOD, ": '' is no symbol such as BTCUSDT: give --symbol"),
    "a coin without a quote": ("DOGE.csv", GOOD, "is no symbol such as BTCUSDT"),
    "a strange symbol": ("a.csv", "symbol," + GOOD.replace("\n1", "\n€,1"), "'€' is no symbol"),
    "five minutes": (
        "BTCUSDT.csv", of_ccxt(candles(90)[::5]), "candles of 5 minutes: the rules need those of",
    ),
    "five minutes by name": ("BTCUSDT-5m.csv", GOOD, "candles of 5m: the rules"),
    "seconds": (
        "BTCUSDT.csv",
        of_ccxt(candles(600).with_columns(time=START + pl.int_range(600) * 1_000)),
        "candles of 0.0166667 minutes: the rules need",
    ),
    "five minutes from a row on": (
        "BTCUSDT-1m.csv",
        of_ccxt(pl.concat([candles(300)[:100], candles(600)[100::5]])),
        "what would be candles.parquet row 100 (segment 0, BTCUSDT, 2025-01-01T01:40:00Z): candles",
    ),
    "a mark price": ("BTC_USDT_USDT-1m-mark.json", "[[1]]", "mark: no prices that somebody traded"),
    "no volume at all": (
        "BTCUSDT.csv", of_ccxt(candles().with_columns(volume=0.0)), "no row has a volume",
    ),
    "an inverse contract": (
        "BTCUSDT-1m.csv", INVERSE.write_csv(include_header=False), "an inverse contract, whose",
    ),
    "inverse trades": (
        "BTCUSD2022-11-17.csv",
        f"{BYBIT_TRADES}\n1668728606,BTCUSD,Buy,611,16661.00,x,00,3.6e+06,611,0.03667,0\n",
        "turnover is 3.6",
    ),
    "32-bit prices": (
        "BTCUSDT.csv",
        of_ccxt(candles(200).with_columns(
            pl.col("open", "high", "low", "close").cast(pl.Float32).cast(pl.Float64)
        )),
        "was rounded to 32 bits",
    ),
    "another ending": ("BTCUSDT.h5", b"x", "nothing to import there: give files .feather, .csv"),
    "a MetaTrader file of Bybit": (
        "BTCUSDT_1_2022-01-01_2022-01-31.csv.gz",
        gzip.compress(b"2022.01.01 00:00,1,2,1,2,5\n2022.01.01 00:01,1,2,1,2,5\n"),
        "nothing good is left: rows without a readable time: 2",
    ),
}  # fmt: skip


@pytest.fixture
def refused(tmp_path):
    """Return what imports and returns the one sentence; nothing may be written."""

    def check(*words):
        out = tmp_path / "out"
        answer = type_in("import", *words, "--out", out)
        assert (answer.status, answer.output) == (2, "")
        assert not out.exists()
        return answer.line

    return check


@pytest.mark.parametrize("kind", CASES)
def test_what_cannot_be_imported_is_refused_in_one_sentence(tmp_path, refused, kind):
    name, content, words = CASES[kind]
    path = write(tmp_path / "in", name, content)
    line = refused(path)
    assert words in line
    assert str(path) in line or kind in (
        "a header alone", "no volume at all", "five minutes from a row on", "32-bit prices",
        "a MetaTrader file of Bybit",
    )  # fmt: skip


def test_nothing_there(tmp_path, refused):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    write(tmp_path / "own", "segments.csv", "segment\n")
    for name in ("empty", "missing.csv", "pipe.csv", "own"):
        assert "nothing to import there" in refused(tmp_path / name)
    write(tmp_path / "zip", "BTCUSDT.zip", zipped("readme.txt", "x"))
    assert "nothing good is left" in refused(tmp_path / "zip")


def test_what_cannot_be_used_in_a_folder_is_skipped_and_said(tmp_path, refused):
    folder = tmp_path / "in"
    write(folder, "BTCUSDT-1m-2025-01.zip", zipped("BTCUSDT.csv", GOOD))
    write(folder, "BTCUSDT-1m-2025-02.zip", zipped("BTCUSDT.csv", GOOD)[:200])
    write(folder, "BTC_USDT-1m.feather", feather(candles()))
    write(folder, "leverage_tiers_USDT.json", '{"BTC/USDT:USDT": []}')
    answer = type_in("import", folder, "--out", tmp_path / "good")
    assert answer.status == 1
    skipped = [line for line in answer.errors.splitlines() if line.startswith("Skipped ")]
    for line, words in zip(
        skipped, ("02.zip cannot be read", "two markets of one", "tiers: no prices"), strict=True
    ):
        assert words in line
    (folder / "BTCUSDT-1m-2025-01.zip").unlink()
    (folder / "BTC_USDT-1m.feather").unlink()
    assert refused(folder).startswith("nothing good is left: ")


def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(tmp_path, refused, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 100_000)
    text = GOOD + "1,1,1,1,1,1\n" * 1_000_000
    for name, content in (
        ("BTCUSDT.zip", zipped("BTCUSDT.csv", text)),
        ("BTCUSDT.csv.gz", gzip.compress(text.encode())),
    ):
        assert "larger than any archive of candles" in refused(
            write(tmp_path / "in", name, content)
        )


def test_lines_without_end_do_not_fill_the_memory(tmp_path, refused, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 1_000_000)
    content = gzip.compress(GOOD.encode() + b"1" * 4_000_000)
    assert "or has no lines" in refused(write(tmp_path / "in", "BTCUSDT.csv.gz", content))


def test_an_encrypted_archive(tmp_path, refused):
    content = bytearray(zipped("BTCUSDT.csv", GOOD))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    line = refused(write(tmp_path / "in", "BTCUSDT.zip", bytes(content)))
    assert "encrypted" in line
    assert zipfile.is_zipfile(tmp_path / "in/BTCUSDT.zip")


def test_markets_that_would_have_one_symbol_are_not_mixed(tmp_path, refused):
    for name in ("BTC_USDT-1m.feather", "BTC_USDT_USDT-1m-futures.feather"):
        write(tmp_path / "in", name, feather(candles()))
    line = refused(*sorted((tmp_path / "in").iterdir()))
    assert "BTC/USDT/USDT and BTC/USDT are two markets of one symbol" in line


def test_symbols_of_a_column_are_not_made_one(tmp_path):
    table = candles().with_columns(symbol=np.array(["AUSDT", "BUSDT"])[np.arange(30) % 2])
    path = write(tmp_path / "in", "all.csv", table.write_csv())
    words = ("--symbol", "AUSDT", "--out", tmp_path / "out", "--json")
    assert list(json.loads(type_in("import", path, *words).output)["symbols"]) == ["AUSDT", "BUSDT"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    path = write(tmp_path / "in", "BTCUSDT.csv", GOOD)
    kept = write(tmp_path / "out", "mine.txt", "mine")
    for out in (tmp_path / "out", kept):
        answer = type_in("import", path, "--out", out)
        assert (answer.status, answer.line) == (
            2, f"{out} is there and not empty: name another folder with --out",
        )  # fmt: skip
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_what_a_killed_import_left_is_removed(tmp_path):
    path = write(tmp_path / "in", "BTCUSDT.csv", GOOD)
    (tmp_path / "out/.import-abc").mkdir(parents=True)
    (tmp_path / "out/.import-abc/part-0").write_text("old")
    assert type_in("import", path, "--out", tmp_path / "out").status == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "candles.parquet", "segments.csv",
    ]  # fmt: skip


@pytest.mark.parametrize("others", ["no ids", "other ids"])
def test_trades_that_would_count_twice_are_refused(tmp_path, refused, others):
    spot = TRADE_FILES["BTCUSDT_2025-01-01.csv.gz"]
    write(tmp_path / "in", "BTCUSDT-trades.csv.gz", spot(trades()))
    table = trades()[30:].drop("id", strict=False).rename({"time": "timestamp"})
    if others == "other ids":
        table = table.with_row_index("id", offset=5_000)
    write(tmp_path / "in", "BTCUSDT.csv", table.write_csv())
    line = refused(*sorted((tmp_path / "in").iterdir()))
    assert "another file has trades from 2025-01-01T00:10:00Z on too" in line


def test_nothing_is_kept_of_a_file_that_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 64)
    folder = tmp_path / "in"
    write(folder, "AUSDT.csv", GOOD)
    write(folder, "BUSDT.csv.gz", gzip.compress(GOOD.encode())[:-30])
    answer = type_in("import", folder, "--out", tmp_path / "out", "--json")
    assert answer.status == 1
    assert list(json.loads(answer.output)["symbols"]) == ["AUSDT"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_without_permission(tmp_path, refused):
    path = write(tmp_path / "in", "BTCUSDT.csv", GOOD)
    path.chmod(0)
    assert "ermission denied" in refused(path)


def test_a_file_that_cannot_be_opened_and_a_full_disk(tmp_path, refused, monkeypatch):
    path = write(tmp_path / "in", "BTCUSDT.csv.gz", gzip.compress(GOOD.encode()))

    def fail(number):
        def opened(*_):
            raise OSError(number, os.strerror(number), str(path))

        return opened

    monkeypatch.setattr(pl.DataFrame, "write_ipc", fail(errno.ENOSPC))
    assert "the disk is full" in refused(path)
    monkeypatch.setattr(files.gzip, "open", fail(errno.EACCES))
    assert "ermission denied" in refused(path)


def test_interrupted_it_leaves_nothing(tmp_path, monkeypatch):
    path = write(
        tmp_path / "in",
        "BTCUSDT_2025-01-01.csv.gz",
        TRADE_FILES["BTCUSDT_2025-01-01.csv.gz"](trades()),
    )

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pumpwatch_workbench.research.importing.importer.minutes_of", interrupt)
    assert type_in("import", path, "--out", tmp_path / "out").status == 130
    assert not (tmp_path / "out").exists()
