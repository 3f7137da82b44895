"""Files of candles and trades as other programs and exchanges write them."""

import gzip
import io
import json
import zipfile

import numpy as np
import polars as pl

MINUTE = 60_000
START = 1_735_689_600_000
"""2025-01-01T00:00:00Z."""
KLINES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
BYBIT_TRADES = (
    "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,"
    "foreignNotional,RPI"
)


def candles(count=30, seed=1, start=START):
    """Return made-up candles: time, the prices, volume and turnover."""
    random = np.random.default_rng(seed)
    middle = np.round(0.05 * np.exp(np.cumsum(random.normal(0, 1e-3, count))), 6)
    opened = np.roll(middle, 1)
    opened[0] = middle[0]
    volume = np.round(random.lognormal(0, 1, count) * 500, 2)
    return pl.DataFrame(
        {
            "time": start + np.arange(count) * MINUTE,
            "open": opened,
            "high": np.maximum(opened, middle) + 1e-5,
            "low": np.minimum(opened, middle) - 1e-5,
            "close": middle,
            "volume": volume,
            "turnover": volume * middle,
        }
    )


def trades(minutes=30, start=START):
    """Return made-up trades, three a minute: time, price, quantity, side."""
    count = 3 * minutes
    return pl.DataFrame(
        {
            "time": start + np.arange(count) * 20_000 + 137,
            "price": np.round(0.05 + 0.001 * np.sin(np.arange(count)), 6),
            "quantity": 10.0 + np.arange(count),
            "side": np.where(np.arange(count) % 3 == 0, "Sell", "Buy"),
        }
    )


def _text(table, header=None):
    return (f"{header}\n" if header else "") + table.write_csv(include_header=False)


def zipped(name, text):
    """Return a zip archive with one file."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return memory.getvalue()


def feather(table, **options):
    """Return a Feather file as freqtrade writes it: LZ4, dates in UTC."""
    memory = io.BytesIO()
    date = pl.from_epoch("time", "ms").dt.cast_time_unit("ms").dt.replace_time_zone("UTC")
    known = table.select(date.alias("date"), "open", "high", "low", "close", "volume")
    known.write_ipc(memory, compression="lz4", **options)
    return memory.getvalue()


def klines(table, unit=1):
    """Return the twelve columns of Binance's klines, times in 1 / `unit` milliseconds."""
    time = pl.col("time") * unit
    some = [pl.lit(value).alias(f"c{value}") for value in (7, 3, 2, 0)]
    return table.select(
        time, "open", "high", "low", "close", "volume", (time + 59_999 * unit).alias("end"),
        "turnover", *some,
    )  # fmt: skip


def of_ccxt(table, header="timestamp,open,high,low,close,volume", time="time"):
    return _text(table.select(time, "open", "high", "low", "close", "volume"), header)


DATE = pl.from_epoch("time", "ms")
CANDLE_FILES = {
    "BTC_USDT_USDT-1m-futures.feather": feather,
    "BTC_USDT-1m.json": lambda t: json.dumps([list(row) for row in t.drop("turnover").rows()]),
    "BTC_USDT-1m.json.gz": lambda t: gzip.compress(
        json.dumps([list(row) for row in t.drop("turnover").rows()], separators=(",", ":")).encode()
    ),
    "btcusdt.csv": of_ccxt,
    "BTC-USDT_1m.csv": lambda t: "﻿" + of_ccxt(t, header=None),
    "binance_BTCUSDT_1m_20250101.csv": lambda t: of_ccxt(
        t, time=DATE.dt.strftime("%Y-%m-%d %H:%M:%S").alias("time")
    ).replace(",", ";"),
    "BTCUSDT.csv": lambda t: of_ccxt(
        t,
        header="Date,Open,High,Low,Close,Volume",
        time=DATE.dt.offset_by("9h").dt.strftime("%Y-%m-%dT%H:%M+09:00").alias("time"),
    ),
    "BTCUSDT-1m-2024-12-31.csv": lambda t: _text(klines(t)),
    "BTCUSDT-1m-2025-01-01.zip": lambda t: zipped(
        "BTCUSDT-1m-2025-01-01.csv", _text(klines(t, 1000), KLINES)
    ),
    "BTCUSDT_1_2025.csv.gz": lambda t: gzip.compress(
        _text(
            t.select(
                pl.col("time") // 1000, pl.lit("BTCUSDT"), pl.lit(1).alias("p"), pl.exclude("time")
            ),
            "start_at,symbol,period,open,high,low,close,volume,turnover",
        ).encode()
    ),
}  # fmt: skip


def _rows(table, *columns):
    return _text(table.with_row_index("id").select(*columns))


PAID = (pl.col("price") * pl.col("quantity")).alias("paid")
MAKER = (pl.col("side") == "Sell").alias("maker")
TRADE_FILES = {
    "BTCUSDT-aggTrades-2025-01-01.zip": lambda t: zipped(
        "BTCUSDT-aggTrades-2025-01-01.csv",
        _rows(
            t, "id", "price", "quantity", pl.lit(1), pl.lit(2).alias("l"), pl.col("time") * 1000,
            MAKER, pl.lit(value=True).alias("best"),
        ),
    ),
    "BTCUSDT-aggTrades-2025-01.csv": lambda t: (
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
        + _rows(t, "id", "price", "quantity", pl.lit(1), pl.lit(2).alias("l"), "time", MAKER)
    ),
    "BTCUSDT-trades-2025-01-01.csv": lambda t: _rows(
        t, "id", "price", "quantity", PAID, "time", MAKER
    ),
    "BTCUSDT-trades-2025-01-02.csv": lambda t: (
        _rows(t, "id", "price", "quantity", PAID, "time", MAKER, pl.lit(value=True).alias("best"))
        .replace("true", "True")
        .replace("false", "False")
    ),
    "BTCUSDT2025-01-01.csv.gz": lambda t: gzip.compress(
        (
            BYBIT_TRADES + "\n"
            + _rows(
                t, (pl.col("time") / 1000).alias("time"), pl.lit("BTCUSDT").alias("symbol"), "side",
                "quantity", "price", pl.lit("PlusTick").alias("tick"), "id", pl.lit(0).alias("g"),
                pl.col("quantity").alias("h"), PAID, pl.lit(0).alias("rpi"),
            )
        ).encode()
    ),
    "BTCUSDT_2025-01-01.csv.gz": lambda t: gzip.compress(
        (
            "id,timestamp,price,volume,side,rpi\n"
            + _rows(
                t, "id", "time", "price", "quantity", pl.col("side").str.to_lowercase(), pl.lit(0)
            )
        ).encode()
    ),
    "BTC_USDT-trades.json.gz": lambda t: gzip.compress(
        json.dumps(
            [
                [time, str(place), None, side.lower(), price, amount, price * amount]
                for place, (time, price, amount, side) in enumerate(t.rows())
            ]
        ).encode()
    ),
}  # fmt: skip


def write(folder, name, content):
    """Write a file and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
