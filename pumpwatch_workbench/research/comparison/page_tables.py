"""What a comparison's tiles and tables say, as text: no markup here."""

from __future__ import annotations

from pumpwatch_workbench.pages.tables import ROWS_AT_MOST, Cell, Column, Table, Tile, latest
from pumpwatch_workbench.pages.trade_tables import amount_cell
from pumpwatch_workbench.pages.words import (
    NOTHING,
    date_and_clock,
    money,
    number,
    share,
    signed_money,
)
from pumpwatch_workbench.research.comparison.compare import Comparison
from pumpwatch_workbench.research.comparison.sides import Figures

CAUSE_WORDS = {
    "missed": "only the simulation traded",
    "extra": "only the journal has the trade",
    "delay": "the market moved between the simulated time and the journal's",
    "slippage": "fills away from the market's price, beyond the simulated ones",
    "fee": "fees",
    "funding": "funding",
    "size": "another quantity",
    "exit": "another reason to close",
}


def comparison_tiles(found: Comparison) -> tuple[Tile, ...]:
    """Return the summary's figures, the most wanted first."""
    journal, simulation = found.journal, found.simulation
    return (
        Tile(
            "Difference",
            f"{signed_money(found.difference)} USDT",
            "journal less simulation, all costs included",
        ),
        Tile("Journal", f"{signed_money(journal.profit)} USDT", _trades(journal)),
        Tile("Simulation", f"{signed_money(simulation.profit)} USDT", _trades(simulation)),
        Tile(
            "Trades paired",
            number(len(found.pairing.both)),
            f"{len(found.pairing.missed)} missed, {len(found.pairing.extra)} extra",
        ),
    )


def sides_table(found: Comparison) -> Table:
    """Return the same figures of both sides."""
    columns = (Column(""), Column("journal", numeric=True), Column("simulation", numeric=True))
    sides = (found.journal, found.simulation)
    rows = (
        ("trades", *(number(one.trades) for one in sides)),
        ("win rate", *(share(one.win_rate) for one in sides)),
        ("net profit, USDT", *(signed_money(one.profit) for one in sides)),
        ("fees, USDT", *(money(one.fees) for one in sides)),
        ("final balance, USDT", *(money(one.balance) for one in sides)),
        ("drawdown", *(share(one.drawdown) for one in sides)),
    )
    cells = tuple(tuple(Cell(text) for text in row) for row in rows)
    return Table("Closed trades of both sides; the same account at the start.", columns, cells)


def causes_table(found: Comparison) -> Table:
    """Return the differences added up by cause."""
    columns = (
        Column("Cause"),
        Column("What it is", prose=True, wide=True),
        Column("Trades", numeric=True),
        Column("USDT", numeric=True),
    )
    rows = [
        (
            Cell(cause),
            Cell(CAUSE_WORDS[cause]),
            Cell(number(sum(bool(one.causes.get(cause)) for one in found.differences))),
            amount_cell(amount),
        )
        for cause, amount in found.by_cause.items()
    ]
    trades, total = Cell(number(len(found.differences))), amount_cell(found.difference)
    rows.append((Cell("together"), Cell("journal less simulation"), trades, total))
    return Table(
        "Why journal and simulation differ; below zero: the journal did worse.",
        columns,
        tuple(rows),
    )


def differences_table(found: Comparison) -> Table:
    """Return each trade's difference with its largest cause."""
    columns = (
        Column("symbol"),
        Column("signal, UTC"),
        Column("difference", numeric=True),
        Column("mostly", prose=True),
        Column("note", prose=True, wide=True),
    )
    rows = []
    for one in found.differences[-ROWS_AT_MOST:]:
        cause, amount = max(one.causes.items(), key=lambda two: abs(two[1]))
        rows.append(
            (
                Cell(one.symbol),
                Cell(date_and_clock(one.time)),
                amount_cell(one.total),
                Cell(f"{cause} {signed_money(amount)}" if amount else NOTHING),
                Cell(one.note),
            )
        )
    caption = latest("Every trade of either side, USDT", len(found.differences))
    return Table(caption, columns, tuple(rows))


def uncovered_symbols(found: Comparison) -> str:
    """Return the symbols that the journal traded and the candles do not have."""
    return ", ".join(sorted({one.symbol for one in found.uncovered}))


def _trades(side: Figures) -> str:
    return f"{side.trades} closed trades, {share(side.win_rate)} won" if side.trades else "no trade"
