"""An overview for a person: what `pumpwatch status` prints."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from .halting import describe, moment
from .overview import Overview


def print_overview(seen: Overview, console: Console) -> None:
    """Write an overview in sentences, its positions as a table."""
    console.print(f"{_name(seen)}, {seen.orders_today} orders today (UTC)")
    for name, age in seen.ages.items():
        text = "never succeeded" if age is None else f"succeeded {age:.0f} s ago"
        console.print(f"{name}: {text}{'  <- late' if name in seen.late else ''}")
    if seen.halt is not None:
        closes = ", positions are closed" if seen.halt.close_positions else ""
        since = moment(seen.halt.since)
        console.print(f"halted since {since} by {seen.halt.by}{closes}: {seen.halt.reason}")
    for line in describe(seen.halting):
        console.print(f"halted by a trade until a person resumes: {line}")
    for lock in seen.locks:
        until = moment(lock.until) if lock.until else "a person resumes"
        console.print(f"paused until {until}: {lock.protection} {lock.symbol}: {lock.reason}")
    if not seen.trades:
        console.print("no open positions")
        return
    table = Table("symbol", "side", "quantity", "entry", "stop", "state", "since")
    for one in seen.trades:
        cells = (one.symbol, one.side.value, one.quantity, one.entry_price, one.stop_loss)
        table.add_row(*(str(cell or "") for cell in cells), one.state.value, moment(one.created))
    console.print(table)


def _name(seen: Overview) -> str:
    if seen.process is None:
        return f"{seen.stage}, {seen.mode} mode"
    here = f"runs as process {seen.process}" if seen.process else "does not run"
    return f"{seen.stage} on this machine {here}"
