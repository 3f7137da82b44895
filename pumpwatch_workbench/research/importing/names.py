"""Read symbol and interval from the name of a file.

Known are freqtrade's `BTC_USDT_USDT-1m-futures.feather`, Binance's `BTCUSDT-1m-2025-01-01.zip` and
`BTCUSDT-aggTrades-2025-01.zip`, Bybit's `BTCUSDT2025-01-01.csv.gz` and `BTCUSDT_2025-01-01.csv.gz`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pumpwatch.domain.moments import DAY, HOUR, MINUTE, SECOND
from pumpwatch.errors import BadInput

UNITS = {
    "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "mo": 30 * DAY, "M": 30 * DAY,
}  # fmt: skip
INTERVAL = re.compile(r"([1-9]\d{0,3})(s|m|h|d|w|mo|M)")
DATES = re.compile(r"(?<!\d)(\d{4}-\d\d(-\d\d)?|\d{8}|\d{10}|\d{13})(?!\d)")
ENDINGS = re.compile(r"(\.(csv|json|feather|parquet|zip|gz))+$", re.IGNORECASE)
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "USDE", "USD", "PERP", "BTC", "ETH", "BNB", "EUR")
NOT_TRADED = {"mark", "index", "premium", "funding"}
OTHER = {"aggtrades", "trades", "futures", "spot", "linear", "ohlcv", "binance", "bybit", "okx"}


@dataclass(frozen=True, slots=True)
class FileName:
    """What a name says: words that should be a pair, an interval or 0."""

    pair: str
    interval: int
    is_traded: bool


def read_name(name: str) -> FileName:
    """Read the name of a file."""
    interval, traded, words = 0, True, []
    stem = DATES.sub("-", ENDINGS.sub("", name).replace("1Mo", "1M"))
    for word in re.split(r"[-_. ]+", stem):
        if INTERVAL.fullmatch(word):
            interval = interval_of(word)
        elif word.lower() in NOT_TRADED:
            traded = False
        elif word and not word.isdecimal() and word.lower() not in OTHER:
            words.append(word)
    return FileName("/".join(words), interval, traded)


def symbol_of(pair: str, quote: str = "") -> tuple[str, str]:
    """Return `BTCUSDT` and the market, as a spot pair and a contract may have one symbol.

    Both are empty for other words than `BTCUSDT`, `BTC/USDT`, `BTC/USDT:USDT` or, with a quote,
    `BTC`.
    """
    base, *rest = re.split(r"[/:_-]", pair.upper())
    quotes = (*QUOTES, quote.upper()) if quote else QUOTES
    if not rest and quote and not base.endswith(quote.upper()):
        rest = [quote.upper()]
    is_pair = rest and rest[0] in quotes and rest[1:] in ([], rest[:1])
    if not base.isalnum() or not (is_pair or (not rest and base.endswith(quotes))):
        return "", ""
    if not rest and base in quotes:
        return "", ""
    return "".join([base, *rest[:1]]), "/".join([base, *rest])


def interval_of(text: str) -> int:
    """Return the milliseconds of `1m`, 0 for an empty text. Raises `BadInput`."""
    match = INTERVAL.fullmatch(text)
    if text and match is None:
        raise BadInput(f"--interval is {text}: give a length such as 1s or 1m")
    return int(match[1]) * UNITS[match[2]] if match else 0
