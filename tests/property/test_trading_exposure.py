"""The caps hold in the whole use case, whatever is filled, lost, late or closed in between."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_market_data import instrument
from support.trading_rig import MINUTE, Rig, peaked
from support.trading_rig import settings as trade_settings

from pumpwatch.domain.trading.orders import Side
from pumpwatch.errors import ExchangeUnavailable, OutcomeUnknown, RetryLater

D = Decimal
SYMBOLS = [f"P{number}USDT" for number in range(6)]
CAPS = st.sampled_from([D("0.02"), D("0.05"), D("0.12"), D("0.5")])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["signal", "signal", "signal", "tick", "close", "foreign", "minutes"]),
        st.sampled_from(SYMBOLS),
        st.sampled_from([D(1), D("0.5"), D("0.03"), D(0)]),
        st.sampled_from(
            ["", "", "lost after", "lost before", "late lists", "late lists", "read fails"]
        ),
        st.booleans(),
    ),
    min_size=3,
    max_size=14,
)


PRICE = D("1.17")


def watch(rig, cap):
    """Hold every entry that reaches the exchange against what is really held at that moment."""
    place, ledger = rig.broker.place, rig.broker.ledger

    def checked(request):
        if not request.reduce_only:
            held = sum((one.size * PRICE for one in ledger.open_positions()), D(0))
            assert held + request.quantity * PRICE <= cap * (ledger.wallet + ledger.unrealised())
            assert request.quantity * PRICE <= ledger.available()
            assert request.stop_loss is not None
            assert request.stop_loss > PRICE, "a short loses when the price rises"
        return place(request)

    rig.broker.place = checked


def trouble(rig, kind):
    if kind == "lost after":
        rig.broker.fail("place", OutcomeUnknown("read timed out"), after=True)
    elif kind == "lost before":
        rig.broker.fail("place", OutcomeUnknown("connection reset"))
    elif kind == "late lists":
        rig.advance(4)  # what is there already is listed
        rig.broker.lag_lists(4_000)
    elif kind == "read fails":
        rig.broker.fail("fills", ExchangeUnavailable("no answer"))


def tick(rig):
    try:
        rig.tick()
    except RetryLater:
        rig.advance(1)


@settings(deadline=None, max_examples=200)
@given(cap=CAPS, most=st.integers(1, 4), orders=st.integers(1, 12), steps=STEPS)
def test_no_cap_is_exceeded_in_whatever_order_entries_fill_and_positions_close(
    cap, most, orders, steps
):
    rig = Rig(
        trade_settings(
            max_exposure_fraction=cap,
            max_open_positions=most,
            max_orders_per_day=orders,
            symbol_cooldown_minutes=0,
            losing_streak_trades=0,
            low_profit_trades=0,
            max_notional_usdt=D(400),
        )
    )
    for symbol in SYMBOLS:
        rig.market.list_instrument(instrument(symbol))
        rig.set_price(1.17, symbol)
    watch(rig, cap)
    for number, (what, symbol, share, went_wrong, ticks) in enumerate(steps):
        rig.broker.fill_fraction = share
        trouble(rig, went_wrong)
        ours = {one.symbol for one in rig.broker.ledger.open_positions()}
        if what == "signal":
            name = f"s{number}"
            rig.signals.publish(peaked(symbol, time=rig.clock.now(), signal_id=name, event_id=name))
        elif what == "close" and symbol in ours:
            rig.broker.close(symbol, PRICE)
        elif what == "foreign" and symbol not in ours and not rig.broker.lagging:
            # What others open while the lists lag nobody could know.
            rig.broker.open_foreign(symbol, Side.BUY, D(100), PRICE)
        elif what == "minutes":
            rig.advance(31 * MINUTE / 1000)
        if ticks:
            tick(rig)
            rig.advance(5)
        live = [one for one in rig.journal.trades_since(0) if one.state.live]
        assert len(live) <= most
        assert len(rig.entries_sent()) <= orders
        assert len(rig.entries_sent()) == len(set(rig.entries_sent()))
        rig.advance(1)
