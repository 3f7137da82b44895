"""The simulated exchange behind the Broker port, with prices and accidents by hand."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from support.doubles import ManualClock
from support.scripted_market import listing

from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import FillKind, Side
from pumpwatch.domain.trading.rows import Rows
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.records import Order
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.engine.stops import sync_stops
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.in_process import in_process
from pumpwatch_workbench.simulator.market.polyline import PolylineMarket
from pumpwatch_workbench.simulator.troubles.faults.catalogue import ORDERS, POSITIONS

PLAIN = ExchangeSettings(
    rate_limits=False,
    default_leverage=Decimal(1),
    trigger_delay_ms=0,
    book_refill_ms=0,
    beyond_limit="adjust",
)
FINE = {
    "tick_size": Decimal("0.000001"),
    "quantity_step": Decimal("0.000001"),
    "min_quantity": Decimal("0.000001"),
    "max_quantity": Decimal(10) ** 9,
    "max_market_quantity": Decimal(10) ** 9,
    "min_notional": Decimal(0),
    "max_leverage": Decimal(100),
}
"""Filters that let every order through: what a contract asks for is the market data's affair."""
SOURCES = {"positions": "positions", "open_orders": "open_orders", "fills": "executions"}
KINDS = {
    FillKind.TRADE: "Trade",
    FillKind.AUTO_DELEVERAGING: "AdlTrade",
    FillKind.LIQUIDATION: "BustTrade",
    FillKind.SETTLEMENT: "Settle",
}


class SteppedClock(ManualClock):
    """A manual clock that an exchange goes by as well."""

    stepped = True

    def advance_to(self, milliseconds):
        self.time = milliseconds
        return milliseconds

    def advance_by(self, milliseconds):
        return self.advance_to(self.time + milliseconds)


class ScriptedBroker:
    """An account of 10,000 USDT; orders fill at the price that was set, with no spread.

    `fail(method, error)` makes the next call of a method raise before it does anything;
    `fail(method, error, after=True)` lets it do its work first: the answer is lost.
    `fill_fraction` below 1 fills orders in part; `drop_stops` loses the stop of an entry.
    """

    def __init__(self, clock):
        market = PolylineMarket((), [], clock.time, half_spread=0.0, depth_usdt=1e12)
        self.exchange = Exchange(market, clock, credentials_from_seed(7), PLAIN)
        self._clock, self._market, self._port = clock, market, in_process(self.exchange)[0]
        book = self.exchange.prices.book
        self.exchange.prices.book = lambda *at, **last: _without_spread(book(*at, **last))
        self._port.access = lambda: self.access_facts
        self._failures = defaultdict(list)
        self.unreadable = []
        """Rows of its lists that cannot be read."""
        self.calls = []
        self.placed = []
        """Every request that reached the account, refused ones included."""
        self.access_facts = Access("10001")
        """What the key may do."""
        self.fill_fraction = Decimal(1)
        self.drop_stops = False

    # --- the script ----------------------------------------------------------------------

    @property
    def ledger(self):
        """The exchange's own books."""
        return self.exchange.engine.ledger

    def position(self, symbol):
        """The exchange's own record of a position, a flat one too."""
        return self.ledger.position(self.exchange.indices[symbol])

    def set_price(self, symbol, price):
        """Let the price jump; a stop or a target on its way fires at its level."""
        if symbol not in self.exchange.indices:
            self._list(symbol, price)
        self.exchange.catch_up()
        position, before = self.position(symbol), self.exchange.prices.last
        old = before(position.index, self._clock.time)
        levels = (position.stop_loss, position.trailing_level, position.take_profit)
        passed = [one for one in levels if one and min(old, price) <= one <= max(old, price)]
        nearest = min(passed, key=lambda level: abs(level - old), default=None)
        for level in (nearest, price):
            if level is not None:
                self._jump(position, level)

    def close(self, symbol, price, *, quantity=None, kind=FillKind.TRADE):
        """Close the position, or a part of it, as the exchange itself or somebody else would."""
        position = self.position(symbol)
        side = Side.SELL if position.side == "Buy" else Side.BUY
        amount = min(quantity or position.size, position.size)
        self.fill(symbol, side, amount, price, kind=kind)

    def deleverage(self, symbol, quantity, price):
        """Close a part of the position by auto-deleveraging, at most all of it."""
        self.close(symbol, price, quantity=quantity, kind=FillKind.AUTO_DELEVERAGING)

    def vanish(self, symbol):
        """Lose the position without any execution that says why."""
        self.remove_protection(symbol)
        self.position(symbol).side = None

    def open_foreign(self, symbol, side, quantity, price):
        """Open a position as somebody else on the account would."""
        if symbol not in self.exchange.indices:
            self._list(symbol, price)
        self.fill(symbol, side, quantity, price)

    def fill(self, symbol, side, quantity, price, *, order_id="", kind=FillKind.TRADE):
        """Fill an order that nobody placed through the port."""
        time = self.exchange.catch_up()
        identity, sequence = self.ledger.next_id("order")
        order = Order(
            order_id=identity,
            link_id=order_id,
            index=self.exchange.indices[symbol],
            symbol=symbol,
            side="Buy" if side is Side.BUY else "Sell",
            quantity=quantity,
            price=price,
            created=time,
            updated=time,
            sequence=sequence,
            last_price_on_created=price,
        )
        self.ledger.add(order)
        self.ledger.fill(order, price, quantity, time, maker=False, kind=KINDS[kind])
        self.ledger.settle(order, "Filled", time)
        sync_stops(self.ledger, self.position(symbol), time)

    def charge_funding(self, symbol, fee):
        """Charge funding on a position; positive = paid."""
        position, time = self.position(symbol), self.exchange.catch_up()
        value = position.sign * position.size * self.ledger.mark(position.index)
        self.ledger.pay_funding(position, fee / value, time)

    def remove_protection(self, symbol):
        """Lose the position's stop, target and trailing stop."""
        position, time = self.position(symbol), self.exchange.catch_up()
        position.stop_loss = position.take_profit = None
        position.trailing_stop = position.best_price = None
        sync_stops(self.ledger, position, time)

    def lag_lists(self, milliseconds):
        """Let the lists of positions and open orders lag so far behind, for as long."""
        now = self.exchange.catch_up()
        self.exchange.conditions.note(self.ledger)
        self.exchange.conditions.lag((POSITIONS, ORDERS), milliseconds, now + milliseconds)

    @property
    def lagging(self):
        """Whether lists show less than there is."""
        return self.exchange.conditions.lag_ms(POSITIONS, -2, self._clock.time) > 0

    def fail(self, method, error, *, after=False, times=1):
        """Let the next calls of a method raise, before or after they did their work."""
        self._failures[method] += [(error, after)] * times

    # --- the port ------------------------------------------------------------------------

    def __getattr__(self, method):
        call = getattr(self._port, method)

        def through(*args, **named):
            self.calls.append(method)
            failures = self._failures[method]
            error, after = failures.pop(0) if failures else (None, False)
            if error is not None and not after:
                raise error
            if method == "place":
                self._before_placing(args[0])
            answer = call(*args, **named)
            if error is not None:
                raise error
            return (
                self._with_odd_rows(SOURCES[method], answer, *args) if method in SOURCES else answer
            )

        return through

    def _before_placing(self, request):
        self.placed.append(request)
        coming, index = self.exchange.engine.interventions, self.exchange.indices[request.symbol]
        if self.fill_fraction < 1:
            coming.fill_fractions[index] = self.fill_fraction
        if self.drop_stops:
            coming.drop_stop_of_next_entry.add(index)

    def _with_odd_rows(self, source, rows, symbol=""):
        odd = (row for row in self.unreadable if row.source == source)
        about = (row for row in odd if not symbol or row.symbol in ("", symbol))
        return Rows(tuple(rows), (*rows.unreadable, *about))

    def _list(self, symbol, price):
        market, live = self._market, self.exchange.market
        self.exchange.indices[symbol] = len(market.listings)
        market.listings = live.listings = (*market.listings, listing(symbol, **FINE))
        market.lines.append(([0], [float(price)]))
        self.exchange.prices.forget()

    def _jump(self, position, price):
        """Change the price; where something may fire at it, that takes a millisecond."""
        if position.side is not None:
            self._clock.advance(1)
        times, prices = self._market.lines[position.index]
        times += [self._clock.time] * 2
        prices += [prices[-1], float(price)]
        self.exchange.prices.forget()
        self.ledger.version += 1
        self.exchange.catch_up()


def _without_spread(book):
    return replace(book, best_bid=book.last, best_ask=book.last)
