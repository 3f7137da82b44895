"""A period from a deployed stage: its table, its bucket and its logs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.moments import HOUR
from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade
from pumpwatch.errors import BadInput
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.operations.costs.model import HOURS
from pumpwatch_workbench.operations.costs.page import costs
from pumpwatch_workbench.operations.costs.usage import MEASURED_SYMBOLS
from pumpwatch_workbench.operations.journal.candles import stored_candles
from pumpwatch_workbench.operations.journal.lambda_logs import FunctionLog, read_log
from pumpwatch_workbench.operations.journal.period import AwsEstimate, Period
from pumpwatch_workbench.operations.stack import DeployedStack

THREADS = 8
A_MINUTE = 60
LOG_GROUPS = {"detect": "DetectLogGroup", "trade": "TradeLogGroup"}
"""The outputs that name them."""


def period_of_stack(stack: DeployedStack, since: int, until: int) -> Period:
    """Return what table, bucket and logs say. Raises `StoreUnavailable`."""
    table = stack.table()
    history = S3HistoryStore(stack.output("HistoryBucket"), stack.clients("s3"))
    journal = DynamoJournal(table)
    trades = journal.trades_since(since).require_all()
    signals = DynamoSignalStore(table).since(since)
    orders, repairs = _orders_and_repairs(journal, trades)
    totals, halt = DynamoTotalsStore(table), DynamoHaltStore(table).current()
    return Period(
        source=f"the table of stage {stack.stage}",
        stage=stack.stage,
        bybit=stack.outputs.get("BybitBaseUrl", ""),
        since=since,
        until=until,
        trades=trades,
        orders=orders,
        signals=signals,
        repairs=repairs,
        # The table forgets a lock a day after its end, and keeps the halt in force alone.
        locks=DynamoLockStore(table).current(since),
        halts=[(halt, None)] if halt is not None else [],
        totals={name: totals.read(name) for name in (DETECT, TRADE)},
        aws=aws_estimate(stack.scan_seconds, until - since),
        logs=logs_of_stack(stack, since, until),
        candles=stored_candles(history, signals),
    )


def logs_of_stack(stack: DeployedStack, since: int, until: int) -> list[FunctionLog]:
    """Return what Lambda logged about the runs of both functions, at once. Raises nothing."""
    logs = stack.clients("logs")

    def read(function: str) -> FunctionLog:
        output = LOG_GROUPS[function]
        if output not in stack.outputs:
            problem = f"the stack has no output {output}: deploy the present version"
            return FunctionLog(function, problem=problem)
        seconds = stack.scan_seconds if function == "detect" else A_MINUTE
        group = stack.outputs[output]
        return read_log(logs, function, group, since, until, interval_seconds=seconds)

    with ThreadPoolExecutor(len(LOG_GROUPS)) as pool:
        return list(pool.map(read, LOG_GROUPS))


def aws_estimate(scan_seconds: int, milliseconds: int) -> AwsEstimate | None:
    """Return the model's cost of a time; None where no measurements lie beside the program."""
    symbols = MEASURED_SYMBOLS[-1]
    try:
        month = costs(symbols, scan_seconds).total
    except BadInput:
        return None
    return AwsEstimate(month * milliseconds / HOUR / HOURS, month, symbols, scan_seconds)


def _orders_and_repairs(
    journal: DynamoJournal, trades: Sequence[Trade]
) -> tuple[list[OrderRecord], list[tuple[str, RepairNote]]]:
    names = [trade.signal_id for trade in trades]
    with ThreadPoolExecutor(THREADS) as pool:
        orders = list(chain.from_iterable(pool.map(journal.orders, names)))
        repairs = list(pool.map(journal.repairs, names))
    pairs = [(name, note) for name, notes in zip(names, repairs, strict=True) for note in notes]
    return orders, pairs
