"""Agreement of detection with known pumps: the rule of `pumpwatch evaluate`, on a journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.errors import BadInput
from pumpwatch_workbench.operations.journal.candles import alarms_of
from pumpwatch_workbench.operations.journal.percentiles import Spread, spread_of
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.recordings.tables import parse_time, read_csv
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Watched
from pumpwatch_workbench.research.evaluation.scores import score

Label = tuple[str, int, bool]
"""Symbol, onset in milliseconds UTC, and whether it counts."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Labelled pumps of the period against the alarms of the journal."""

    pumps: int
    """Counted pumps within the period."""
    hits: int
    early: int
    missed: int
    others: int
    """Alarms near no labelled pump, of any symbol: false ones only if the labels are complete."""
    outside: int
    """Counted pumps before or after the period: not judged."""
    delay_seconds: Spread | None


def read_labels(path: Path) -> list[Label]:
    """Return the labels of a file in the form of `events.csv`.

    Raises `BadInput` with file and line.
    """
    if not path.is_file():
        raise BadInput(f"--labels is {path}: name a CSV file with symbol, onset and counted")
    labels = []
    for where, row in read_csv(path, ("symbol", "onset", "counted")):
        symbol = row["symbol"].strip()
        if not symbol:
            raise BadInput(f"{where}: the symbol is empty; write it as Bybit does, PUMPUSDT")
        if row["counted"] not in ("0", "1"):
            raise BadInput(f"{where}: counted is {row['counted']!r}; write 1 to count it, else 0")
        labels.append((symbol, parse_time(row["onset"], f"{where}: onset"), row["counted"] == "1"))
    return labels


def agreement_of(
    labels: Sequence[Label], signals: Sequence[Signal], since: int, until: int
) -> Agreement:
    """Match labels with the first signal of each event, in [since, until), as `evaluate` does."""
    alarms: dict[str, list[int]] = defaultdict(list)
    for alarm in alarms_of(signals).values():
        alarms[alarm.symbol].append(alarm.time)
    symbols = sorted({*alarms, *(symbol for symbol, _, _ in labels)})
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    result = score(
        # Whoever kept the journal was warm when the period began.
        [Watched(number, since - WARM_UP, until) for number in numbers.values()],
        [
            LabelledPump(numbers[symbol], symbol, onset, counts and onset < until)
            for symbol, onset, counts in labels
        ],
        {numbers[symbol]: times for symbol, times in alarms.items()},
    )
    return Agreement(
        pumps=result.events,
        hits=result.hits,
        early=result.early,
        missed=result.missed,
        others=result.false_alarms,
        outside=sum(counts for _, _, counts in labels) - result.events,
        delay_seconds=spread_of(result.delays),
    )
