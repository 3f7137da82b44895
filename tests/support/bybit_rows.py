"""Answers and rows as Bybit sends them, about one symbol and one order of ours."""

from support.stub_bybit import STAMP, ok

from pumpwatch.domain.moments import MINUTE

SYMBOL = "PUMPUSDT"
START = STAMP - STAMP % MINUTE

TICKER = {
    "symbol": SYMBOL,
    "lastPrice": "1.50",
    "markPrice": "1.51",
    "bid1Price": "1.49",
    "ask1Price": "1.52",
    "highPrice24h": "2.00",
    "lowPrice24h": "1.00",
    "volume24h": "10.5000",
    "turnover24h": "15.7500",
    "fundingRate": "-0.0012",
    "nextFundingTime": "1760025600000",
}
CONTRACT = {
    "symbol": SYMBOL,
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "settleCoin": "USDT",
    "symbolType": "innovation",
    "launchTime": "1585526400000",
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "25.00", "leverageStep": "0.01"},
    "priceFilter": {"minPrice": "0.0001", "maxPrice": "1999", "tickSize": "0.0001"},
    "lotSizeFilter": {
        "minNotionalValue": "5",
        "maxOrderQty": "1190",
        "maxMktOrderQty": "500",
        "minOrderQty": "0.1",
        "qtyStep": "0.1",
    },
    "fundingInterval": 480,
    "isPreListing": False,
}
CANDLES = [[str(START - n * MINUTE), "1.5", "1.6", "1.4", "1.55", "10", "15.5"] for n in range(3)]
TRADES = [
    {"execId": f"t{n}", "symbol": SYMBOL, "price": "1.5", "size": "20", "side": side}
    | {"time": str(STAMP - n), "isBlockTrade": n == 1}
    for n, side in enumerate(["Buy", "Sell", "Buy"])
]
ORDER = {
    "orderId": "c18b72e4-1bf7-4c30-9b99-ba3274066029",
    "orderLinkId": "order-1",
    "symbol": SYMBOL,
    "side": "Sell",
    "orderStatus": "Filled",
    "qty": "45.5",
    "cumExecQty": "45.5",
    "avgPrice": "1.0987",
    "cumExecFee": "0.027",
    "reduceOnly": False,
    "createdTime": str(STAMP),
    "updatedTime": str(STAMP),
    "stopOrderType": "",
    "rejectReason": "EC_NoError",
}
EXECUTION = {
    "execId": "751c8dba-bdeb-5d0c-9dd3-dda6bf98cdaf",
    "orderId": "c18b72e4-1bf7-4c30-9b99-ba3274066029",
    "orderLinkId": "order-1",
    "symbol": SYMBOL,
    "side": "Sell",
    "execType": "Trade",
    "execPrice": "1.1",
    "execQty": "20",
    "execFee": "0.0121",
    "execTime": str(STAMP),
    "closedSize": "0",
    "orderQty": "45.5",
    "stopOrderType": "UNKNOWN",
    "createType": "CreateByUser",
}
POSITION = {
    "positionIdx": 0,
    "symbol": SYMBOL,
    "side": "Sell",
    "size": "45.5",
    "avgPrice": "1.1",
    "markPrice": "1.2",
    "leverage": "1",
    "liqPrice": "",
    "stopLoss": "",
    "takeProfit": "",
    "trailingStop": "0",
    "unrealisedPnl": "-4.55",
    "createdTime": str(STAMP),
    "updatedTime": str(STAMP),
}
WALLET = {"totalEquity": "10", "totalAvailableBalance": "9", "totalWalletBalance": "10"}
KEY = {
    "userID": 146940,
    "readOnly": 0,
    "permissions": {"ContractTrade": ["Order", "Position"], "Wallet": []},
    "ips": ["*"],
    "deadlineDay": 63,
    "expiredAt": "2026-01-25T05:52:24Z",
}


def ticker(symbol="AUSDT", **changes):
    return TICKER | {"symbol": symbol} | changes


def contract(symbol="AUSDT", **changes):
    return CONTRACT | {"symbol": symbol} | changes


def order(**changes):
    return ORDER | changes


def execution(number=1, **changes):
    return EXECUTION | {"execId": f"e{number}", "execTime": str(STAMP + number)} | changes


def position(**changes):
    return POSITION | changes


def page(*rows, cursor=""):
    return {"category": "linear", "list": list(rows), "nextPageCursor": cursor}


def listing(*rows, cursor=""):
    """Return a page as the exchange answers it."""
    return ok(page(*rows, cursor=cursor))
