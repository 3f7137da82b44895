"""`pumpwatch backfill`: fill a deployed stack's candle history ahead of its first tick."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.bootstrap.connection import connect_to_bybit
from pumpwatch.bootstrap.detect import DetectStores, detect_pumps
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch_workbench.cli.aws import clients_in
from pumpwatch_workbench.cli.options import AsJson, BaseUrl, DetectorOption, Region
from pumpwatch_workbench.cli.progress import errors, stepping
from pumpwatch_workbench.local.budget import BULK_SPARE, SharedBudget
from pumpwatch_workbench.simulator.market_time import exchange_time_for


def backfill(
    *,
    bucket: Annotated[str, typer.Option(help="The stack's bucket (output HistoryBucket).")],
    table: Annotated[str, typer.Option(help="The stack's table (output StateTable).")],
    base_url: BaseUrl = "https://api.bybit.com",
    detector: DetectorOption = None,
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Fetch the candle history that the rule needs into a stack's bucket.

    Without it the detect function does the same by itself within its request budget, over several
    ticks. Uses your AWS credentials, and no Bybit key.

    Examples:
      pumpwatch backfill --bucket pumpwatch-history --table pumpwatch-state
    """
    settings = _settings(bucket, table, base_url, detector or "boosted")
    _, client = clients_in(region)
    history = S3HistoryStore(settings.bucket_name, client("s3"))
    stores = DetectStores.in_aws(Table(settings.table_name, client("dynamodb")), history)
    exchange = connect_to_bybit(
        settings,
        requests_per_second=settings.requests_per_second,
        budget=SharedBudget(settings.bybit_base_url, spare=BULK_SPARE),
        exchange_time=exchange_time_for(settings.bybit_base_url),
    )
    try:
        with stepping("Slices of the history") as steps:
            report = detect_pumps(settings, stores, exchange).backfill(steps.update)
    finally:
        exchange.session.close()
    if as_json:
        typer.echo(json.dumps({"requests": report.requests, "bucket": bucket}))
    else:
        errors().print(f"{report.requests} requests; the history is filled.")


def _settings(bucket: str, table: str, base_url: str, detector: str) -> DetectSettings:
    options = {
        "BUCKET_NAME": bucket,
        "TABLE_NAME": table,
        "BYBIT_BASE_URL": base_url,
        "DETECTOR": detector,
    }
    shown = {"bucket_name": "--bucket", "table_name": "--table", "bybit_base_url": "--base-url"}
    return load_settings(DetectSettings, {**os.environ, **options}, shown)
