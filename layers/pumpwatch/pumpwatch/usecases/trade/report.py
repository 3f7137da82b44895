"""The report of a trade run: for metrics, the log and the live view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pumpwatch.domain.trading.evidence import foreign_orders, foreign_positions
from pumpwatch.domain.trading.orders import Leg, OrderStatus, Outcome, Position, order_id_prefix
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.trades import Trade, TradeState

OVERDUE = 60_000
"""Milliseconds past its time limit after which a position is overdue."""
SHORT = 60_000
"""Milliseconds of a time limit that ends before the next minute's run may see to it."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened, as a short sentence. `kind` is a word to filter by."""

    time: int
    kind: str
    """opened, closed, dropped, denied, resized, waiting, stop_set, exit_ended, problem, ..."""
    symbol: str
    signal_id: str
    text: str


@dataclass(slots=True)
class TradeReport:
    """One run. Money in USDT; what could not be read is None and must not be pushed as a number."""

    halted: bool = False
    blocked: dict[str, str] = field(default_factory=dict)
    """Reasons why this run opens nothing: a word of `BLOCKED_BY` and a sentence for each."""
    locks: list[Lock] = field(default_factory=list)
    """Locks in force at the end of the run."""
    key_expires: int | None = None
    """Expiry of the exchange's key, milliseconds UTC; None: never, or not known yet."""
    equity: Decimal | None = None
    available: Decimal | None = None
    open_positions: int = 0
    foreign_positions: int = 0
    foreign_orders: int | None = None
    vanished: int = 0
    """Trades whose position is not found and no fill explains it."""
    exposure: Decimal = Decimal(0)
    unrealised_pnl: Decimal = Decimal(0)
    realised_pnl: Decimal | None = None
    """Profit and loss of all closed trades in the journal, after fees and funding."""
    positions_without_stop: int = 0
    unknown_orders: int = 0
    stop_verified_seconds: float | None = None
    """Longest time from fill to verified stop in this run; None when no stop was due."""
    repairs: Counter[str] = field(default_factory=Counter)
    """Differences between journal and exchange that were put right, by kind."""
    stops_refused: int = 0
    """Positions that were closed because no stop could be set."""
    problems_by_cause: Counter[str] = field(default_factory=Counter)
    """Count of what went wrong, by a word of `PROBLEMS`."""
    unreadable: Counter[str] = field(default_factory=Counter)
    """Rows of the exchange's lists that could not be read, by a word of `LISTS`."""
    exits_overdue: int = 0
    """Open positions that are more than a minute past their time limit, at the end of the run."""
    exits_refused: int = 0
    """Exits that the exchange refused in this run."""
    care_missed: int = 0
    """Trades that this run had no time to care for."""
    next_exit_seconds: float | None = None
    """Time to the next time limit that is too short to be left to the next minute's run."""
    signals_unopened: int = 0
    """Fresh signals that found no free place, or no time: counted without a write each."""
    orders: Counter[tuple[Leg, Outcome]] = field(default_factory=Counter)
    """Orders settled or denied in this run, and those it sent whose outcome stayed unknown."""
    opened: list[Trade] = field(default_factory=list)
    closed: list[Trade] = field(default_factory=list)
    denied: list[Trade] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    """Our open positions at the end of the run."""
    trades: list[Trade] = field(default_factory=list)
    """Live trades at the end of the run."""
    happenings: list[Happening] = field(default_factory=list)

    @property
    def problems(self) -> list[Happening]:
        """Return what went wrong and was left to the next run."""
        return [happening for happening in self.happenings if happening.kind == "problem"]

    def note(
        self, kind: str, text: str, *, time: int, trade: Trade | None = None, symbol: str = ""
    ) -> None:
        """Add something that happened, to a trade or to a symbol or to neither."""
        signal_id = ""
        if trade is not None:
            symbol, signal_id = trade.symbol, trade.signal_id
        self.happenings.append(Happening(time, kind, symbol, signal_id, text))

    def problem(
        self, text: str, *, time: int, cause: str = "exchange", trade: Trade | None = None
    ) -> None:
        """Add something that went wrong; `cause` is a word of `PROBLEMS`."""
        self.problems_by_cause[cause] += 1
        self.note("problem", text, time=time, trade=trade)

    def block(self, reason: str, text: str) -> None:
        """Note why this run opens nothing; the first sentence of a reason stays."""
        self.blocked.setdefault(reason, text)

    def stop_verified_after(self, seconds: float) -> None:
        """Keep the longest time from fill to verified stop."""
        self.stop_verified_seconds = max(self.stop_verified_seconds or 0.0, seconds, 0.0)

    def describe_orders(self, orders: Sequence[OrderStatus], *, installation: str) -> None:
        """Count the open orders of others, after `describe_holdings`."""
        prefix = order_id_prefix(installation)
        self.foreign_orders = len(foreign_orders(self.trades, orders, prefix))

    def describe_holdings(
        self, positions: list[Position], trades: list[Trade], *, now: int
    ) -> None:
        """Fill in what is held at the end of the run; `now` in milliseconds UTC."""
        live = [trade for trade in trades if trade.state.live]
        foreign = foreign_positions(live, positions)
        ours = [position for position in positions if position not in foreign]
        self.trades, self.positions = live, ours
        self.open_positions, self.foreign_positions = len(ours), len(foreign)
        self.exits_overdue = sum(now - trade.closes_at > OVERDUE for trade in live)
        short = [t.closes_at - now for t in live if t.closes_at - t.created < SHORT]
        self.next_exit_seconds = min((left / 1000 for left in short if left > 0), default=None)
        self.vanished = sum(trade.vanished is not None for trade in live)
        self.exposure = sum((position.notional for position in ours), Decimal(0))
        self.unrealised_pnl = sum((position.unrealised_pnl for position in ours), Decimal(0))
        self.positions_without_stop = sum(position.stop_loss is None for position in ours)
        self.unknown_orders = sum(trade.state is not TradeState.OPEN for trade in live)
