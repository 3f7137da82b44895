"""The answer about the whole market, of which only the fields that are read become objects."""

from __future__ import annotations

import math

import msgspec

NOT_KNOWN = math.nan


class TickerRow(msgspec.Struct, gc=False):
    """One ticker. What can be empty for some contracts is a text, empty where it is missing."""

    symbol: str = ""
    lastPrice: float = NOT_KNOWN
    highPrice24h: float = NOT_KNOWN
    lowPrice24h: float = NOT_KNOWN
    volume24h: float = NOT_KNOWN
    turnover24h: float = NOT_KNOWN
    markPrice: float = NOT_KNOWN
    fundingRate: str = ""
    nextFundingTime: str = ""


class TickerRows(msgspec.Struct):
    """The result of the answer."""

    rows: list[TickerRow] = msgspec.field(name="list")
    category: str = ""


class _Body(msgspec.Struct):
    result: TickerRows
    retCode: int
    time: int
    retMsg: str = ""


# Numbers come as texts.
_decoder = msgspec.json.Decoder(_Body, strict=False)


def read_tickers(content: bytes) -> dict[str, object] | None:
    """Return the answer with its result as `TickerRows`; None when it is anything unexpected.

    Whatever is odd about it is then for the reader of plain JSON to say.
    """
    try:
        body = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return {name: getattr(body, name) for name in ("retCode", "retMsg", "time", "result")}
