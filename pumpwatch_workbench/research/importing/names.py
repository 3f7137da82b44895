"""Read symbol and interval from the name of a file.

Known are freqtrade's `BTC_USDT_USDT-1m-futures.feather`, Binance's `BTCUSDT-1m-2025-01-01.zip` and
`BTCUSDT-aggTrades-2025-01.zip`, Bybit's `BTCUSDT2025-01-01.csv.gz` and `BTCUSDT_2025-01-01.csv.gz`.
"""

from __future__ import annotations

import re

from pumpwatch.domain.moments import DAY, HOUR, MINUTE, SECOND
from pumpwatch.errors import BadInput

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "mo": 30 * DAY}
INTERVAL = re.compile(r"([1-9]\d{0,3})(s|m|h|d|w|mo)")
DATES = re.compile(r"(?<!\d)(\d{4}-\d\d(-\d\d)?|\d{8}|\d{10}|\d{13})(?!\d)")
ENDINGS = re.compile(r"(\.(csv|json|feather|parquet|zip|gz))+$", re.IGNORECASE)
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "USDE", "USD", "PERP", "BTC", "ETH", "BNB", "EUR")
NOT_TRADED = {"mark", "index", "premium", "funding"}
OTHER = {"aggtrades", "trades", "futures", "spot", "linear", "ohlcv", "binance", "bybit", "okx"}


def read_name(name: str) -> tuple[str, int, bool]:
    """Return a file's pair, its interval or 0, and whether somebody traded at its prices."""
    interval, is_traded, pair = 0, True, []
    for word in re.split(r"[-_. ]+", DATES.sub("-", ENDINGS.sub("", name).replace("Mo", "mo"))):
        if INTERVAL.fullmatch(word):
            interval = interval_of(word)
        elif word.lower() in NOT_TRADED:
            is_traded = False
        elif word and not word.isdecimal() and word.lower() not in OTHER:
            pair.append(word)
    return "/".join(pair), interval, is_traded


def symbol_of(pair: str, quote: str = "") -> tuple[str, str]:
    """Return symbol and market: a spot pair and a contract may have one symbol.

    Pairs are `BTCUSDT`, `BTC/USDT`, `BTC/USDT:USDT`, with a quote `BTC`; of others both are empty.
    """
    base, *rest = re.split(r"[/:_-]", pair.upper())
    quotes = (*QUOTES, quote.upper()) if quote else QUOTES
    if not rest and quote and not base.endswith(quote.upper()):
        rest = [quote.upper()]
    is_known = rest[0] in quotes and rest[1:] in ([], rest[:1]) if rest else base.endswith(quotes)
    if not base.isalnum() or not is_known or (not rest and base in quotes):
        return "", ""
    return "".join([base, *rest[:1]]), "/".join([base, *rest])


def interval_of(text: str) -> int:
    """Return the milliseconds of `1m`, 0 for an empty text. Raises `BadInput`."""
    match = INTERVAL.fullmatch(text)
    if text and match is None:
        raise BadInput(f"--interval is {text}: give a length such as 1s or 1m")
    return int(match[1]) * UNITS[match[2]] if match else 0
