"""Sizing keeps every limit, whatever the numbers."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.trading.funding import FundingTerms
from pumpwatch.domain.trading.limits import Book, RiskLimits, check_account, check_plan
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Denied, EntryPlan, Quote
from pumpwatch.domain.trading.rounding import ceil_to, floor_to, stop_to_tick, target_to_tick
from pumpwatch.domain.trading.sizing import size_entry

bounded = settings(deadline=None, max_examples=60)
D = Decimal


def decimals(low, high, places=6):
    first, last = (int(D(bound).scaleb(places)) for bound in (low, high))
    return st.integers(first, last).map(lambda number: D(number).scaleb(-places))


steps = st.sampled_from([D("0.000001"), D("0.0001"), D("0.01"), D("0.1"), D("0.5"), D(1), D(10)])
wild = st.integers(0, 9).map(lambda number: number == 9)
"""True now and then: numbers that are mostly denied."""


@st.composite
def quotes(draw):
    bid = draw(decimals("0.001", "1000") if draw(wild) else decimals("0.5", "50"))
    ask = bid * (1 + draw(decimals("0", "0.01")))
    last = bid * (1 + draw(decimals("-0.01", "0.01")))
    mark = bid * (1 + draw(decimals("-0.02", "0.02")))
    return Quote(bid, ask, last, mark)


@st.composite
def plans(draw, quote):
    side = draw(st.sampled_from(Side))
    nearest = "-0.05" if draw(wild) else "0.04"
    stop, target = draw(decimals(nearest, "0.3")), draw(decimals(nearest, "0.3"))
    sign = -1 if side is Side.BUY else 1
    return EntryPlan(
        side,
        stop_loss=quote.best(side) * (1 + sign * stop),
        take_profit=quote.best(side) * (1 - sign * target),
        time_limit=60_000,
    )


@st.composite
def contracts(draw):
    fine = st.sampled_from([D("0.0001"), D("0.001")])
    step = draw(steps if draw(wild) else fine)
    return Instrument(
        symbol="AUSDT",
        tick_size=draw(steps if draw(wild) else fine),
        quantity_step=step,
        min_quantity=step * draw(st.integers(1, 20)),
        max_market_quantity=step * draw(st.integers(20, 10**9) | st.just(10**9)),
        min_notional=D(5),
        max_leverage=D(25),
        launch_time=0,
    )


@st.composite
def limit_sets(draw):
    return RiskLimits(
        risk_fraction=draw(decimals("0.0001", "0.05")),
        max_notional_usdt=draw(decimals("5", "100000")),
        max_exposure_fraction=draw(decimals("0.01", "3")),
        max_open_positions=draw(st.integers(1, 10)),
        leverage=draw(decimals("1", "5", 2)),
        max_spread=D("0.05"),
        slippage_tolerance=draw(decimals("0.0001", "0.03")),
        max_funding_fraction=D("0.003"),
        liquidation_margin=draw(decimals("0", "0.5")),
        taker_fee=draw(decimals("0", "0.01")),
    )


@st.composite
def books(draw):
    equity = draw(decimals("0", "1000000", 2) if draw(wild) else decimals("5000", "1000000", 2))
    exposure = draw(decimals("0", "3")) if draw(wild) else D("0.005")
    return Book(
        equity=equity,
        available=equity * draw(decimals("0", "1")),
        exposure=equity * exposure,
        open_trades=0,
    )


@st.composite
def cases(draw):
    quote = draw(quotes())
    return draw(plans(quote)), quote, draw(contracts()), draw(books()), draw(limit_sets())


def worst_and_best_fill(side, quote, limits):
    high = quote.ask * (1 + limits.slippage_tolerance)
    low = quote.bid * (1 - limits.slippage_tolerance)
    return (high, low) if side is Side.BUY else (low, high)


@bounded
@given(cases())
def test_a_sized_entry_keeps_every_limit(case):
    plan, quote, contract, book, limits = case
    entry = size_entry(plan, quote, contract, book, limits, now=0)
    if isinstance(entry, Denied):
        assert entry.reason
        return
    worst, farthest = entry.limit_price, worst_and_best_fill(entry.side, quote, limits)[0]
    buys = entry.side is Side.BUY
    dearest = worst if buys else quote.ask * (1 + limits.slippage_tolerance)
    assert worst % contract.tick_size == 0
    assert quote.ask <= worst <= farthest if buys else farthest <= worst <= quote.bid
    assert worst < entry.take_profit if buys else worst > entry.take_profit
    assert entry.quantity % contract.quantity_step == 0
    assert contract.min_quantity <= entry.quantity <= contract.max_market_quantity
    cheapest = quote.bid * (1 - limits.slippage_tolerance) if buys else worst
    assert entry.quantity * cheapest >= contract.min_notional
    rounding = D("1e-9")
    assert entry.quantity * dearest <= limits.max_notional_usdt + rounding
    cap = limits.max_exposure_fraction * book.equity
    assert book.exposure + entry.quantity * dearest <= cap * (1 + rounding)
    assert entry.quantity * dearest / limits.leverage <= book.available + rounding
    loss = entry.quantity * (
        abs(worst - entry.stop_loss) + limits.taker_fee * (worst + entry.stop_loss)
    )
    assert loss <= limits.risk_fraction * book.equity + rounding


@bounded
@given(cases())
def test_the_stop_is_on_the_losing_side_and_on_the_grid(case):
    plan, quote, contract, book, limits = case
    entry = size_entry(plan, quote, contract, book, limits, now=0)
    event(type(entry).__name__)
    if isinstance(entry, Denied):
        return
    assert entry.stop_loss % contract.tick_size == 0
    assert entry.take_profit % contract.tick_size == 0
    if entry.side is Side.BUY:
        assert 0 < plan.stop_loss <= entry.stop_loss < quote.lowest
        assert quote.highest < entry.take_profit <= plan.take_profit
    else:
        assert quote.highest < entry.stop_loss <= plan.stop_loss
        assert 0 < plan.take_profit <= entry.take_profit < quote.lowest


@bounded
@given(decimals("0.000001", "100000"), steps)
def test_rounding_moves_by_less_than_a_step_and_toward_safety(price, step):
    assert floor_to(price, step) <= price < floor_to(price, step) + step
    assert ceil_to(price, step) - step < price <= ceil_to(price, step)
    assert stop_to_tick(price, step, Side.SELL) <= price <= stop_to_tick(price, step, Side.BUY)
    assert target_to_tick(price, step, Side.BUY) <= price <= target_to_tick(price, step, Side.SELL)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(cases(), decimals("0", "1"), decimals("0", "1"), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    limit_sets(),
    decimals("100", "100000", 2),
)
def test_the_exposure_stays_under_its_cap_whatever_the_order_of_fills(entries, limits, equity):
    """Each entry is filled in part, anywhere in its slippage band, or stays unknown at its plan."""
    exposure = margin = D(0)
    count = 0
    for (plan, quote, contract, _, _), share, place, unknown in entries:
        book = Book(equity, equity - margin, exposure, count)
        if check_account(book, limits) is not None:
            continue
        entry = size_entry(plan, quote, contract, book, limits, now=0)
        if isinstance(entry, Denied):
            continue
        low = quote.bid * (1 - limits.slippage_tolerance)
        high = quote.ask * (1 + limits.slippage_tolerance)
        if entry.side is Side.BUY:
            high = entry.limit_price
        price = low + place * (high - low)
        notional = entry.notional if unknown else entry.quantity * share * price
        exposure += notional
        margin += notional / limits.leverage
        count += 1
    assert exposure <= limits.max_exposure_fraction * equity * (1 + D("1e-9"))
    assert margin <= equity + D("1e-9")
    assert count <= limits.max_open_positions


@bounded
@given(cases(), decimals("-0.05", "0.05"), st.integers(0, 10**8), st.integers(1, 480))
def test_a_plan_that_passes_stays_clear_of_liquidation_and_of_dear_funding(
    case, rate, next_time, minutes
):
    plan, quote, contract, _, limits = case
    plan = replace(plan, time_limit=minutes * 60_000)
    funding = FundingTerms(rate, next_time, 60_000 * minutes)
    denied = check_plan(plan, quote, contract, funding, limits, now=0)
    if denied is not None:
        return
    assert quote.spread <= limits.max_spread
    worst, _ = worst_and_best_fill(plan.side, quote, limits)
    liquidation_move = 1 / limits.leverage
    if plan.side is Side.BUY:
        assert plan.stop_loss >= worst * (1 - liquidation_move + limits.liquidation_margin)
    else:
        assert plan.stop_loss <= worst * (1 + liquidation_move - limits.liquidation_margin)
    paid = rate if plan.side is Side.BUY else -rate
    if next_time <= minutes * 60_000:
        assert paid <= limits.max_funding_fraction
