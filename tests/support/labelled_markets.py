"""Made-up labelled markets with every trade: bursts of few large orders, and pumps by crowds."""

import numpy as np
import polars as pl

from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.evaluation.labelled import load_segments

DAY = 1440
COUNT = 2 * DAY + 240
BEGIN = 1_560_000_000_000 // (DAY * MINUTE) * DAY * MINUTE


def market(number, *, pumps=2, bursts=8):
    """Return time, bought, price and quantity of a market's trades, and when its pumps began."""
    random = np.random.default_rng(number)
    places = DAY + 10 + 130 * random.permutation(bursts) + random.integers(0, 60, bursts)
    columns = [(BEGIN + MINUTE * np.arange(COUNT) + 30 * SECOND, np.full(COUNT, 0.2))]
    onsets = []
    for order, place in enumerate(places.tolist()):
        begin = BEGIN + place * MINUTE + int(random.integers(0, 60)) * SECOND
        crowd = order < pumps
        fills = int(random.integers(150, 250)) if crowd else int(random.integers(8, 16))
        columns.append(
            (begin + np.sort(random.integers(0, 40 * SECOND, fills)), np.full(fills, 60 / fills))
        )
        onsets += [begin] if crowd else []
    time = np.concatenate([column for column, _ in columns])
    worth = np.concatenate([column for _, column in columns])
    order = np.argsort(time, kind="stable")
    time, worth = time[order], worth[order] * random.lognormal(0, 0.2, len(time))
    price = 10 * np.exp(random.normal(0, 1e-3, len(time)))
    for place in places.tolist():
        since = (time - BEGIN) / MINUTE - place
        price *= np.where((since >= 0) & (since < 5), 1 + 0.05 * np.clip(since, 0, 1), 1.0)
    return time, random.random(len(time)) < 0.7, price, worth / price, sorted(onsets)


def load_pump_events(folder):
    """Return the markets of a folder and their pumps."""
    recorded = RecordedFolder(folder)
    return load_segments(recorded), recorded.pumps()


def write_folder(folder, coins, *, order=None, announced=None):
    """Write labelled markets of so many coins; `order` is that of the lines of segments.csv."""
    folder.mkdir(exist_ok=True)
    trades, candles, events, lines = [], [], ["segment,symbol,onset,counted"], {}
    for number in range(coins):
        time, bought, price, quantity, onsets = market(number)
        table = pl.DataFrame(
            {
                "segment": np.full(len(time), number, np.int32),
                "time": time,
                "side": np.where(bought, "Buy", "Sell"),
                "price": price,
                "quantity": quantity,
            }
        )
        trades.append(table)
        minutes = table.group_by(
            "segment", (pl.col("time") // MINUTE * MINUTE).alias("open_time"), maintain_order=True
        )
        candles.append(
            minutes.agg(
                pl.col("price").first().alias("open"),
                pl.col("price").max().alias("high"),
                pl.col("price").min().alias("low"),
                pl.col("price").last().alias("close"),
                pl.col("quantity").sum().alias("volume"),
                (pl.col("price") * pl.col("quantity")).sum().alias("turnover"),
            )
        )
        begin, end = _moments(BEGIN, BEGIN + COUNT * MINUTE)
        lines[number] = f"{number},C{number},{begin},{end}"
        events += [f"{number},C{number},{moment},1" for moment in _moments(*onsets)]
    pl.concat(candles).write_parquet(folder / "candles.parquet")
    pl.concat(trades).write_parquet(folder / "trades.parquet")
    rows = ["segment,symbol,start,end", *(lines[number] for number in order or lines)]
    for name, text in (("segments", rows), ("events", events), ("announced", announced)):
        if text is not None:
            (folder / f"{name}.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    return folder


def _moments(*times):
    return [str(np.datetime64(time, "ms")) + "Z" for time in times]
