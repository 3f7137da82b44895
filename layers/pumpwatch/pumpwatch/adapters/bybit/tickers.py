"""The tickers answer as arrays: one request, the whole market."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import Any

import numpy as np

from pumpwatch.domain.market.candles import LARGEST, BoolArray, FloatArray
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.errors import ExchangeUnavailable

from .fields import LATEST_TIME, Row, entries
from .ticker_rows import TickerRow, TickerRows

PRICES = {"last_price": "lastPrice", "high_24h": "highPrice24h", "low_24h": "lowPrice24h"}
AMOUNTS = {"volume_24h": "volume24h", "turnover_24h": "turnover24h"}
OTHERS = {"mark_price": "markPrice"}
FUNDING, NEXT_FUNDING = "fundingRate", "nextFundingTime"
FAR = 10.0
"""Times beyond low and high at which turnover and volume do not belong together."""
CATEGORY = "linear"
DIGITS = re.compile(r"[-+.0-9eE]*")


def read_snapshot(result: object, *, time: int) -> MarketSnapshot:
    """Return the USDT perpetuals of a linear tickers answer that the exchange stamped at `time`.

    Dated futures (a dash in the name) and other settlement coins are left out silently. What makes
    a row sound is said by `MarketSnapshot`; other rows are skipped and named, and so are those of a
    symbol whose rows differ, and rows without a symbol. Raises `ExchangeUnavailable` when the
    answer has no list, is about another category, or no row of it names a symbol.
    """
    typed = isinstance(result, TickerRows)
    answered = result.rows if isinstance(result, TickerRows) else entries(result, "tickers")
    category = result.category if isinstance(result, TickerRows) else _category(result)
    if category not in (None, "", CATEGORY):
        raise ExchangeUnavailable(f"tickers: the answer is about category {str(category)[:40]!r}")
    named = map(attrgetter("symbol") if typed else symbol_of, answered)
    places, repeated, unnamed = _perpetuals(tuple(named))
    if answered and unnamed == len(answered):
        raise ExchangeUnavailable("tickers: no row names a symbol")
    names, rows = list(places), [answered[place] for place in places.values()]
    value_of = attrgetter if typed else _item_getter
    numbers = PRICES | AMOUNTS | OTHERS
    columns = {name: _column(rows, value_of(key)) for name, key in numbers.items()}
    for name, column in columns.items():
        sound = (column > 0) | ((column == 0) & (name in AMOUNTS))
        column[~sound | (column >= LARGEST)] = np.nan
    last, high, low, volume, turnover = (columns[name] for name in PRICES | AMOUNTS)
    # Comparisons with what is missing are false.
    good: BoolArray = (last > 0) & (high >= low)
    good &= (turnover + 1 >= volume * low / FAR) & (turnover - 1 <= volume * high * FAR)
    # The last trade belongs to the 24 hours: a high or a low that does not know it yet is old.
    columns["high_24h"], columns["low_24h"] = np.fmax(high, last), np.fmin(low, last)
    if repeated:
        doubted = {name for row, name in repeated if answered[row] != answered[places[name]]}
        good &= np.array([name not in doubted for name in names], dtype=np.bool_)
    funding, next_funding = _column(rows, value_of(FUNDING)), _column(rows, value_of(NEXT_FUNDING))
    dated = (next_funding > 0) & (next_funding < LATEST_TIME)
    return MarketSnapshot(
        time=time,
        symbols=tuple(names) if good.all() else tuple(compress(names, good.tolist())),
        **{name: column[good] for name, column in columns.items()},
        # A fraction of the position: nobody pays all of it, let alone more.
        funding_rate=np.where(np.abs(funding) < 1, funding, np.nan)[good],
        next_funding=np.where(dated, next_funding, 0)[good].astype(np.int64),
        skipped=(
            *compress(names, (~good).tolist()),
            *["(no symbol)"] * unnamed,
        ),
    )


@lru_cache(maxsize=2)
def _perpetuals(symbols: tuple[str, ...]) -> tuple[dict[str, int], list[tuple[int, str]], int]:
    """Return the last row of each USDT perpetual, the rows before, and how many have no name.

    Nearly every answer lists the same symbols.
    """
    places: dict[str, int] = {}
    repeated, unnamed = [], 0
    for row, symbol in enumerate(symbols):
        if not symbol.isprintable() or not symbol:
            unnamed += 1
        elif is_usdt_perpetual(symbol):
            if symbol in places:
                repeated.append((places[symbol], symbol))
            places[symbol] = row
    return places, repeated, unnamed


def symbol_of(row: object) -> str:
    """Return the symbol that a row names in letters one can see, empty when it names none."""
    symbol = row.get("symbol") if isinstance(row, dict) else None
    return symbol if isinstance(symbol, str) and symbol.isprintable() else ""


def is_usdt_perpetual(symbol: str) -> bool:
    """Return whether a linear symbol's name is that of a USDT perpetual."""
    return symbol.endswith("USDT") and "-" not in symbol


def _category(result: object) -> object:
    return result.get("category") if isinstance(result, dict) else None


def _item_getter(key: str) -> Callable[[Row], object]:
    return lambda row: row.get(key)


def _column(rows: Sequence[Any], value_of: Callable[[Any], object]) -> FloatArray:
    values: list[Any] = list(map(value_of, rows))
    # What is no text, and an empty one, is read by itself.
    with suppress(ValueError, TypeError, IndexError):
        if not isinstance(rows[0], TickerRow) or isinstance(values[0], str):
            return _of_texts(values)
        return np.array(values, dtype=np.float64)
    return np.array([as_float(value) for value in values], dtype=np.float64)


def _of_texts(values: list[str]) -> FloatArray:
    if not DIGITS.fullmatch("".join(values)):
        raise ValueError("not only numbers")
    # Faster than an array of texts.
    return np.array(list(map(float, values)), dtype=np.float64)


def as_float(value: object) -> float:
    """Return a number, as text or not; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return math.nan
    if isinstance(value, str) and not DIGITS.fullmatch(value):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
