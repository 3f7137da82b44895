"""Emitted alarms as a CSV file, so that others can score them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

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
    lines = ["segment,symbol,time"]
    for segment in segments:
        sent = emitted(alarms.get(segment.number, ()), from_time=segment.start + WARM_UP)
        times = np.datetime_as_string(np.array(sent, "datetime64[ms]"), timezone="UTC")
        lines += [f"{segment.number},{segment.symbol},{time}" for time in times]
    save("the alarms", path, "\n".join(lines) + "\n")
