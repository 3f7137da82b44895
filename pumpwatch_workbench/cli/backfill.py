"""`pumpwatch backfill`: fill a deployed stack's candle history ahead of its first tick."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from pumpwatch.adapters.bybit import BybitMarketData
from pumpwatch.adapters.dynamodb import DynamoEventStore, DynamoSignalStore, Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.errors import SettingsError
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.cli.aws import clients_in
from pumpwatch_workbench.cli.bybit import checked_address, public_session
from pumpwatch_workbench.cli.options import AsJson, BaseUrl, Detector, Region
from pumpwatch_workbench.cli.progress import errors, stepping


def backfill(
    *,
    bucket: Annotated[str, typer.Option(help="The stack's bucket (output HistoryBucket).")],
    table: Annotated[str, typer.Option(help="The stack's table (output StateTable).")],
    base_url: BaseUrl = "https://api.bybit.com",
    detector: Annotated[Detector, typer.Option(help="The stack's rule.")] = Detector.BOOSTED,
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Fetch the candle history that the rule needs into a stack's bucket.

    Without it the detect function does the same by itself within its request budget, over several
    ticks. Uses your AWS credentials, and no Bybit key.

    Examples:
      pumpwatch backfill --bucket pumpwatch-history --table pumpwatch-state
    """
    settings = _settings(bucket, table, checked_address("--base-url", base_url), detector)
    _, client = clients_in(region)
    state = Table(settings.table_name, client("dynamodb"))
    session = public_session(
        settings.bybit_base_url,
        requests_per_second=settings.requests_per_second,
        threads=settings.parallel_requests,
    )
    use_case = DetectPumps(
        BybitMarketData(session, parallel_requests=settings.parallel_requests),
        S3HistoryStore(settings.bucket_name, client("s3")),
        DynamoSignalStore(state),
        DynamoEventStore(state),
        settings,
    )
    try:
        with stepping("Slices of the history") as steps:
            report = use_case.backfill(steps.update)
    finally:
        session.close()
    if as_json:
        typer.echo(json.dumps({"requests": report.requests, "bucket": bucket}))
    else:
        errors().print(f"{report.requests} requests; the history is filled.")


def _settings(bucket: str, table: str, base_url: str, detector: str) -> DetectSettings:
    """Return the settings of the stack's detect function. Raises `SettingsError`."""
    options = {
        "BUCKET_NAME": bucket,
        "TABLE_NAME": table,
        "BYBIT_BASE_URL": base_url,
        "DETECTOR": detector,
    }
    try:
        return load_settings(DetectSettings, {**os.environ, **options})
    except SettingsError as error:
        text = str(error).replace("BUCKET_NAME=", "--bucket ").replace("TABLE_NAME=", "--table ")
        raise SettingsError(text) from None
