"""The answer about the whole market, of which only the fields that are read become objects."""

from __future__ import annotations

import msgspec


class TickerRow(msgspec.Struct, gc=False):
    """One ticker as it came: numbers are texts, and what is missing is an empty one."""

    symbol: str = ""
    lastPrice: str = ""
    highPrice24h: str = ""
    lowPrice24h: str = ""
    volume24h: str = ""
    turnover24h: str = ""
    markPrice: str = ""
    bid1Price: str = ""
    ask1Price: str = ""
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


_decoder = msgspec.json.Decoder(_Body)


def read_tickers(content: bytes) -> dict[str, object] | None:
    """Return the answer with its result as `TickerRows`; None when it is anything unexpected.

    Whatever is odd about it is then for the reader of plain JSON to say.
    """
    try:
        body = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return {name: getattr(body, name) for name in ("retCode", "retMsg", "time", "result")}
