"""Duration of the report over 10,000 trades: the command, from its start to the page."""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from benchmarks.harness import a_signal, command
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.orders import Leg, OrderRequest, Outcome, Side, order_id_for
from pumpwatch.domain.trading.trades import ExitReason, OrderRecord, Trade, TradeState
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteRunRecords,
    SqliteSignalStore,
)

TRADES = 10_000
MINUTE = 60_000
LIMIT_BYTES = 600_000
DATA = re.compile(r'<script type="application/json" id="chart-data">.*?</script>')


def measure() -> dict[str, float]:
    """Return wall seconds of page and document, and the page's size without its charts' data."""
    with tempfile.TemporaryDirectory() as folder:
        store, page = Path(folder) / "paper.db", Path(folder) / "page.html"
        _fill(store)
        period = ("report", "--store", str(store), "--since", "30d")
        seconds, _ = command(*period, "--out", str(page))
        size = len(DATA.sub("", page.read_text(encoding="utf-8")).encode())
        as_json, _ = command(*period, "--json")
    assert size < LIMIT_BYTES
    return {
        "report_10000_trades_seconds": seconds,
        "report_10000_trades_json_seconds": as_json,
        "page_kilobytes_without_data": size / 1000,
    }


def _fill(store: Path) -> None:
    """Store trades of the last days, each with its signals and two orders, and run records."""
    database = Database(store)
    database.write("PRAGMA synchronous = OFF")
    now = time.time_ns() // 1_000_000
    journal, signals = SqliteJournal(database), SqliteSignalStore(database)
    records = SqliteRunRecords(database)
    lease = SqliteLeaseStore(database).acquire("trade", owner="bench", seconds=3600)
    for number in range(TRADES):
        moment = now - (TRADES - number) * MINUTE
        symbol = f"P{number % 700}USDT"
        for phase in (Phase.RISING, Phase.PEAKED):
            signals.publish(a_signal(symbol, 1.1, moment, phase))
        trade = _trade(number, symbol, moment)
        for attempt, leg in enumerate((Leg.ENTRY, Leg.EXIT)):
            order = _order(trade, leg, attempt)
            journal.intend(trade, order, lease, day="2026-11-02", max_orders=None)
            journal.settle(trade, replace(order, outcome=Outcome.FILLED), lease)
        records.add(RunRecord(moment, 0.4, 0.05, 0.1, 180.0, 7, equity=Decimal(10_000 + number)))
    database.close()


def _trade(number: int, symbol: str, moment: int) -> Trade:
    signal = a_signal(symbol, 1.1, moment)
    return Trade(
        signal_id=signal.signal_id,
        event_id=signal.event_id,
        symbol=symbol,
        strategy="fade",
        side=Side.SELL,
        state=TradeState.CLOSED,
        signal_time=moment,
        signal_price=Decimal("1.1"),
        created=moment,
        quantity=Decimal("45.5"),
        stop_loss=Decimal("1.236"),
        take_profit=Decimal("1.05"),
        entry_price=Decimal("1.1"),
        entry_time=moment,
        exit_price=Decimal("1.05"),
        exit_time=moment + 9 * MINUTE,
        exit_reason=ExitReason.TAKE_PROFIT,
        realised_pnl=Decimal(number % 7 - 3),
        fees=Decimal("0.05"),
        stop_verified=moment + 300,
    )


def _order(trade: Trade, leg: Leg, attempt: int) -> OrderRecord:
    request = OrderRequest(
        order_id=order_id_for(trade.signal_id, leg, attempt),
        symbol=trade.symbol,
        side=Side.SELL if leg is Leg.ENTRY else Side.BUY,
        quantity=trade.quantity,
        reduce_only=leg is Leg.EXIT,
        stop_loss=trade.stop_loss if leg is Leg.ENTRY else None,
    )
    return OrderRecord(request, trade.signal_id, leg, attempt, trade.created)
