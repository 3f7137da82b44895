"""`pumpwatch backfill`: fill a deployed stack's candle history ahead of its first tick."""

from __future__ import annotations

import os
from typing import Annotated

import typer

__all__ = ["backfill"]


def backfill(
    *,
    bucket: Annotated[str, typer.Option(help="The stack's bucket (output HistoryBucket).")],
    table: Annotated[str, typer.Option(help="The stack's table (output StateTable).")],
    base_url: Annotated[
        str, typer.Option(help="Which Bybit, as the stack's BybitBaseUrl.")
    ] = "https://api.bybit.com",
    detector: Annotated[str, typer.Option(help="The stack's rule.")] = "boosted",
) -> None:
    """Fetch the candle history that the rule needs into the stack's bucket.

    Without it the detect function does the same by itself within its request budget, over several
    ticks. Uses your AWS credentials, and no Bybit key.
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed
    from rich.progress import Progress  # noqa: PLC0415

    from pumpwatch.adapters.bybit import BybitMarketData, BybitSession  # noqa: PLC0415
    from pumpwatch.adapters.dynamodb import (  # noqa: PLC0415
        DynamoEventStore,
        DynamoSignalStore,
        Table,
    )
    from pumpwatch.adapters.s3 import S3HistoryStore  # noqa: PLC0415
    from pumpwatch.settings import DetectSettings, load_settings  # noqa: PLC0415
    from pumpwatch.usecases.detect_pumps import DetectPumps  # noqa: PLC0415

    settings = load_settings(
        DetectSettings,
        {
            **os.environ,
            "BUCKET_NAME": bucket,
            "TABLE_NAME": table,
            "BYBIT_BASE_URL": base_url,
            "DETECTOR": detector,
        },
    )
    state = Table(settings.table_name)
    session = BybitSession(
        settings.bybit_base_url,
        requests_per_second=settings.requests_per_second,
        threads=settings.parallel_requests,
    )
    use_case = DetectPumps(
        BybitMarketData(session, parallel_requests=settings.parallel_requests),
        S3HistoryStore(settings.bucket_name),
        DynamoSignalStore(state),
        DynamoEventStore(state),
        settings,
    )
    console = Console(stderr=True)
    with Progress(console=console) as progress:
        task = progress.add_task("History", total=None)
        report = use_case.backfill(
            lambda done, total: progress.update(task, completed=done, total=total)
        )
    console.print(f"{report.requests} requests; the history is filled.", highlight=False)
