"""What every broker must do: the paper one, and Bybit's on the simulator, in process and served."""

from decimal import Decimal

import pytest
from support.broker_rigs import FUNDING_MINUTE, OTHER, SYMBOL, InProcessRig, PaperRig, bybit_rig
from support.doubles import MemoryPaperStore
from support.records import an_entry, an_exit
from support.scripted_market import START

from pumpwatch.adapters.dynamodb.paper import DynamoPaperStore
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import FillKind, OrderState, Side, StopTrigger
from pumpwatch.errors import DeadlineNear, DuplicateOrder, Rejected
from pumpwatch_workbench.local.store import SqlitePaperStore

LAST = StopTrigger.LAST_PRICE
TEN = Decimal(10)


@pytest.fixture(params=["in process", "paper", "paper in the table", "paper in a file", "bybit"])
def rig(request):
    if request.param == "in process":
        yield InProcessRig()
    elif request.param == "paper":
        yield PaperRig(MemoryPaperStore())
    elif request.param == "paper in the table":
        yield PaperRig(DynamoPaperStore(request.getfixturevalue("table")))
    elif request.param == "paper in a file":
        yield PaperRig(SqlitePaperStore(request.getfixturevalue("database")))
    else:
        with bybit_rig() as made:
            yield made


@pytest.fixture
def broker(rig):
    return rig.broker


@pytest.fixture
def trailing(rig):
    """Set a trailing stop beside the fixed one."""

    def trail(distance, stop_loss):
        rig.broker.set_protection(
            SYMBOL,
            stop_loss=Decimal(stop_loss),
            take_profit=None,
            trigger=LAST,
            trailing_stop=Decimal(distance),
        )

    return trail


def short(order_id="entry-1", **changes):
    terms = {
        "quantity": TEN,
        "stop_loss": Decimal(110),
        "take_profit": Decimal(90),
        "stop_trigger": LAST,
        "limit_price": Decimal(99),
    }
    return an_entry(order_id, **(terms | changes))


def long(order_id="entry-1", **changes):
    terms = {
        "side": Side.BUY,
        "stop_loss": Decimal(90),
        "take_profit": Decimal(115),
        "limit_price": Decimal(101),
    }
    return short(order_id, **(terms | changes))


def close(order_id="exit-1", **changes):
    return an_exit(order_id, **({"quantity": TEN} | changes))


def near(value, expected, tolerance="0.01"):
    return abs(value / Decimal(expected) - 1) <= Decimal(tolerance)


def test_a_fresh_account_holds_nothing(broker):
    account = broker.account()
    assert account.equity == account.available == account.wallet_balance == 10_000
    assert list(broker.positions()) == []
    assert list(broker.open_orders()) == []


def test_access_names_the_account_and_lets_it_trade(rig):
    access = rig.broker.access()
    assert access.account == rig.account
    assert (access.may_trade, access.read_only) == (True, False)


def test_an_entry_opens_a_position_with_its_stop_and_target(broker):
    assert broker.place(short())
    (position,) = broker.positions()
    assert (position.symbol, position.side, position.quantity) == (SYMBOL, Side.SELL, TEN)
    assert (position.stop_loss, position.take_profit) == (Decimal(110), Decimal(90))
    assert near(position.entry_price, 100)
    assert near(position.notional, 1000)
    assert position.liquidation_price is None or position.liquidation_price > 110


def test_the_positions_protections_are_open_orders(broker):
    broker.place(short())
    protections = broker.open_orders()
    assert len(protections) == 2
    assert all(order.is_protection and order.reduce_only for order in protections)
    assert all(order.side is Side.BUY and order.order_id == "" for order in protections)


def test_an_order_is_found_by_our_id(broker):
    exchange_id = broker.place(short())
    order = broker.find_order(SYMBOL, "entry-1")
    assert (order.order_id, order.exchange_id) == ("entry-1", exchange_id)
    assert (order.state, order.filled_quantity) == (OrderState.FILLED, TEN)
    assert (order.side, order.reduce_only, order.quantity) == (Side.SELL, False, TEN)
    assert near(order.average_price, 100)
    assert near(order.fee, "0.55")
    assert START <= order.created <= order.updated


def test_an_order_that_was_never_placed_is_not_found(broker):
    assert broker.find_order(SYMBOL, "entry-1") is None
    broker.place(short())
    assert broker.find_order(SYMBOL, "entry-2") is None
    assert broker.find_order(OTHER, "entry-1") is None


def test_the_same_id_is_never_placed_twice(broker):
    broker.place(short())
    with pytest.raises(DuplicateOrder):
        broker.place(short())
    (position,) = broker.positions()
    assert position.quantity == TEN
    assert len(broker.fills(SYMBOL, since=START)) == 1


@pytest.mark.parametrize(
    "entry", [short(stop_loss=Decimal(95)), long(stop_loss=Decimal(105))], ids=["short", "long"]
)
def test_an_entry_whose_stop_has_been_passed_is_refused(broker, entry):
    with pytest.raises(Rejected):
        broker.place(entry)
    assert list(broker.positions()) == []


def test_an_unknown_symbol_is_refused(broker):
    with pytest.raises(Rejected):
        broker.place(short(symbol="NOSUCHUSDT"))


def test_reducing_nothing_is_refused(broker):
    with pytest.raises(Rejected) as caught:
        broker.place(close())
    assert caught.value.code == 110017


def test_reducing_the_wrong_way_is_refused(broker):
    broker.place(short())
    with pytest.raises(Rejected):
        broker.place(close(side=Side.SELL))


def test_an_exit_closes_the_position_and_its_protections(broker):
    broker.place(short())
    broker.place(close())
    assert list(broker.positions()) == []
    assert list(broker.open_orders()) == []
    entry, exit_ = broker.fills(SYMBOL, since=START)
    assert (entry.order_id, entry.side, entry.closed_quantity) == ("entry-1", Side.SELL, 0)
    assert (exit_.order_id, exit_.side, exit_.closed_quantity) == ("exit-1", Side.BUY, TEN)
    assert {entry.kind, exit_.kind} == {FillKind.TRADE}
    assert entry.trigger == exit_.trigger == ""
    assert broker.find_order(SYMBOL, "exit-1").reduce_only


def test_an_exit_never_turns_the_position(broker):
    broker.place(short())
    broker.place(close(quantity=Decimal(25)))
    assert list(broker.positions()) == []
    assert broker.find_order(SYMBOL, "exit-1").filled_quantity == TEN


def test_an_exit_of_a_part_leaves_the_rest_protected(broker):
    broker.place(short())
    broker.place(close(quantity=Decimal(4)))
    (position,) = broker.positions()
    assert (position.quantity, position.stop_loss) == (Decimal(6), Decimal(110))


def test_a_round_trip_costs_fees_and_spread(broker):
    broker.place(short())
    broker.place(close())
    account = broker.account()
    assert Decimal(9_990) < account.equity < Decimal("9998.95")
    assert account.equity == account.available == account.wallet_balance


def test_an_open_position_binds_margin(broker):
    broker.place(short())
    account = broker.account()
    assert near(account.equity - account.available, 1000, "0.02")


def test_a_short_is_stopped_when_the_price_rises(rig):
    rig.broker.place(short())
    rig.go_to(14)
    assert list(rig.broker.positions()) == []
    stop = rig.broker.fills(SYMBOL, since=START)[-1]
    assert (stop.trigger, stop.order_id, stop.kind) == ("stop_loss", "", FillKind.TRADE)
    assert (stop.side, stop.quantity, stop.closed_quantity) == (Side.BUY, TEN, TEN)
    assert near(stop.price, 110, "0.02")
    assert START + 12 * MINUTE <= stop.time <= START + 14 * MINUTE
    assert near(rig.broker.account().equity, "9898.5", "0.003")


def test_a_long_takes_its_profit_when_the_price_rises(rig):
    rig.broker.place(long())
    rig.go_to(16)
    assert list(rig.broker.positions()) == []
    target = rig.broker.fills(SYMBOL, since=START)[-1]
    assert (target.trigger, target.side) == ("take_profit", Side.SELL)
    assert near(target.price, 115, "0.02")
    assert rig.broker.account().equity > 10_100


def test_a_position_lives_on_while_nothing_is_reached(rig):
    rig.broker.place(short(stop_loss=Decimal(130)))
    rig.go_to(20)
    (position,) = rig.broker.positions()
    assert near(position.mark_price, 120)
    assert near(position.unrealised_pnl, -200, "0.06")
    assert near(rig.broker.account().equity, 9_800, "0.01")


def test_fills_are_listed_since_the_time_asked_for_oldest_first(rig):
    rig.broker.place(short("entry-1", stop_loss=Decimal(130)))
    rig.go_to(5)
    rig.broker.place(close())
    terms = {"stop_loss": Decimal(60), "take_profit": None, "limit_price": Decimal("49.5")}
    rig.broker.place(short("entry-2", symbol=OTHER, **terms))
    assert [f.order_id for f in rig.broker.fills(SYMBOL, since=START)] == ["entry-1", "exit-1"]
    late = rig.broker.fills(SYMBOL, since=START + 5 * MINUTE)
    assert [fill.order_id for fill in late] == ["exit-1"]
    assert [fill.order_id for fill in rig.broker.fills(OTHER, since=START)] == ["entry-2"]


def test_protection_can_be_moved_and_set_again_unchanged(broker):
    broker.place(short())
    for _ in range(2):
        broker.set_protection(SYMBOL, stop_loss=Decimal(108), take_profit=Decimal(85), trigger=LAST)
        (position,) = broker.positions()
        assert (position.stop_loss, position.take_profit) == (Decimal(108), Decimal(85))


def test_setting_only_the_stop_leaves_the_target(broker):
    broker.place(short())
    broker.set_protection(SYMBOL, stop_loss=Decimal(108), take_profit=None, trigger=LAST)
    (position,) = broker.positions()
    assert (position.stop_loss, position.take_profit) == (Decimal(108), Decimal(90))


def test_protection_without_a_position_is_refused(broker):
    with pytest.raises(Rejected):
        broker.set_protection(SYMBOL, stop_loss=Decimal(108), take_profit=None, trigger=LAST)


def test_a_stop_the_price_has_passed_is_refused(broker):
    broker.place(short())
    with pytest.raises(Rejected):
        broker.set_protection(SYMBOL, stop_loss=Decimal(95), take_profit=None, trigger=LAST)
    (position,) = broker.positions()
    assert position.stop_loss == Decimal(110)


def test_the_leverage_is_told_until_the_symbol_is_held(broker):
    assert broker.leverage(SYMBOL) == 1
    broker.set_leverage(SYMBOL, Decimal(2))
    assert broker.leverage(SYMBOL) == 2
    broker.place(short())
    assert broker.leverage(SYMBOL) is None


def test_leverage_can_be_set_twice_and_is_reported(broker):
    for _ in range(2):
        broker.set_leverage(SYMBOL, Decimal(2))
    broker.place(short())
    (position,) = broker.positions()
    assert position.leverage == Decimal(2)
    account = broker.account()
    assert near(account.equity - account.available, 500, "0.05")


def test_more_than_the_account_can_carry_is_refused(rig):
    with pytest.raises(Rejected):
        rig.broker.place(short(quantity=Decimal(150)))
    assert list(rig.broker.positions()) == []


def test_an_order_whose_last_moment_has_passed_is_not_sent(broker):
    with pytest.raises(DeadlineNear):
        broker.place(short(send_by=START - 1))
    assert broker.find_order(SYMBOL, "entry-1") is None
    assert list(broker.positions()) == []


def test_closing_all_closes_more_than_the_quantity_says(broker):
    broker.place(short())
    broker.place(close(quantity=Decimal(3), closes_all=True))
    assert list(broker.positions()) == []
    assert broker.fills(SYMBOL, since=START)[-1].closed_quantity == TEN


# --- funding -----------------------------------------------------------------------------


def test_funding_is_paid_once_and_leaves_the_quantity(rig):
    rig.broker.place(short(stop_loss=Decimal(130), take_profit=None))
    before = rig.broker.account().wallet_balance
    rig.go_to(FUNDING_MINUTE + 1)
    rig.broker.positions()
    rig.restart()
    rig.go_to(FUNDING_MINUTE + 3)
    (position,) = rig.broker.positions()
    assert (position.side, position.quantity) == (Side.SELL, TEN)
    _, paid = rig.broker.fills(SYMBOL, since=START)
    assert (paid.kind, paid.order_id, paid.closed_quantity) == (FillKind.FUNDING, "", 0)
    assert paid.time == START + FUNDING_MINUTE * MINUTE
    assert near(paid.price, 80)
    assert near(paid.fee, 8)
    assert rig.broker.account().wallet_balance == before - paid.fee


def test_a_negative_rate_pays_the_long(rig):
    rig.broker.place(long(stop_loss=Decimal(70), take_profit=None))
    before = rig.broker.account().wallet_balance
    rig.go_to(FUNDING_MINUTE + 1)
    _, received = rig.broker.fills(SYMBOL, since=START)
    assert (received.kind, received.quantity) == (FillKind.FUNDING, TEN)
    assert near(received.fee, -8)
    assert rig.broker.account().wallet_balance == before - received.fee


def test_who_holds_nothing_at_the_time_pays_no_funding(rig):
    rig.broker.place(short(stop_loss=Decimal(130), take_profit=None))
    rig.go_to(FUNDING_MINUTE - 1)
    rig.broker.place(close())
    rig.go_to(FUNDING_MINUTE + 1)
    assert {fill.kind for fill in rig.broker.fills(SYMBOL, since=START)} == {FillKind.TRADE}


# --- trailing stops ----------------------------------------------------------------------


def test_a_trailing_stop_stands_beside_the_fixed_one(rig, trailing):
    rig.broker.place(long())
    trailing(distance=6, stop_loss=90)
    (position,) = rig.broker.positions()
    assert (position.trailing_stop, position.stop_loss) == (Decimal(6), Decimal(90))
    assert position.take_profit == Decimal(115)
    assert all(order.is_protection for order in rig.broker.open_orders())


def test_a_trailing_stop_closes_in_profit_and_says_so(rig, trailing):
    rig.broker.place(long(take_profit=None))
    trailing(distance=6, stop_loss=90)
    rig.go_to(20)
    assert len(rig.broker.positions()) == 1
    rig.restart()
    rig.go_to(34)
    assert list(rig.broker.positions()) == []
    stop = rig.broker.fills(SYMBOL, since=START)[-1]
    assert (stop.trigger, stop.order_id, stop.kind) == ("trailing_stop", "", FillKind.TRADE)
    assert (stop.side, stop.quantity, stop.closed_quantity) == (Side.SELL, TEN, TEN)
    assert near(stop.price, 114, "0.005")
    assert START + 30 * MINUTE <= stop.time <= START + 32 * MINUTE
    assert rig.broker.account().equity > 10_130


def test_a_trailing_stop_follows_a_short_down(rig, trailing):
    rig.go_to(20)
    rig.broker.place(short(stop_loss=Decimal(130), take_profit=None, limit_price=Decimal(118)))
    trailing(distance=10, stop_loss=130)
    rig.go_to(49)
    assert list(rig.broker.positions()) == []
    stop = rig.broker.fills(SYMBOL, since=START)[-1]
    assert (stop.trigger, stop.side) == ("trailing_stop", Side.BUY)
    assert near(stop.price, 90, "0.005")


def test_the_fixed_stop_fires_beside_a_trailing_one_that_is_further_away(rig, trailing):
    rig.broker.place(short(take_profit=None))
    trailing(distance=25, stop_loss=110)
    rig.go_to(14)
    assert list(rig.broker.positions()) == []
    stop = rig.broker.fills(SYMBOL, since=START)[-1]
    assert (stop.trigger, stop.side) == ("stop_loss", Side.BUY)
    assert near(stop.price, 110, "0.02")


def test_the_same_trailing_stop_again_does_not_start_anew(rig, trailing):
    rig.broker.place(long(take_profit=None))
    trailing(distance=20, stop_loss=70)
    rig.go_to(31)
    assert len(rig.broker.positions()) == 1
    trailing(distance=20, stop_loss=70)
    rig.go_to(34)
    stop = rig.broker.fills(SYMBOL, since=START)[-1]
    assert stop.trigger == "trailing_stop"
    assert near(stop.price, 100, "0.005")


def test_moving_the_fixed_stop_leaves_the_trailing_one(rig, trailing):
    rig.broker.place(long(take_profit=None))
    trailing(distance=6, stop_loss=90)
    rig.broker.set_protection(SYMBOL, stop_loss=Decimal(92), take_profit=None, trigger=LAST)
    (position,) = rig.broker.positions()
    assert (position.trailing_stop, position.stop_loss) == (Decimal(6), Decimal(92))


@pytest.mark.parametrize("entry", [short(limit_price=Decimal(105)), long(limit_price=Decimal(95))])
def test_an_entry_whose_limit_price_reaches_nothing_ends_without_a_fill(broker, entry):
    broker.place(entry)
    status = broker.find_order(SYMBOL, "entry-1")
    assert (status.state, status.filled_quantity) == (OrderState.CANCELLED, 0)
    assert list(broker.positions()) == []
    assert list(broker.open_orders()) == []
