import re
from pathlib import Path

import polars as pl
import pytest
from support.command_line import type_in
from support.recordings import candles, trades, write

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings.parquet import check_file
from pumpwatch_workbench.simulator.market.replay.market import ReplayMarket

EVENT = "7,ADX,2019-07-05T17:00:10Z,1"
DOCUMENT = Path(__file__).parents[3] / "docs" / "tutorial" / "3-own-candles.md"


def refusal(folder):
    with pytest.raises(BadInput) as caught:
        ReplayMarket(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_file_that_may_not_be_looked_for_is_named(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(BadInput, match=r"candles\.parquet cannot be read \(.*Permission denied"):
        check_file(tmp_path / "candles.parquet")


def test_a_missing_or_damaged_file_is_named(tmp_path):
    table = candles()
    folder = write(tmp_path / "r", table, [EVENT], trades(table))
    (folder / "trades.parquet").write_bytes(b"PAR1 this is no parquet file")
    assert "trades.parquet cannot be read" in refusal(folder)
    (folder / "events.csv").unlink()
    assert "events.csv is missing" in refusal(folder)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [("price", float("nan"), "price is nan"), ("quantity", 0.0, "quantity is 0.0")],
)
def test_an_impossible_trade_is_refused_with_its_row(tmp_path, column, value, problem):
    table = candles()
    traded = trades(table).with_row_index("n")
    row = 100
    traded = traded.with_columns(
        pl.when(pl.col("n") == row).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )
    message = refusal(write(tmp_path / "r", table, [EVENT], traded.drop("n")))
    assert f"trades.parquet row {row} (segment 7, " in message
    assert problem in message


def test_trades_out_of_order_are_refused(tmp_path):
    table = candles()
    traded = trades(table)
    swapped = pl.concat([traded[:80], traded[81:82], traded[80:81], traded[82:]])
    message = refusal(write(tmp_path / "r", table, [EVENT], swapped))
    assert "trades.parquet row 81" in message
    assert "is before the row above it" in message


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("7,ADX,yesterday,1", "onset 'yesterday' is no time: write it like 2019-07-05T17:00:10Z"),
        ("x,ADX,2019-07-05T17:00:10Z,1", "segment 'x' is no number"),
        ("7,AD/X,2019-07-05T17:00:10Z,1", "symbol 'AD/X' is no coin or contract"),
        ("7,ADX,2019-07-05T17:00:10Z,yes", "counted is 'yes': write 1"),
        ("7,ADX,,1", "onset '' is no time"),
    ],
)
def test_an_unreadable_event_is_refused_with_its_line(tmp_path, line, problem):
    message = refusal(write(tmp_path / "r", candles(), [EVENT, line]))
    assert "events.csv line 3: " in message
    assert problem in message


def test_a_recording_without_a_counted_event_is_refused(tmp_path):
    folder = write(tmp_path / "r", candles(), ["7,ADX,2019-07-05T17:00:10Z,0"])
    assert "has no event with counted = 1" in refusal(folder)


def test_a_recording_of_which_nothing_can_be_played_says_why(tmp_path):
    message = refusal(write(tmp_path / "r", candles(), ["9,ADX,2019-07-05T17:00:10Z,1"]))
    assert "can be played (segment 9: the segment has no candles there)" in message


def test_the_documents_example_makes_a_folder_that_plays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, str(DOCUMENT), "exec"), {})  # noqa: S102 - our own document
    assert type_in("import", "MYCOINUSDT.csv", "--out", "my-candles").status == 0
    (events,) = re.findall(r"```csv\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    Path("my-candles/events.csv").write_text(events, encoding="utf-8")
    of = ReplayMarket(tmp_path / "my-candles")
    (contract,) = of.contracts
    assert (contract.symbol, contract.factor) == ("MYCOIN00USDT", 1.0)
    (planted,) = of.planted
    assert planted.size == pytest.approx(0.2, abs=0.01)
