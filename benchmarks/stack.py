"""The functions of the local stack, and a history for them."""

from __future__ import annotations

from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.bootstrap.connection import connect_to_bybit
from pumpwatch.bootstrap.detect import DetectStores, detect_pumps
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.market_time import MarketTime

DETECT, TRADE = "DetectFunction", "TradeFunction"


def backfill(stack: LocalStack, url: str) -> None:
    """Fill the history of a stack, as `pumpwatch backfill` does."""
    settings = load_settings(DetectSettings, stack.functions[DETECT].variables)
    table = Table(settings.table_name, stack.aws.client("dynamodb"))
    history = S3HistoryStore(settings.bucket_name, stack.aws.client("s3"))
    few = settings.model_copy(update={"bybit_base_url": url, "parallel_requests": 2})
    exchange = connect_to_bybit(few, requests_per_second=10_000, exchange_time=MarketTime())
    detect_pumps(settings, DetectStores.in_aws(table, history), exchange).backfill()
    exchange.session.close()
