"""Fetch the parts of a download that are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import polars as pl

from pumpwatch.domain.market.candles import COLUMNS, CandleRequest, CandleSeries
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import PumpwatchError, RetryLater
from pumpwatch.ports import MarketData

from .plan import DownloadPart, Workspace

ATTEMPTS = 4
FIRST_PAUSE = 1.0
"""Seconds before a failed request is sent again; doubled with each attempt."""


def fetch_parts(
    market: MarketData,
    workspace: Workspace,
    parts: Sequence[DownloadPart],
    *,
    batch: int,
    wait: Callable[[float], None],
    progress: Callable[[DownloadPart], None],
) -> None:
    """Fetch and store parts, up to `batch` symbols at a time.

    Each part is stored whole or not at all, so whatever ends a download leaves it resumable.
    Raises what the exchange's answers call for, and a symbol's own error; `RetryLater` only after
    some more attempts.
    """
    for group in _groups(parts, batch):
        left = list(group)
        for attempt in range(ATTEMPTS):
            left, error = _fetch(market, workspace, left, progress)
            if error is None:
                break
            if attempt == ATTEMPTS - 1 or not isinstance(error, RetryLater):
                raise error
            wait(FIRST_PAUSE * 2**attempt)


def _fetch(
    market: MarketData,
    workspace: Workspace,
    parts: Sequence[DownloadPart],
    progress: Callable[[DownloadPart], None],
) -> tuple[list[DownloadPart], PumpwatchError | None]:
    """Return the parts that failed, and the error of one of them."""
    requests = [CandleRequest(part.symbol, MINUTE, part.start, part.last) for part in parts]
    failed: list[DownloadPart] = []
    error: PumpwatchError | None = None
    try:
        answers = market.candles(requests)
    except RetryLater as trouble:
        return list(parts), trouble
    for part in parts:
        answer = answers[part.symbol]
        if isinstance(answer, PumpwatchError):
            failed.append(part)
            error = error if error is not None and not isinstance(error, RetryLater) else answer
            continue
        _store(workspace.path / part.file, answer.closed)
        progress(part)
    return failed, error


def _groups(parts: Sequence[DownloadPart], size: int) -> Iterator[list[DownloadPart]]:
    """Yield groups of parts in which no symbol comes twice."""
    left = list(parts)
    while left:
        group: dict[str, DownloadPart] = {}
        for part in islice(left, 4 * size):
            if len(group) < size and part.symbol not in group:
                group[part.symbol] = part
        taken = set(group.values())
        left = [part for part in left if part not in taken]
        yield list(group.values())


def _store(path: Path, series: CandleSeries) -> None:
    table = pl.DataFrame(
        {"open_time": series.open_time}
        | {name: series.values[:, index] for index, name in enumerate(COLUMNS)}
    )
    temporary = path.with_suffix(".new")
    table.write_parquet(temporary)
    temporary.replace(path)
