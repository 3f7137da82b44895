"""Read the symbol from the name of a file.

Known are freqtrade's `BTC_USDT_USDT-1m-futures.feather`, Binance's `BTCUSDT-1m-2025-01-01.zip` and
`BTCUSDT-aggTrades-2025-01.zip`, Bybit's `BTCUSDT2025-01-01.csv.gz` and `BTCUSDT_2025-01-01.csv.gz`.
"""

from __future__ import annotations

import re
from pathlib import Path

from pumpwatch.errors import BadInput

INTERVAL = re.compile(r"[1-9]\d{0,3}(s|m|h|d|w|mo)", re.IGNORECASE)
DATES = re.compile(r"(?<!\d)(\d{4}-\d\d(-\d\d)?|\d{8}|\d{10}|\d{13})(?!\d)")
ENDINGS = re.compile(r"(\.(csv|json|feather|zip|gz))+$", re.IGNORECASE)
QUOTES = "USDT|USDC|FDUSD|BUSD|USDE|USD|PERP|BTC|ETH|BNB|EUR"
PAIR = re.compile(rf"([A-Z0-9]+)[/:_-]?({QUOTES})([/:_-]\2)?")
NOT_TRADED = {"mark", "index", "premium", "funding", "tiers"}
OTHER = {"aggtrades", "trades", "futures", "spot", "linear", "ohlcv", "binance", "bybit", "okx"}


class OtherKind(BadInput):
    """The file's name says that it holds neither one-minute candles nor trades."""


def read_name(where: str) -> tuple[str, bool]:
    """Return a file's pair, and whether it says that its candles are of 1m. Raises `OtherKind`."""
    pair, is_1m = [], False
    name = DATES.sub("-", ENDINGS.sub("", Path(where).name))
    for word in re.split(r"[-_. ]+", name):
        if word == "1m":
            is_1m = True
        elif INTERVAL.fullmatch(word):
            raise OtherKind(f"{where}: candles of {word}: the rules need those of one minute")
        elif word.lower() in NOT_TRADED:
            raise OtherKind(f"{where}: {word}: no prices that somebody traded at")
        elif word and not word.isdecimal() and word.lower() not in OTHER:
            pair.append(word)
    return "/".join(pair), is_1m


def symbol_of(pair: str) -> tuple[str, str]:
    """Return symbol and market: a spot pair and a contract may have one symbol.

    Pairs are `BTCUSDT`, `BTC/USDT`, `BTC/USDT:USDT`; of others both are empty.
    """
    match = PAIR.fullmatch(pair.upper())
    return (match[1] + match[2], re.sub("[:_-]", "/", match[0])) if match else ("", "")
