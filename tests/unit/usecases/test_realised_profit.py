from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.usecases.trade.realised_profit import RealisedProfit

NOW = 1_000_000_000


class CountedJournal:
    """A journal that counts how often it is read."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.reads = 0

    def trades_since(self, time: int) -> list[Trade]:
        self.reads += 1
        return [trade for trade in self.trades if trade.created >= time]

    def close(self, profit: str) -> None:
        number = len(self.trades)
        self.trades.append(
            Trade(
                signal_id=f"s{number}",
                event_id="e",
                symbol="AAAUSDT",
                strategy="fade",
                side=Side.SELL,
                state=TradeState.CLOSED,
                signal_time=NOW,
                signal_price=Decimal(1),
                created=NOW,
                realised_pnl=Decimal(profit),
            )
        )


@pytest.fixture
def journal() -> CountedJournal:
    journal = CountedJournal()
    journal.close("5")
    return journal


def test_idle_runs_in_a_row_read_the_journal_once(journal):
    profit = RealisedProfit(journal)
    totals = [profit.total(NOW, token=token, cared_for=()) for token in (7, 8, 9)]
    assert totals == [Decimal(5)] * 3
    assert journal.reads == 1


def test_a_run_that_has_trades_reads_the_journal(journal):
    profit = RealisedProfit(journal)
    profit.total(NOW, token=7, cared_for=())
    journal.close("-2")
    assert profit.total(NOW, token=8, cared_for=journal.trades) == Decimal(3)


def test_a_run_of_somebody_else_in_between_is_noticed(journal):
    profit = RealisedProfit(journal)
    profit.total(NOW, token=7, cared_for=())
    journal.close("-2")
    assert profit.total(NOW, token=9, cared_for=()) == Decimal(3)


def test_a_trade_that_is_live_again_is_counted_when_it_ends(journal):
    """An entry that was given up can be filled late: its trade is older than what is summed up."""
    profit, later = RealisedProfit(journal), NOW + 3_600_000
    assert profit.total(later, token=7, cared_for=()) == Decimal(5)
    again = replace(journal.trades[0], realised_pnl=Decimal(8))
    journal.trades[0] = again
    assert profit.total(later, token=8, cared_for=[again]) == Decimal(8)
