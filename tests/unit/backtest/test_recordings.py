"""Folders of recordings: what is read; tests/unit/test_bad_folders.py has what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from support.backtests import flat_block, random_block, with_values, write_folder

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump, RecordedFolder
from pumpwatch_workbench.recordings import folder as module
from pumpwatch_workbench.research.backtest.recordings import Recordings

TERMS = (
    "symbol,tick_size,quantity_step,min_quantity,max_market_quantity,min_notional,max_leverage,"
    "funding_interval_minutes"
)


def folder_of(tmp_path, *blocks, **files):
    return write_folder(tmp_path / "data", list(blocks) or [flat_block(100)], **files)


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
    terms = f"{TERMS}\nAUSDT,0.5,0.01,0.02,1000,5,12,60\n"
    folder = folder_of(tmp_path, flat_block(1440, turnover=0.01), contracts_csv=terms)
    assert Recordings(folder).quote_price == 1.0
    (block,) = Recordings(folder).blocks()
    contract = block.contracts[0]
    assert (contract.max_leverage, contract.funding_interval_minutes) == (12, 60)
    assert Recordings(folder, quote_price=3.0).quote_price == 3.0


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert "is not a folder" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("contracts", "words"),
    [
        (f"{TERMS}\nA,0,1,1,1,1,1,60\n", "line 2: tick_size '0'"),
        ("symbol,tick_size\nA,1\n", "has no column"),
    ],
)
def test_contracts_with_impossible_terms_are_refused(tmp_path, contracts, words):
    assert words in refusal(folder_of(tmp_path, contracts_csv=contracts))


def test_labels_are_read_or_absent(tmp_path):
    assert RecordedFolder(folder_of(tmp_path)).labels is None
    folder = folder_of(tmp_path, events_csv="segment,onset,counted\n0,1970-01-01T00:01:10Z,1\n")
    assert RecordedFolder(folder).labels == [LabelledPump(0, "AUSDT", 70_000, counted=True)]
