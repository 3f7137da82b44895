"""Emitted alarms as a CSV file, so that others can score them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pumpwatch_workbench.pages.files import save
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Segment
from pumpwatch_workbench.research.evaluation.scores import emitted


def write_alarms(
    path: Path, segments: Sequence[Segment], alarms: Mapping[int, Sequence[int]]
) -> None:
    """Write segment, symbol and time (ISO, UTC) of every alarm sent out. Raises `BadInput`.

    `alarms` holds all alarms by segment number, milliseconds UTC; warm-up and silence leave some
    out.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("segment", "symbol", "time"))
    for segment in segments:
        sent = emitted(alarms.get(segment.number, ()), from_time=segment.start + WARM_UP)
        writer.writerows((segment.number, segment.symbol, _iso(time)) for time in sent)
    save("the alarms", path, text.getvalue())


def _iso(time: int) -> str:
    moment = datetime.fromtimestamp(time / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
