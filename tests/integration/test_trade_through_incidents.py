"""What happens on an exchange besides our orders, met by the trade use case through pybit."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from support.scripted_market import listing
from support.simulated_trading import FLAT, MINUTE, SYMBOL, World

from pumpwatch.domain.trading.orders import Leg, Outcome
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS
from pumpwatch_workbench.simulator.troubles.incidents.schedule import NEEDS_POSITION, OTHERS

D = Decimal
Step = Callable[[World], None]


@pytest.fixture
def make_world():
    made: list[World] = []

    def make(**options):
        made.append(World(**options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world):
    return make_world()


FIELDS: dict[str, dict[str, Any]] = {
    "change_filters": {"quantity_step": D(1), "min_quantity": D(1), "min_notional": D(50)},
}


CASES = [(kind, "while it is open") for kind in sorted(set(KINDS) - OTHERS)] + [
    (kind, "before the entry") for kind in sorted(set(KINDS) - NEEDS_POSITION - OTHERS)
]


@pytest.mark.parametrize(("kind", "when"), CASES)
def test_the_promise_holds_through_every_incident(world, kind, when):
    """Whatever happened, the account is flat in the end and the journal knows it."""
    fields = FIELDS.get(kind, {})
    if when == "while it is open":
        world.enter()
        world.market_clock.advance_by(20_000)
        world.happen(kind, **fields)
    else:
        world.happen(kind, **fields)
        world.enter()
    for minute in range(1, 6):
        world.tick(minute)
    if kind == "halt_symbol":
        world.happen("resume_symbol")
    for minute in (6, 12, 18, 40, 46, 47):
        world.tick(minute)
    foreign = {one.symbol for one in world.exchange.engine.ledger.held()}
    trades = world.journal.trades_since(0)
    assert len(trades) == 1
    assert not trades[0].state.live
    assert not foreign or kind == "manual_open"
    assert len(world.entries()) <= 1
    if not foreign:
        assert world.longest_bare() <= 60_000


# --- what is made of it, in particular -----------------------------------------------------------


def closed_by(world):
    trade = world.trade()
    assert trade.state is TradeState.CLOSED
    return trade.exit_reason


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("manual_close", {}, ExitReason.MANUAL),
        ("auto_deleverage", {}, ExitReason.AUTO_DELEVERAGING),
        ("liquidate", {}, ExitReason.LIQUIDATION),
        ("delist", {"price": D(90)}, ExitReason.SETTLEMENT),
        ("price_gap", {"fraction": D("0.2")}, ExitReason.STOP_LOSS),
        ("price_gap", {"fraction": D("-0.2")}, ExitReason.TAKE_PROFIT),
    ],
)
def test_who_closed_the_position_is_recognised(world, kind, fields, reason):
    world.enter()
    world.market_clock.advance_by(20_000)
    world.happen(kind, **fields)
    report = world.tick(1)
    assert closed_by(world) is reason
    assert report.equity == D(10_000) + world.trade().realised_pnl
    assert report.problems == []
    world.check_promise()


def test_a_gap_through_the_stop_is_booked_at_the_price_that_was_got(world):
    world.enter()
    stop = world.trade().stop_loss
    assert stop is not None
    world.happen("price_gap", fraction=D("0.3"))
    report = world.tick(1)
    trade = world.trade()
    assert trade.exit_reason is ExitReason.STOP_LOSS
    assert trade.exit_price is not None
    assert trade.exit_price > stop * D("1.1")
    assert report.equity == D(10_000) + trade.realised_pnl


@pytest.mark.parametrize("kind", ["manual_close", "auto_deleverage"])
def test_a_part_that_is_closed_by_others_leaves_the_rest_protected(world, kind):
    world.enter()
    half = (world.trade().quantity / 2).quantize(D("0.001"))
    world.happen(kind, quantity=half)
    report = world.tick(1)
    assert report.repairs == {"resized": 1}
    assert len(world.journal.repairs(world.trade().signal_id)) == 1
    world.check_promise()
    world.tick(31)
    trade = world.trade()
    assert trade.state is TradeState.CLOSED
    assert world.longest_bare() == 0


def test_a_funding_row_among_the_executions_is_a_cost_and_no_trade(world):
    world.enter()
    before = world.trade().quantity
    world.happen("funding", fraction=D("-0.02"))
    report = world.tick(1)
    assert (world.trade().quantity, report.repairs) == (before, {})
    world.tick(31)
    trade = world.trade()
    assert trade.funding > before * 100 * D("0.02")
    report = world.tick(32)
    assert report.equity == D(10_000) + trade.realised_pnl


@pytest.mark.parametrize("kind", ["drop_next_stop", "drop_stop"])
def test_a_stop_that_is_gone_is_set_by_the_same_or_the_next_run(world, kind):
    if kind == "drop_next_stop":
        world.publish()
        world.happen(kind)
        report = world.tick()
        assert world.longest_bare() < 2_000
    else:
        world.enter()
        world.market_clock.advance_by(20_000)
        world.happen(kind)
        report = world.tick(1)
    assert report.repairs == {"stop_set": 1}
    assert report.positions_without_stop == 0
    world.check_promise()


def test_a_partial_fill_is_protected_and_closed_at_what_was_filled(world):
    world.publish()
    world.happen("partial_fill", fraction=D("0.4"))
    world.tick()
    (held,) = world.exchange.engine.ledger.held()
    trade = world.trade()
    assert trade.quantity == held.size
    (order,) = world.journal.orders(trade.signal_id)
    assert D(0) < order.filled_quantity == held.size < order.request.quantity
    world.check_promise()
    world.tick(31)
    assert not list(world.exchange.engine.ledger.held())


def test_an_entry_that_the_price_band_cancels_is_dropped_with_the_exchanges_word(world):
    world.publish()
    world.happen("band_cancel")
    world.tick()
    assert world.trade().state is TradeState.DROPPED
    assert world.trade().denial.startswith("EC_")
    assert world.tick(1).happenings == []


def test_an_exit_that_the_price_band_cancels_goes_again(world):
    world.enter()
    world.market_clock.advance_to(world.market_clock.now() + 31 * MINUTE)
    world.happen("band_cancel")
    world.tick()
    assert closed_by(world) is ExitReason.TIME_LIMIT
    assert len(world.journal.orders(world.trade().signal_id)) == 3


def test_a_contract_that_is_halted_keeps_its_trade_until_it_can_be_closed(world):
    world.enter()
    world.happen("halt_symbol")
    for minute in (31, 32, 33, 34):
        report = world.tick(minute)
        assert report.orders[Leg.EXIT, Outcome.REJECTED] == (1 if minute <= 32 else 0)
        assert report.positions_without_stop == 0
    assert world.trade().state.live
    world.happen("resume_symbol")
    for minute in (37, 38):
        world.tick(minute)
    assert closed_by(world) is ExitReason.TIME_LIMIT


def test_a_step_that_grew_under_a_position_does_not_keep_it_open(world):
    world.enter()
    world.happen("change_filters", quantity_step=D(1), min_quantity=D(1))
    world.market_clock.advance_to(world.market_clock.now() + 61 * MINUTE)
    world.tick()
    world.tick(63)
    world.tick(64)
    assert closed_by(world) is ExitReason.TIME_LIMIT


def test_a_symbol_that_somebody_else_trades_is_left_alone(world):
    world.happen("manual_order")
    world.happen("manual_open", "BTCUSDT")
    report = world.enter()
    assert (report.foreign_orders, report.foreign_positions) == (1, 1)
    assert "open order in this symbol that is not ours" in world.trade().denial
    held = list(world.exchange.engine.ledger.held())
    for minute in range(1, 4):
        world.tick(minute)
    assert [one.symbol for one in held] == ["BTCUSDT"]
    assert list(world.exchange.engine.ledger.held()) == held


def test_funding_that_is_strongly_negative_and_near_denies_a_fade(make_world):
    hourly = listing(SYMBOL, funding_interval_minutes=60)
    world = make_world(market={"listings": [hourly]}, fade_time_limit_minutes=60)
    world.happen("funding_rate", fraction=D("-0.02"))
    world.enter()
    assert "funding due within the time limit costs" in world.trade().denial
    assert world.exchange.engine.ledger.orders == {}


@pytest.mark.parametrize("leverage", [1, 5])
def test_leverage_is_set_before_the_entry(make_world, leverage):
    world = make_world(leverage=D(leverage), fade_stop_above_peak=D("0.01"))
    world.enter()
    (held,) = world.exchange.engine.ledger.held()
    assert held.leverage == leverage


def test_a_stop_near_the_liquidation_price_denies_the_entry(make_world):
    world = make_world(leverage=D(5), fade_stop_above_peak=D("0.1"))
    world.enter()
    assert "too near to the liquidation price" in world.trade().denial


def test_a_trailing_stop_is_set_beside_the_fixed_one_and_ends_the_trade(make_world):
    falls_and_rises = [*FLAT[:2], (12 * MINUTE, 117.0), (14 * MINUTE, 112.0), (16 * MINUTE, 116.0)]
    world = make_world(script=falls_and_rises, trailing_stop_fraction=D("0.02"))
    world.enter()
    (position,) = world.broker.positions()
    assert position.stop_loss == D("123.6")
    assert position.trailing_stop == world.trade().trailing_stop
    world.tick(5)
    world.tick(7)
    assert closed_by(world) is ExitReason.TRAILING_STOP
    assert world.trade().realised_pnl > 0
    assert SYMBOL not in {one.symbol for one in world.exchange.engine.ledger.held()}
