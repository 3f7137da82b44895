"""Folders of recordings: what is read, and what is refused with file, row and what to do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from support.backtests import flat_block, random_block, with_values, write_folder

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump, RecordedFolder
from pumpwatch_workbench.recordings import folder as module
from pumpwatch_workbench.recordings.tables import read_contracts
from pumpwatch_workbench.research.backtest.recordings import Recordings


def folder_of(tmp_path, *blocks, **files):
    return write_folder(tmp_path / "data", list(blocks) or [flat_block(100)], **files)


def rewritten(folder, change):
    path = folder / "candles.parquet"
    change(pl.read_parquet(path)).write_parquet(path)
    return folder


def refusal(folder):
    with pytest.raises(BadInput) as caught:
        list(Recordings(folder, quote_price=1.0).blocks())
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("batch", [7, 200_000])
def test_segments_come_back_whatever_the_batches(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(module, "BATCH", batch)
    first = random_block(1, 3, 50)
    second = random_block(2, 1, 30)
    second = type(second)((3,), second.candles, second.contracts)
    found = list(Recordings(folder_of(tmp_path, first, second), quote_price=1.0).blocks())
    assert [block.segments for block in found] == [(0,), (1,), (2,), (3,)]
    for row, block in enumerate(found[:3]):
        np.testing.assert_array_equal(block.candles.open_time, first.candles.open_time)
        for name in ("open", "high", "low", "close", "volume", "turnover"):
            np.testing.assert_array_equal(
                getattr(block.candles, name)[0], getattr(first.candles, name)[row]
            )


def test_minutes_without_a_trade_get_the_last_close_and_no_volume(tmp_path):
    holed = with_values(flat_block(20), 15, float("nan"))
    holed.candles.high[0, 4] = holed.candles.close[0, 4] = 103.0
    holed.candles.close[0, 5:8] = np.nan
    (block,) = Recordings(folder_of(tmp_path, holed), quote_price=1.0).blocks()
    assert block.candles.shape == (1, 20)
    assert block.candles.high[0, 5:8].tolist() == [103.0] * 3
    assert block.candles.turnover[0, 5:8].tolist() == [0.0] * 3
    assert block.candles.close[0, 15:].tolist() == [100.0] * 5


def test_prices_in_another_coin_are_scaled_to_a_market_of_ordinary_size(tmp_path):
    coin = flat_block(1440, price=0.0002, turnover=0.01)
    folder = folder_of(tmp_path, coin)
    table = (folder / "segments.csv").read_text().replace("AUSDT", "A")
    (folder / "segments.csv").write_text(table)
    found = Recordings(folder)
    assert (found.quote_price, found.quote_price_was_given) == (10_000.0, False)
    (block,) = found.blocks()
    assert block.candles.close[0, 0] == 2.0
    assert block.candles.turnover[0, 0] == 100.0
    assert block.candles.volume[0, 0] == 50.0


def test_prices_are_left_alone_where_contracts_or_a_price_are_given(tmp_path):
    terms = (
        "symbol,tick_size,quantity_step,min_quantity,max_market_quantity,min_notional,"
        "max_leverage,funding_interval_minutes\nAUSDT,0.5,0.01,0.02,1000,5,12,60\n"
    )
    folder = folder_of(tmp_path, flat_block(1440, turnover=0.01), contracts_csv=terms)
    assert Recordings(folder).quote_price == 1.0
    (block,) = Recordings(folder).blocks()
    contract = block.contracts[0]
    assert (contract.max_leverage, contract.funding_interval_minutes) == (12, 60)
    assert Recordings(folder, quote_price=3.0).quote_price == 3.0


def replaced(row, **values):
    def change(table):
        return (
            table.with_row_index("n")
            .with_columns(
                pl.when(pl.col("n") == row).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
                for name, value in values.items()
            )
            .drop("n")
        )

    return change


def swapped(table):
    return pl.concat([table[:40], table[41:42], table[40:41], table[42:]])


@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        (replaced(40, close=float("nan")), 40, "close is nan"),
        (replaced(40, close=None), 40, "close is nan"),
        (replaced(40, low=-1.0), 40, "low is -1.0"),
        (replaced(40, high=99.0), 40, "is above high 99.0"),
        (replaced(40, volume=-1.0), 40, "volume is -1.0"),
        (replaced(40, open_time=2_400_001), 40, "open_time 2400001 is not on a full minute"),
        (replaced(40, open_time=None), 40, "open_time is empty"),
        (replaced(40, open_time=39 * 60_000), 40, "there twice"),
        (swapped, 41, "before the row above it"),
    ],
)
def test_impossible_candle_is_refused_with_its_row(tmp_path, change, row, words):
    text = refusal(rewritten(folder_of(tmp_path), change))
    assert f"candles.parquet row {row} " in text
    assert words in text
    assert "correct or remove the row" in text


def test_gap_and_mixed_intervals_are_refused_with_their_row(tmp_path):
    gap = rewritten(
        folder_of(tmp_path),
        lambda table: table.with_columns(
            pl.col("open_time") + pl.when(pl.col("open_time") < 3_000_000).then(0).otherwise(9e7)
        ).cast({"open_time": pl.Int64}),
    )
    assert "row 50 " in refusal(gap)
    assert "is outside its segment" in refusal(gap)
    mixed = rewritten(
        folder_of(tmp_path, flat_block(600)),
        lambda table: table.filter(
            (pl.col("open_time") < 6_000_000) | (pl.col("open_time") % 300_000 == 0)
        ),
    )
    text = refusal(mixed)
    assert "row 100 " in text
    assert "candles of 5 minutes" in text


def test_segments_must_stand_together_and_be_known(tmp_path):
    block = flat_block(100)
    parted = folder_of(tmp_path, block)
    text = refusal(rewritten(parted, replaced(50, segment=7)))
    assert "row 50: segment 7 is not in segments.csv" in text
    other = type(block)((1,), block.candles, block.contracts)
    both = folder_of(tmp_path, block, other)
    text = refusal(rewritten(both, lambda table: pl.concat([table, table[:10]])))
    assert "row 200: segment 0 comes again" in text
    lonely = folder_of(tmp_path, block, other)
    text = refusal(rewritten(lonely, lambda table: table[:100]))
    assert "no candle of segment 1" in text


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("segments_csv", "segment,symbol,start\n", "has no column end"),
        ("segments_csv", "segment,symbol,start,end\n", "names no segment"),
        ("segments_csv", "segment,symbol,start,end\nx,A,2020,2021\n", "line 2: segment 'x'"),
        ("segments_csv", "segment,symbol,start,end\n0,A,soon,2021-01-01\n", "start 'soon'"),
        (
            "segments_csv",
            "segment,symbol,start,end\n0,A,2021-01-02,2021-01-01\n",
            "is not after start",
        ),
        ("contracts_csv", "symbol,tick_size\nA,1\n", "has no column"),
    ],
)
def test_wrong_tables_are_refused_with_their_line(tmp_path, file, text, words):
    assert words in refusal(folder_of(tmp_path, **{file: text}))


def test_files_that_are_missing_or_no_parquet_are_named(tmp_path):
    assert "is not a folder" in refusal(tmp_path / "nowhere")
    folder = folder_of(tmp_path)
    (folder / "candles.parquet").write_text("segment,open\n")
    assert "candles.parquet cannot be read" in refusal(folder)
    (folder / "candles.parquet").unlink()
    assert "candles.parquet is missing" in refusal(folder)


def test_wrong_columns_are_named(tmp_path):
    folder = rewritten(folder_of(tmp_path), lambda table: table.rename({"close": "closed"}))
    assert "has no column close; it has 'closed'" in refusal(folder)
    folder = rewritten(folder_of(tmp_path), lambda table: table.cast({"low": pl.String}))
    assert "column low holds String" in refusal(folder)


def test_contracts_with_impossible_terms_are_refused(tmp_path):
    folder = folder_of(
        tmp_path,
        contracts_csv="symbol,tick_size,quantity_step,min_quantity,max_market_quantity,"
        "min_notional,max_leverage,funding_interval_minutes\nA,0,1,1,1,1,1,60\n",
    )
    with pytest.raises(BadInput, match="line 2: tick_size '0'"):
        read_contracts(folder)


def test_labels_are_read_or_absent(tmp_path):
    assert RecordedFolder(folder_of(tmp_path)).labels is None
    folder = folder_of(tmp_path, events_csv="segment,onset,counted\n0,1970-01-01T00:01:10Z,1\n")
    assert RecordedFolder(folder).labels == [LabelledPump(0, "AUSDT", 70_000, counted=True)]
    bad = folder_of(tmp_path, events_csv="segment,onset,counted\n0,1970-01-01,yes\n")
    with pytest.raises(BadInput, match="line 2"):
        RecordedFolder(bad)
