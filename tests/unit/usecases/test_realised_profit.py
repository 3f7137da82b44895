from __future__ import annotations

from decimal import Decimal

import pytest

from pumpwatch.domain.orders import Side
from pumpwatch.domain.trades import Trade, TradeState
from pumpwatch.usecases.realised_profit import RealisedProfit

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
    totals = [profit.total(NOW, token=token, idle=True) for token in (7, 8, 9)]
    assert totals == [Decimal(5)] * 3
    assert journal.reads == 1


def test_a_run_that_has_trades_reads_the_journal(journal):
    profit = RealisedProfit(journal)
    profit.total(NOW, token=7, idle=True)
    journal.close("-2")
    assert profit.total(NOW, token=8, idle=False) == Decimal(3)


def test_a_run_of_somebody_else_in_between_is_noticed(journal):
    profit = RealisedProfit(journal)
    profit.total(NOW, token=7, idle=True)
    journal.close("-2")
    assert profit.total(NOW, token=9, idle=True) == Decimal(3)
