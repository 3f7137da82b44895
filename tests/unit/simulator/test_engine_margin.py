from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.exchange_user import User
from support.scripted_market import START

MINUTE = 60_000


def leverage(user, value, symbol="AAAUSDT"):
    return user.post(
        "/v5/position/set-leverage", symbol=symbol, buyLeverage=value, sellLeverage=value
    )


def wallet(user):
    answer = user.get("/v5/account/wallet-balance", accountType="UNIFIED")
    return answer["result"]["list"][0]


def test_order_larger_than_the_free_balance_is_refused():
    user = User(settings={"balance": Decimal(100)})
    leverage(user, "1")
    answer = user.order("Buy", "1.1")
    assert (answer["retCode"], answer["retMsg"]) == (110007, "ab not enough for new order")
    user.placed("Buy", "0.9")
    assert user.order("Buy", "0.9")["retCode"] == 110007
    user.placed("Sell", "0.9")


def test_resting_orders_lock_balance_until_they_are_cancelled():
    user = User(settings={"balance": Decimal(100)})
    leverage(user, "1")
    user.placed("Buy", "1", orderType="Limit", price="95")
    assert user.order("Buy", "0.5", orderType="Limit", price="95")["retCode"] == 110007
    assert 0 < Decimal(wallet(user)["totalAvailableBalance"]) < 5
    user.post("/v5/order/cancel-all", symbol="AAAUSDT")
    assert wallet(user)["totalAvailableBalance"] == "100"


def test_empty_wallet_is_refused_with_its_own_code():
    user = User()
    user.ledger.wallet = Decimal(0)
    assert user.order("Buy", "1")["retCode"] == 110004


def test_leverage_rules():
    user = User()
    assert leverage(user, "10")["retCode"] == 110043
    assert leverage(user, "10")["retMsg"] == "leverage not modified"
    assert leverage(user, "5")["retCode"] == 0
    assert user.position()["leverage"] == "5"
    assert leverage(user, "0.5")["retCode"] == 10001
    assert leverage(user, "51")["retCode"] == 110013
    uneven = {"symbol": "AAAUSDT", "buyLeverage": "2", "sellLeverage": "3"}
    assert user.post("/v5/position/set-leverage", **uneven)["retCode"] == 10001


def test_lower_leverage_than_the_balance_can_carry_is_refused():
    user = User(settings={"balance": Decimal(100)})
    user.placed("Buy", "5")
    assert leverage(user, "1")["retCode"] == 110012
    assert user.position()["leverage"] == "10"


def test_only_one_way_mode_is_offered():
    user = User()
    assert user.post("/v5/position/switch-mode", symbol="AAAUSDT", mode=0)["retCode"] == 110025
    assert user.post("/v5/position/switch-mode", symbol="AAAUSDT", mode=3)["retCode"] == 10001


def test_long_pays_a_positive_funding_rate_and_short_receives_it():
    for side, sign in (("Buy", 1), ("Sell", -1)):
        user = User(funding=[(5 * MINUTE, 0.001)])
        user.placed(side, "2")
        before = user.ledger.wallet
        user.advance(5 * MINUTE - 1)
        assert user.ledger.wallet == before
        user.advance(5 * MINUTE)
        assert before - user.ledger.wallet == sign * Decimal("0.2")
        assert user.ledger.funding_total == sign * Decimal("0.2")
        row = user.executions(execType="Funding")[0]
        assert (row["orderType"], row["execTime"]) == ("UNKNOWN", str(START + 5 * MINUTE))
        assert Decimal(row["execFee"]) == sign * Decimal("0.2")


@pytest.mark.parametrize("mode", ["REGULAR_MARGIN", "ISOLATED_MARGIN"])
def test_position_is_liquidated_at_the_price_its_row_announces(mode):
    user = User(
        {"AAAUSDT": [(0, 100.0), (10 * MINUTE, 160.0)]},
        settings={"balance": Decimal(1_000), "margin_mode": mode},
    )
    leverage(user, "20")
    user.placed("Sell", "50")
    announced = Decimal(user.position()["liqPrice"])
    assert announced > 100
    user.advance(10 * MINUTE)
    bust = user.executions()[-1]
    assert bust["execType"] == "BustTrade"
    assert user.position()["side"] == ""
    reached = Decimal(bust["execTime"]) - START
    assert abs(100 + 60 * reached / (10 * MINUTE) - announced) < Decimal("0.05")
    lost = Decimal(1_000) - user.ledger.wallet
    if mode == "REGULAR_MARGIN":
        assert lost > 990
    else:
        # 250 of initial margin, and the fees of both sides.
        assert 250 <= lost < 260


def test_unlevered_small_position_has_no_liquidation_price_below():
    user = User()
    user.placed("Buy", "1")
    assert user.position()["liqPrice"] == ""


def test_closed_pnl_is_after_the_fees_of_both_sides():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 110.0)]})
    user.placed("Buy", "2")
    user.advance(MINUTE)
    user.placed("Sell", "2", reduceOnly=True)
    (row,) = user.get("/v5/position/closed-pnl")["result"]["list"]
    fees = sum(Decimal(fill["execFee"]) for fill in user.executions())
    entry, leave = (Decimal(fill["execPrice"]) for fill in user.executions())
    assert Decimal(row["closedPnl"]) == 2 * (leave - entry) - fees
    assert Decimal(row["closedPnl"]) == user.ledger.wallet - 10_000


def test_wallet_totals_follow_the_open_result():
    user = User({"AAAUSDT": [(0, 100.0), (MINUTE, 110.0)]})
    user.placed("Buy", "2")
    user.advance(MINUTE)
    account = wallet(user)
    assert Decimal(account["totalPerpUPL"]) == 2 * (Decimal(110) - Decimal("100.01"))
    assert Decimal(account["totalEquity"]) == user.ledger.wallet + Decimal(account["totalPerpUPL"])
    assert account["coin"][0]["walletBalance"] == f"{user.ledger.wallet.normalize():f}"


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["Buy", "Sell"]),
        st.sampled_from(["AAAUSDT", "BBBUSDT"]),
        st.integers(1, 400),
        st.sampled_from(["market", "limit", "reduce", "stopped", "conditional", "cancel"]),
        st.integers(0, 45_000),
    ),
    max_size=14,
)


@given(actions=ACTIONS, depth=st.sampled_from([500.0, 50_000.0]))
@settings(deadline=None, max_examples=60)
def test_money_and_quantities_always_add_up(actions, depth):
    user = User(
        {
            "AAAUSDT": [(0, 100.0), (90_000, 112.0), (200_000, 84.0), (500_000, 130.0)],
            "BBBUSDT": [(0, 50.0), (120_000, 41.0), (120_000, 47.0), (500_000, 20.0)],
        },
        depth_usdt=depth,
        funding=[(150_000, 0.002), (330_000, -0.004)],
        settings={"balance": Decimal(2_000)},
    )
    elapsed = 0
    for side, symbol, tenths, kind, pause in actions:
        act(user, side, symbol, f"{tenths / 10}", kind)
        elapsed += pause
        user.advance(elapsed)
        check(user)


def act(user, side, symbol, quantity, kind):
    last = user.exchange.prices.last(user.exchange.indices[symbol], user.exchange.engine.time)
    below, above = (f"{(last * Decimal(factor)):.2f}" for factor in ("0.98", "1.02"))
    near, far = (below, above) if side == "Buy" else (above, below)
    if kind == "cancel":
        user.post("/v5/order/cancel-all", symbol=symbol)
        return
    extra = {
        "market": {},
        "limit": {"orderType": "Limit", "price": near},
        "reduce": {"reduceOnly": True},
        "stopped": {"stopLoss": near},
        "conditional": {"triggerPrice": far, "triggerDirection": 1 if side == "Buy" else 2},
    }[kind]
    answer = user.order(side, quantity, symbol, **extra)
    assert answer["retCode"] in {0, 10001, 110004, 110007, 110017, 110094}, answer


def check(user):
    ledger = user.ledger
    booked = ledger.pnl_total - ledger.fee_total - ledger.funding_total
    assert ledger.wallet == 2_000 + booked
    assert ledger.fee_total == sum(e.fee for e in ledger.executions if e.kind != "Funding")
    for position in ledger.positions.values():
        fills = [
            e for e in ledger.executions if e.kind != "Funding" and e.symbol == position.symbol
        ]
        net = sum((e.quantity if e.side == "Buy" else -e.quantity) for e in fills)
        assert net == position.sign * position.size
        assert (position.side is None) == (position.size == 0) == (position.entry_value == 0)
        waiting = [o for o in ledger.open_orders(position.index) if o.stop_kind == "StopLoss"]
        assert len(waiting) == (position.stop_loss is not None)
        assert all(o.quantity == position.size and o.side != position.side for o in waiting)
    for order in ledger.orders.values():
        assert 0 <= order.filled <= order.quantity
        assert order.is_open == (order.order_id in ledger.active.get(order.index, {}))
