"""The trade function, put together. Only live mode ever asks for the exchange's key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pumpwatch.adapters.bybit import BybitBroker, BybitMarketData, BybitSession, ExchangeClock
from pumpwatch.adapters.dynamodb import (
    DynamoHaltStore,
    DynamoJournal,
    DynamoLeaseStore,
    DynamoPaperStore,
    DynamoSignalStore,
    Table,
)
from pumpwatch.adapters.paper import PaperBroker
from pumpwatch.adapters.secrets_manager import SecretsManagerSecrets
from pumpwatch.errors import BadCredentials
from pumpwatch.invocation import Tick
from pumpwatch.metrics import TRADE
from pumpwatch.ports import Broker, Deadline, Secrets
from pumpwatch.runs import RunNumbers
from pumpwatch.settings import TradeSettings, load_settings
from pumpwatch.usecases.trade_report import TradeReport
from pumpwatch.usecases.trade_signals import TradeSignals

from .function import Function, HeldLease, metrics_reporter

__all__ = ["describe", "trade_function"]

MOST_READS = 4
"""Independent reads of one round."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """What stays warm between runs."""

    session: BybitSession
    use_case: TradeSignals


def trade_function(environment: Mapping[str, str]) -> Function[TradeReport]:
    """Return the function for the settings in the environment. Raises `SettingsError`.

    The key is read in the first run, not here: a missing one then fails runs that say so in the
    metrics. A key that is refused is read anew in the next run.
    """
    settings = load_settings(TradeSettings, environment)
    table = Table(settings.table_name)
    lease = HeldLease(DynamoLeaseStore(table))
    live = settings.trading_mode == "live"
    secrets = SecretsManagerSecrets(settings.bybit_secret_arn) if live else None
    warm: list[_Desk] = []

    def work(tick: Tick, deadline: Deadline) -> TradeReport | None:
        try:
            if not warm:
                warm.append(_desk(settings, table, lease, secrets))
            warm[0].session.start_run(deadline)
            report = warm[0].use_case.run(tick, deadline)
        except BadCredentials:
            warm.clear()
            if secrets is not None:
                secrets.forget()
            raise
        return None if report.busy else report

    def describe_run(report: TradeReport, numbers: RunNumbers) -> None:
        describe(report, numbers, mode=settings.trading_mode)
        numbers.set("clock_skew_seconds", warm[0].session.clock_skew_seconds)

    reporter = metrics_reporter(TRADE, settings, table)
    return Function(TRADE, reporter=reporter, lease=lease, work=work, describe=describe_run)


def _desk(
    settings: TradeSettings, table: Table, lease: HeldLease, secrets: Secrets | None
) -> _Desk:
    session = BybitSession(
        settings.bybit_base_url,
        key=secrets.exchange_key() if secrets is not None else None,
        timeout_seconds=settings.request_timeout_seconds,
        threads=settings.parallel_requests,
    )
    market = BybitMarketData(session)
    threads = min(settings.parallel_requests, MOST_READS)
    use_case = TradeSignals(
        broker=_broker(settings, session, market, table),
        market=market,
        journal=DynamoJournal(table),
        signals=DynamoSignalStore(table),
        leases=lease,
        halts=DynamoHaltStore(table),
        clock=ExchangeClock(session),
        settings=settings,
        wait=time.sleep,
        executor=ThreadPoolExecutor(threads) if threads > 1 else None,
    )
    return _Desk(session, use_case)


def _broker(
    settings: TradeSettings, session: BybitSession, market: BybitMarketData, table: Table
) -> Broker:
    clock = ExchangeClock(session)
    if settings.trading_mode == "live":
        return BybitBroker(session, clock)
    return PaperBroker(
        market,
        DynamoPaperStore(table),
        clock,
        equity=settings.paper_equity_usdt,
        taker_fee=settings.taker_fee,
        slippage=settings.paper_slippage,
    )


def describe(report: TradeReport, numbers: RunNumbers, *, mode: str) -> None:
    """Fill in what a run's report says."""
    for name in ("paper", "live"):
        numbers.set("mode_info", int(name == mode), mode=name)
    numbers.set("equity_usdt", report.equity)
    numbers.set("available_usdt", report.available)
    numbers.set("open_positions", report.open_positions)
    numbers.set("foreign_positions", report.foreign_positions)
    numbers.set("exposure_usdt", report.exposure)
    numbers.set("unrealised_pnl_usdt", report.unrealised_pnl)
    numbers.set("realised_pnl_usdt", report.realised_pnl)
    numbers.set("positions_without_stop", report.positions_without_stop)
    numbers.set("unknown_orders", report.unknown_orders)
    numbers.set("halted", int(report.halted))
    numbers.set("stop_verified_seconds", report.stop_verified_seconds)
    for (leg, outcome), count in report.orders.items():
        numbers.count("orders", count, leg=leg.value, outcome=outcome.value)
    numbers.count("trades_closed", report.wins, result="win")
    numbers.count("trades_closed", report.losses, result="loss")
    numbers.count("repairs", report.repairs)
