"""Candles survive the way into another program's file and back."""

import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from support.command_line import type_in
from support.foreign_files import CANDLE_FILES, candles, write


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(CANDLE_FILES)),
    seed=st.integers(0, 2**32),
    count=st.integers(2, 200),
    minute=st.integers(21_000_000, 30_000_000),
)
def test_random_candles_come_back_as_they_were(name, seed, count, minute):
    table = candles(count, seed=seed, start=minute * 60_000)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "in"), name, CANDLE_FILES[name](table))
        answer = type_in("import", path, "--out", Path(folder, "out"))
        assert answer.status == 0, answer.errors
        found = pl.read_parquet(Path(folder, "out", "candles.parquet"))
    expected = table.rename({"time": "open_time"})
    assert found.drop("segment", "turnover").equals(expected.drop("turnover"))
    assert ((found["turnover"] / expected["turnover"] - 1).abs() < 1e-9).all()
