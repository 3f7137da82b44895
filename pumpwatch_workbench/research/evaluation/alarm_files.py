"""Emitted alarms as a CSV file, so that others can score them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pumpwatch.errors import BadInput
from pumpwatch_workbench.pages.files import check_target, write_whole
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.scores import WARM_UP, emitted


def check_alarm_path(path: Path) -> None:
    """Raise `BadInput` when the file cannot be written."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder: name a file for the alarms")
    try:
        check_target(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def write_alarms(
    path: Path, segments: Sequence[Segment], alarms: Mapping[int, Sequence[int]]
) -> None:
    """Write segment, symbol and time (ISO, UTC) of every alarm sent out; the whole file or nothing.

    `alarms` holds all alarms by segment number, milliseconds UTC; warm-up and silence leave some
    out.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("segment", "symbol", "time"))
    for segment in segments:
        sent = emitted(alarms.get(segment.number, ()), from_time=segment.start + WARM_UP)
        writer.writerows((segment.number, segment.symbol, _iso(time)) for time in sent)
    try:
        write_whole(path, text.getvalue())
    except OSError as error:
        raise _unwritable(path, error) from error


def _iso(time: int) -> str:
    moment = datetime.fromtimestamp(time / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unwritable(path: Path, error: OSError) -> BadInput:
    reason = (error.strerror or type(error).__name__).lower()
    return BadInput(f"the alarms cannot be written to {path}: {reason}; name another file")
