import json
from decimal import Decimal

import pytest
from support.exchange_user import User
from support.scripted_market import START, listing

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SMALL = listing("TINYUSDT", tick_size=Decimal("0.0000005"), quantity_step=Decimal(10))


def kline(user, **parameters):
    asked = {"symbol": "AAAUSDT", "interval": "1"} | parameters
    return user.get("/v5/market/kline", **asked)["result"]["list"]


def times(rows):
    return [(int(row[0]) - START) // MINUTE for row in rows]


def later(minutes=30, extra=20_000, **options):
    user = User(**options)
    user.advance(minutes * MINUTE + extra)
    return user


def test_candles_come_newest_first_with_the_forming_one_on_top():
    user = User({"AAAUSDT": [(0, 100.0), (60 * MINUTE, 160.0)]})
    user.advance(5 * MINUTE + 30_000)
    rows = kline(user, limit=3)
    assert times(rows) == [5, 4, 3]
    assert rows[0][1:5] == ["105", "105.5", "105", "105.5"]
    assert rows[1][1:5] == ["104", "105", "104", "105"]
    assert rows[0][6] == "500"
    ticker = user.get("/v5/market/tickers", symbol="AAAUSDT")["result"]["list"][0]
    assert ticker["lastPrice"] == "105.50"


def test_default_limit_is_200_and_more_than_1000_is_cut():
    user = later()
    assert len(kline(user)) == 200
    assert len(kline(user, limit=5_000)) == 1_000
    asked = {"symbol": "AAAUSDT", "interval": "1", "limit": 0}
    assert user.get("/v5/market/kline", **asked)["retCode"] == 10001


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"start": START + 10 * MINUTE, "limit": 3}, [12, 11, 10]),
        ({"start": START + 10 * MINUTE - 1, "limit": 2}, [11, 10]),
        ({"start": START + 10 * MINUTE + 1, "limit": 1}, [11]),
        ({"end": START + 10 * MINUTE, "limit": 3}, [10, 9, 8]),
        ({"start": START + 5 * MINUTE, "end": START + 9 * MINUTE, "limit": 2}, [9, 8]),
        ({"start": START + 8 * MINUTE, "end": START + 9 * MINUTE}, [9, 8]),
        ({"start": START + 29 * MINUTE, "limit": 10}, [30, 29]),
        ({"start": START + 31 * MINUTE, "limit": 10}, []),
        ({"start": START + 9 * MINUTE, "end": START + 8 * MINUTE}, []),
    ],
)
def test_start_end_and_limit_choose_the_candles(asked, expected):
    assert times(kline(later(), **asked)) == expected


def test_longer_candles_are_made_of_minutes():
    user = User({"AAAUSDT": [(0, 100.0), (4 * HOUR, 340.0)]})
    user.advance(2 * HOUR + 90_000)
    (forming, hour, *_) = kline(user, interval="60", limit=3)
    assert hour[1:5] == ["160", "220", "160", "220"]
    assert (hour[0], hour[6]) == (str(START + HOUR), "60000")
    assert forming[4] == "221.5"
    assert forming[6] == "1500"


@pytest.mark.parametrize(
    ("interval", "begin"),
    [("D", START), ("W", START - 3 * DAY), ("M", START), ("240", START)],
)
def test_long_candles_begin_where_the_calendar_says(interval, begin):
    # START is Thursday the first of January 2026.
    rows = kline(later(), interval=interval, limit=2)
    assert int(rows[0][0]) == begin
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"interval": "2"}, "Invalid period!"),
        ({"symbol": "NOPEUSDT"}, "Not supported symbols"),
        ({"category": "spot"}, "Not supported symbols"),
        ({"category": "futures"}, "Illegal category"),
        ({"start": "yesterday"}, "params error: start invalid"),
    ],
)
def test_bad_kline_request_is_refused_in_bybits_words(changes, text):
    asked = {"symbol": "AAAUSDT", "interval": "1"} | changes
    answer = User().get("/v5/market/kline", **asked)
    assert (answer["retCode"], answer["retMsg"], answer["result"]) == (10001, text, {})


def test_prices_are_padded_in_tickers_and_trimmed_in_candles_without_exponents():
    user = User({"TINYUSDT": [(0, 0.0000125)], "AAAUSDT": [(0, 100.0)]}, listings=[SMALL])
    user.advance(MINUTE)
    row = user.get("/v5/market/tickers", symbol="TINYUSDT")["result"]["list"][0]
    assert row["lastPrice"] == "0.0000125"
    assert row["volume24h"] == "115200000000.0000"
    assert row["price24hPcnt"] == "0.041667"
    candle = kline(user, symbol="TINYUSDT", limit=2)[1]
    assert candle[1:] == ["0.0000125"] * 4 + ["80000000", "1000"]
    assert kline(user, limit=2)[1][1:] == ["100"] * 4 + ["10", "1000"]


def test_tickers_answer_all_symbols_one_or_a_coin():
    user = User({"AAAUSDT": [(0, 100.0)], "BBBUSDT": [(0, 50.0)]})

    def symbols(**parameters):
        return [
            row["symbol"] for row in user.get("/v5/market/tickers", **parameters)["result"]["list"]
        ]

    assert symbols() == ["AAAUSDT", "BBBUSDT"]
    assert symbols(symbol="BBBUSDT") == ["BBBUSDT"]
    assert symbols(baseCoin="AAA") == ["AAAUSDT"]
    assert symbols(category="spot") == []
    assert user.get("/v5/market/tickers", symbol="X")["retMsg"] == "Not supported symbols"
    assert user.get("/v5/market/tickers", category="")["retMsg"] == "Illegal category"


def test_symbol_that_is_not_trading_is_absent_from_tickers_and_takes_no_orders():
    user = User({"AAAUSDT": [(0, 100.0)], "HALTUSDT": [(0, 5.0), (MINUTE, float("nan"))]})
    user.advance(2 * MINUTE)
    rows = user.get("/v5/market/tickers")["result"]["list"]
    assert [row["symbol"] for row in rows] == ["AAAUSDT"]
    assert user.get("/v5/market/tickers", symbol="HALTUSDT")["retCode"] == 10001
    assert user.order("Buy", "2", "HALTUSDT")["retCode"] == 10001
    for path in ("orderbook", "price-limit", "recent-trade"):
        assert user.get(f"/v5/market/{path}", symbol="HALTUSDT")["retCode"] == 10001


def test_position_in_a_symbol_that_halts_keeps_its_last_price():
    user = User({"HALTUSDT": [(0, 5.0), (MINUTE, 5.0), (MINUTE, float("nan"))]})
    user.placed("Buy", "2", "HALTUSDT", stopLoss="4")
    user.advance(30_000)
    user.position("HALTUSDT")
    user.advance(5 * MINUTE)
    assert user.position("HALTUSDT")["markPrice"] == "5"
    assert user.position("HALTUSDT")["size"] == "2"


def test_instruments_page_by_page_give_every_symbol_once():
    user = User({f"S{number:02}USDT": [(0, 10.0)] for number in range(25)})
    seen, cursor = [], ""
    while True:
        page = user.exchange.handle(
            "GET", "/v5/market/instruments-info", f"category=linear&limit=10&cursor={cursor}"
        )
        result = json.loads(page.body)["result"]
        if not result["list"]:
            break
        assert result["nextPageCursor"]
        assert "=" not in result["nextPageCursor"]
        cursor = result["nextPageCursor"]
        seen += [row["symbol"] for row in result["list"]]
    assert seen == [f"S{number:02}USDT" for number in range(25)]
    whole = user.get("/v5/market/instruments-info")["result"]
    assert (len(whole["list"]), whole["nextPageCursor"]) == (25, "")


def test_default_page_of_instruments_is_500():
    user = User({f"S{number:03}USDT": [(0, 10.0)] for number in range(520)})
    result = user.get("/v5/market/instruments-info")["result"]
    assert len(result["list"]) == 500
    assert result["nextPageCursor"] == "first%3DS000USDT%26last%3DS499USDT"


def test_instruments_list_trading_contracts_unless_asked_otherwise():
    user = User(
        {"AAAUSDT": [(0, 1.0)], "NEWUSDT": [(0, 1.0)], "OLDUSDT": [(0, 1.0)], "OIL": [(0, 9.0)]},
        listings=[
            listing("NEWUSDT", launch_time=START + DAY),
            listing("OLDUSDT", status="Closed"),
            listing("OIL", symbol_type="commodity"),
        ],
    )

    def symbols(**parameters):
        rows = user.get("/v5/market/instruments-info", **parameters)["result"]["list"]
        return [row["symbol"] for row in rows]

    assert symbols() == ["AAAUSDT", "OIL"]
    assert symbols(status="PreLaunch") == ["NEWUSDT"]
    assert symbols(status="Closed") == ["OLDUSDT"]
    assert symbols(symbol="OLDUSDT") == ["OLDUSDT"]
    assert symbols(symbolType="commodity") == ["OIL"]
    assert symbols(category="inverse") == []
    missing = user.get("/v5/market/instruments-info", category="")
    assert missing["result"] == {"category": "", "list": [], "nextPageCursor": ""}


def test_dated_future_has_its_delivery_time():
    future = listing(
        "BTC-26JUN26",
        base_coin="BTC",
        settle_coin="USDC",
        contract_type="LinearFutures",
        delivery_time=1_782_460_800_000,
    )
    user = User({"BTC-26JUN26": [(0, 90_000.0)]}, listings=[future])
    (row,) = user.get("/v5/market/instruments-info")["result"]["list"]
    assert (row["deliveryTime"], row["quoteCoin"]) == ("1782460800000", "USDC")


def test_orderbook_is_sorted_and_agrees_with_the_ticker():
    user = User()
    book = user.get("/v5/market/orderbook", symbol="AAAUSDT")["result"]
    ticker = user.get("/v5/market/tickers", symbol="AAAUSDT")["result"]["list"][0]
    bids = [Decimal(price) for price, _ in book["b"]]
    asks = [Decimal(price) for price, _ in book["a"]]
    assert len(bids) == len(asks) == 25
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    for side, price in (("bid1", bids[0]), ("ask1", asks[0])):
        assert Decimal(ticker[f"{side}Price"]) == price
    assert Decimal(ticker["ask1Size"]) == Decimal(book["a"][0][1])
    near = sum(
        Decimal(p) * Decimal(q) for p, q in book["a"] if Decimal(p) <= asks[0] * Decimal("1.001")
    )
    assert abs(near / 100_000 - 1) < Decimal("0.15")


def recent(user, **asked):
    return user.get("/v5/market/recent-trade", symbol="AAAUSDT", **asked)["result"]["list"]


def test_recent_trades_lie_on_the_price_path_newest_first():
    user = User({"AAAUSDT": [(0, 100.0), (60 * MINUTE, 160.0)]})
    user.advance(10 * MINUTE)
    rows = recent(user, limit=20)
    assert len(rows) == 20
    stamps = [int(row["time"]) for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    assert len({row["execId"] for row in rows}) == len({row["seq"] for row in rows}) == 20
    for row, stamp in zip(rows, stamps, strict=True):
        # The last trade of a minute is its close, and the line rises by 1 in a minute.
        assert abs(float(row["price"]) - user.market.price(0, stamp)) <= 1
    assert {row["side"] for row in rows} <= {"Buy", "Sell"}


def test_recent_trades_stay_the_same_and_none_is_from_the_future():
    user = later()
    before = recent(user)
    user.advance(user.exchange.clock.now() - START + 45_000)
    after = recent(user)
    assert max(int(row["time"]) for row in before) <= START + 30 * MINUTE + 20_000
    assert set(map(str, before[:200])) < set(map(str, after))


def test_a_halted_symbol_trades_no_more():
    user = later(minutes=5)
    user.exchange.market.halt(0, START + 4 * MINUTE)
    user.advance(10 * MINUTE)
    assert max(int(row["time"]) for row in recent(user)) < START + 4 * MINUTE


def test_funding_history_is_newest_first():
    user = User(funding=[(MINUTE, 0.0001), (2 * MINUTE, -0.002)])
    user.advance(3 * MINUTE)
    rows = user.get("/v5/market/funding/history", symbol="AAAUSDT")["result"]["list"]
    assert [row["fundingRate"] for row in rows] == ["-0.002", "0.0001"]
