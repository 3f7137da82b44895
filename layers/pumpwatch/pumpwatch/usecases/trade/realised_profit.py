"""The realised profit of a mode's closed trades, without reading the whole journal each time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal

from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.ports import Journal


class RealisedProfit:
    """Add up closed trades; those that cannot change any more are read once per warm object.

    A trade that is over does not change, and new ones are created later than a minute ago, so
    everything before the oldest live trade is remembered as one sum. An older one that is live
    again, because its entry was filled late, has all of it read anew. Lease tokens grow by one:
    when nobody held the lease since our last run, and this one had nothing to do, the total stands.
    """

    def __init__(self, journal: Journal, mode: str) -> None:
        self._journal = journal
        self._mode = mode
        self._since = 0
        self._before = Decimal(0)
        self._total: Decimal | None = None
        self._token = 0

    def total(
        self,
        now: int,
        *,
        token: int,
        cared_for: Collection[Trade],
        tell: Callable[[Rows[Trade]], None],
    ) -> Decimal:
        """Return realised profit and loss of the closed trades, USDT after fees and funding.

        `token` is that of the lease this run holds, `cared_for` the trades it has had to do with.
        Trades that cannot be read are left out; `tell` gets each list that was read.
        """
        if any(trade.created < self._since for trade in cared_for):
            self._since, self._before = 0, Decimal(0)
        unchanged = not cared_for and token == self._token + 1
        self._token = token
        if self._total is None or not unchanged:
            self._total = self._read(now, tell)
        return self._total

    def _read(self, now: int, tell: Callable[[Rows[Trade]], None]) -> Decimal:
        stored = self._journal.trades_since(self._since)
        tell(stored)
        trades = [trade for trade in stored if trade.is_of_mode(self._mode)]
        total = self._before + sum((trade.realised_pnl for trade in trades), Decimal(0))
        live = [trade.created for trade in trades if trade.state.live]
        self._since = max(self._since, min([*live, now - MINUTE]))
        later = (trade.realised_pnl for trade in trades if trade.created >= self._since)
        self._before = total - sum(later, Decimal(0))
        return total
