"""What people do to a world besides trading: they halt and resume, move stops, change the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from pumpwatch.domain.access import Access
from pumpwatch.ports import Halt
from workbench.simulator.engine.records import Position as Held
from workbench.simulator.engine.requests import StopRequest
from workbench.simulator.incidents.incident import Incident
from workbench.simulator.incidents.kinds import apply_incident
from workbench.simulator.prices import floor_to
from workbench.simulator.refusals import Refused

from .entry_rules import Facts
from .plan import ACCOUNT, PEOPLE, Trouble

__all__ = ["People"]

MINUTE = 60_000
PATIENCE = 3
"""Ticks after which people lift a halt that they did not order themselves."""
KEY_PATIENCE = 2 * MINUTE
HALF, FEW = 0.5, 0.3
BAD_KEYS = (
    Access(ACCOUNT, read_only=True),
    Access(ACCOUNT, may_trade=False),
    Access(ACCOUNT, may_move_funds=True),
    Access("666"),
    Access(ACCOUNT, hedge_mode=True),
)
ODD_LISTS = ("positions", "open_orders", "executions", "order_history")


class People:
    """The people of a world. What they promise to remember of each other is in `moved`."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._exchange = facts.exchange
        self._resume_in: int | None = None
        self.moved: dict[str, tuple[Decimal, int]] = {}
        """Stops that a person moved, by symbol: where to, and when the position was opened."""
        self._acts: Mapping[str, Callable[[Trouble, str], bool]] = {
            "bad_key": self._bad_key,
            "halt": self._halt,
            "halt_closing": self._halt,
            "hedge_stranger": self._hedge,
            "move_stop": self._move_stop,
            "odd_ours": self._odd,
            "odd_stranger": self._odd,
            "untold_close": self._close_untold,
        }
        assert set(self._acts) == set(PEOPLE)  # noqa: S101 - or a kind would never strike

    def act(self, trouble: Trouble, symbol: str) -> bool:
        """Do what the trouble says, at a symbol that matters; return whether it could be done."""
        return self._acts[trouble.kind](trouble, symbol)

    def wait(self) -> None:
        """Let a tick pass: people lift halts, and mend what they broke."""
        if self._resume_in is not None:
            self._resume_in -= 1
            if self._resume_in <= 0:
                self._resume(named=True)
        elif self._facts.halts.current() is not None:
            self._resume_in = PATIENCE
        over = [
            row for row, (_, until) in self._exchange.odd.items() if until <= self._exchange.now
        ]
        for row in over:
            del self._exchange.odd[row]
        access, since = self._exchange.access
        if access != Access(ACCOUNT) and self._exchange.now - since > KEY_PATIENCE:
            self._exchange.access = (Access(ACCOUNT), self._exchange.now)

    def calm(self) -> None:
        """Let every row be readable again."""
        self._exchange.odd.clear()

    def _resume(self, *, named: bool) -> None:
        self._resume_in = None
        names = self._facts.untold() if named else []
        self._facts.halts.resume(by="a person", time=self._exchange.now, trades=names)

    def _halt(self, trouble: Trouble, symbol: str) -> bool:
        """Halt; or, where a halt is in force, now and then lift it without a look at the trades."""
        now, closing = self._exchange.now, trouble.kind == "halt_closing"
        if trouble.size < FEW and self._facts.halts.current() is not None:
            self._resume(named=False)
            return True
        self._facts.halts.halt(Halt("a person", now, by="a person", close_positions=closing))
        self._resume_in = 2 + int(4 * trouble.size)
        return True

    def _bad_key(self, trouble: Trouble, symbol: str) -> bool:
        bad = BAD_KEYS[int(trouble.size * len(BAD_KEYS))]
        self._exchange.access = (bad, self._exchange.now)
        return True

    def _hedge(self, trouble: Trouble, symbol: str) -> bool:
        if self._held(symbol) is not None or self._exchange.is_dead(symbol):
            return False
        self._exchange.hedged.add(symbol)
        return True

    def _odd(self, trouble: Trouble, symbol: str) -> bool:
        if (self._held(symbol) is not None) != (trouble.kind == "odd_ours"):
            return False
        lists = ODD_LISTS[:2] if trouble.kind == "odd_stranger" else ODD_LISTS
        source = lists[int(trouble.size * 100) % len(lists)]
        now = self._exchange.now
        until = now + round((0.5 + 3 * trouble.size) * MINUTE)
        self._exchange.odd[source, symbol] = now, until
        return True

    def _move_stop(self, trouble: Trouble, symbol: str) -> bool:
        """Move a stop nearer to the entry, or a little away from it."""
        held = self._held(symbol)
        if held is None or held.stop_loss is None:
            return False
        mark = self._exchange.engine.mark(held.index)
        tick = self._exchange.market.listings[held.index].tick_size
        share = Decimal("0.5") if trouble.size < HALF else Decimal("1.1")
        wanted = floor_to(mark + (held.stop_loss - mark) * share, tick)
        edge = self._exchange.engine.ledger.liquidation_price(held)
        if edge > 0 and held.sign * (wanted - edge) <= 0:
            return False
        try:
            self._exchange.engine.set_stops(StopRequest(held.index, stop_loss=wanted))
        except Refused:
            return False
        self.moved[symbol] = wanted, held.opened
        return True

    def _close_untold(self, trouble: Trouble, symbol: str) -> bool:
        """Close a position while no list will ever say who did."""
        if self._held(symbol) is None or self._exchange.is_dead(symbol):
            return False
        self._exchange.untold[symbol] = self._exchange.now - 1
        apply_incident(self._exchange.engine, Incident("manual_close", symbol))
        return True

    def _held(self, symbol: str) -> Held | None:
        ledger = self._exchange.engine.ledger
        return next((one for one in ledger.held() if one.symbol == symbol), None)
