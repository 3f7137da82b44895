"""The functions of the local stack, and a history for them."""

from __future__ import annotations

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.market_time import MarketTime

DETECT, TRADE = "DetectFunction", "TradeFunction"


def backfill(stack: LocalStack, url: str) -> None:
    """Fill the history of a stack, as `pumpwatch backfill` does."""
    settings = load_settings(DetectSettings, stack.functions[DETECT].variables)
    table = Table(settings.table_name, stack.aws.client("dynamodb"))
    session = BybitSession(url, requests_per_second=10_000, threads=2, exchange_time=MarketTime())
    DetectPumps(
        BybitMarketData(session, parallel_requests=2),
        S3HistoryStore(settings.bucket_name, stack.aws.client("s3")),
        DynamoSignalStore(table),
        DynamoEventStore(table),
        settings,
    ).backfill()
    session.close()
