"""Actions of people: halt and resume, move stops, change the key; and odd rows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.halt import CloseRequest, Halt
from pumpwatch_workbench.simulator.engine.prices import floor_to
from pumpwatch_workbench.simulator.engine.records import StopRequest
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.troubles.forms import TroubleError
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident
from pumpwatch_workbench.simulator.troubles.incidents.kinds import apply_incident

from .entry_rules import Facts
from .exchange import GOOD_KEY
from .plan import ACCOUNT, Trouble

PATIENCE = 3
"""Ticks after which people lift a halt that they did not order, or look at a trade."""
HALF, FEW = 0.5, 0.3
BAD_KEYS = (
    Access(ACCOUNT, read_only=True),
    Access(ACCOUNT, may_trade=False),
    Access(ACCOUNT, may_move_funds=True),
    Access("666"),
)
ODD_LISTS = ("positions", "open_orders", "executions", "order_history")


class People:
    """The people of a world. `moved` has the stops that they moved: where to, of which position."""

    def __init__(self, facts: Facts) -> None:
        self._facts, self._exchange = facts, facts.exchange
        self._resume_in: int | None = None
        self._lifted = False
        self.moved: dict[str, tuple[Decimal, int]] = {}

    def act(self, trouble: Trouble, symbol: str) -> bool:
        """Do what the trouble says, at a symbol that matters; return whether it could be done."""
        exchange, now = self._exchange, self._exchange.now
        is_open = exchange.engine.ledger.position(exchange.indices[symbol]).side is not None
        if trouble.kind == "bad_key":
            exchange.access = BAD_KEYS[int(trouble.size * len(BAD_KEYS))], now
        elif trouble.kind.startswith("halt"):
            self._halt(trouble)
            trade = self._facts.live_trades().get(symbol)
            if trade is not None and trouble.size > HALF:
                request = CloseRequest(trade.signal_id, exchange.now, "a person", "enough")
                self._facts.seen.halts.ask_to_close(request)
        elif trouble.kind == "move_stop":
            return is_open and self._move_stop(trouble, symbol)
        elif is_open != (trouble.kind in ("odd_ours", "untold_close")) or exchange.is_dead(symbol):
            return False
        elif trouble.kind == "hedge_stranger":
            exchange.hedged.add(symbol)
        elif trouble.kind == "untold_close":
            return self._close(symbol)
        else:
            lists = ODD_LISTS if is_open else ODD_LISTS[:2]
            source = lists[int(trouble.size * 100) % len(lists)]
            exchange.odd[source, symbol] = now, now + round((0.5 + 3 * trouble.size) * MINUTE)
        return True

    def wait(self) -> None:
        """Let a tick pass: people lift halts, mend keys, and rows can be read again."""
        exchange = self._exchange
        if self._resume_in == 0:
            # At first nobody looks at the trades; the entries that follow need that somebody does.
            self._resume(self._facts.untold() if self._lifted else [])
            self._lifted = not self._lifted
        elif self._resume_in is not None:
            self._resume_in -= 1
        elif self._facts.seen.halts.current() is not None or self._facts.untold():
            self._resume_in = PATIENCE
        exchange.odd = {row: when for row, when in exchange.odd.items() if when[1] > exchange.now}
        if exchange.now - exchange.access[1] > 2 * MINUTE and exchange.access[0] != GOOD_KEY:
            exchange.access = GOOD_KEY, exchange.now

    def _was_bare(self, symbol: str) -> bool:
        watch = self._exchange.engine.ledger.protection
        return watch.by_symbol(self._exchange.now).get(symbol, 0) > 0

    def moved_back(self) -> Iterator[str]:
        """Yield which stop that a person moved was set anew."""
        for symbol, (stop, opened) in list(self.moved.items()):
            position = self._exchange.engine.ledger.position(self._exchange.indices[symbol])
            if position.stop_loss is None or self._was_bare(symbol):
                del self.moved[symbol]
                continue
            now = position.stop_loss
            if position.side and position.opened == opened and now != stop:
                yield f"stops: a person moved {symbol}'s to {stop}, it was set to {now}"

    def _resume(self, names: list[str]) -> None:
        self._resume_in = None
        self._facts.seen.halts.resume(by="a person", time=self._exchange.now, trades=names)

    def _close(self, symbol: str) -> bool:
        try:
            apply_incident(self._exchange.engine, Incident("manual_close", symbol))
        except TroubleError:
            return False
        self._exchange.untold[symbol] = self._exchange.now - 1
        return True

    def _halt(self, trouble: Trouble) -> None:
        """Halt; or, where a halt is in force, now and then lift it without a look at the trades."""
        if trouble.size < FEW and self._facts.seen.halts.current() is not None:
            self._resume([])
            return
        closes = trouble.kind == "halt_closing"
        halt = Halt("as it likes", self._exchange.now, by="a person", close_positions=closes)
        self._facts.seen.halts.halt(halt)
        self._resume_in = 2 + int(4 * trouble.size)

    def _move_stop(self, trouble: Trouble, symbol: str) -> bool:
        engine, index = self._exchange.engine, self._exchange.indices[symbol]
        position, mark = engine.ledger.position(index), engine.mark(index)
        if position.stop_loss is None:
            return False
        share = Decimal("0.5") if trouble.size < HALF else Decimal("1.1")
        tick = self._exchange.market.listings[index].tick_size
        wanted = floor_to(mark + (position.stop_loss - mark) * share, tick)
        edge = engine.ledger.liquidation_price(position)
        if edge > 0 and position.sign * (wanted - edge) <= 0:
            return False
        try:
            engine.set_stops(StopRequest(index, stop_loss=wanted))
        except Refused:
            return False
        self.moved[symbol] = wanted, position.opened
        return True
