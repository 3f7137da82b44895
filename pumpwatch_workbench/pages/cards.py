"""A chart with its facts, for the sections that show one event or trade after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.trade_tables import exit_words, side_words
from pumpwatch_workbench.pages.words import NOTHING, clock, price, signed_money

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ChartCard:
    """One chart with its facts; `description` is read out in place of the chart."""

    anchor: str
    symbol: str
    verdict: str
    facts: tuple[Fact, ...]
    description: str


def chart_card(anchor: str, symbol: str, verdict: str, facts: Iterable[Fact]) -> ChartCard:
    """Return the card with the facts that are known and not in its heading already."""
    known = tuple(fact for fact in facts if fact[1] not in (NOTHING, verdict))
    spoken = "; ".join(f"{name} {value}" for name, value in known)
    description = f"One-minute candles of {symbol}. {verdict.capitalize()}. {spoken}."
    return ChartCard(anchor, symbol, verdict, known, description)


def trade_facts(trade: Trade, when: Callable[[int | None], str] = clock) -> list[Fact]:
    """Return what a trade that held a position did, times UTC."""
    entry = f"{when(trade.entry_time)} at {price(trade.entry_price)}"
    facts = [(side_words(trade.side).capitalize(), entry)]
    if trade.exit_time is not None:
        facts.append(("Exit", f"{when(trade.exit_time)} at {price(trade.exit_price)}"))
    facts += [
        ("Ended by", exit_words(trade)),
        ("Stop", price(trade.stop_loss)),
        ("Target", price(trade.take_profit)),
    ]
    if trade.exit_time is not None:
        facts.append(("Result", f"{signed_money(trade.realised_pnl)} USDT"))
    return facts
