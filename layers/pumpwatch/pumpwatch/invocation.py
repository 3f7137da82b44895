"""The events that wake a function: the schedule's, a batch of the table's stream or of the scans'
queue, or a probe.

A payload that is none of them is a `BadEvent`. In a batch, a record that cannot be read is counted
and left out: the stream is only a wake-up, the signals themselves are read from the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeGuard

from pumpwatch.errors import BadEvent

LONGEST_ID, LONGEST_SHOWN = 128, 80
EARLIEST, LATEST = 1_262_304_000_000, 4_102_444_800_000
"""The years 2010 to 2100, milliseconds: a time outside them is a mistake of units."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The event that woke a run."""

    scheduled_time: int
    """Due time, milliseconds UTC; for a batch, its newest signal's or slot's time."""
    execution_id: str
    """The run's id, the same for a repeat of the same event; it owns the lease."""
    signal_ids: tuple[str, ...] = ()
    """The signals a batch announced."""
    bad_records: int = 0
    """Records of the batch that could not be read."""
    is_scan: bool = False
    """Whether it asks for a single scan, between two runs of the schedule."""
    older_scans: int = 0
    """Scans of the batch that were due before this one; they are not made any more."""


def is_probe(event: object) -> bool:
    """Return whether a person asks what the function can reach: `{"action": "probe"}`."""
    return isinstance(event, Mapping) and event.get("action") == "probe"


def parse_schedule(event: object) -> Tick:
    """Return the tick of a schedule's event.

    Accepted are `{"scheduled_time": ..., "execution_id": ...}`, as the template's schedules send
    it, and an event with `time` and `id`, as EventBridge's rules do; times are ISO 8601. Raises
    `BadEvent`.
    """
    if not isinstance(event, Mapping):
        raise BadEvent(f"the event is {_shown(event)}, not an object")
    name = "scheduled_time" if "scheduled_time" in event else "time"
    if name not in event:
        raise BadEvent("the event has neither scheduled_time nor time")
    time = _milliseconds(name, event[name])
    given = event.get("execution_id", event.get("id"))
    if given is None:
        return Tick(time, f"tick-{time}")
    if not _is_name(given):
        raise BadEvent(f"execution_id is {_shown(given)}, not a text of 1 to {LONGEST_ID} letters")
    return Tick(time, given)


def parse_wake_up(event: object) -> Tick:
    """Return the tick of a schedule's event or of a stream's batch. Raises `BadEvent`."""
    if not isinstance(event, Mapping) or "Records" not in event:
        return parse_schedule(event)
    records = _records(event)
    signals = [signal for record in records if (signal := _new_signal(record)) is not None]
    if not signals:
        raise BadEvent(f"none of {len(records)} records announces a new signal")
    digest = blake2b("|".join(sorted(name for name, _ in signals)).encode(), digest_size=12)
    return Tick(
        scheduled_time=max(time for _, time in signals),
        execution_id=f"stream-{digest.hexdigest()}",
        signal_ids=tuple(name for name, _ in signals),
        bad_records=len(records) - len(signals),
    )


def parse_scan(event: object) -> Tick:
    """Return the tick of a schedule's event, or that of the newest scan of a queue's batch.

    Raises `BadEvent`.
    """
    if not isinstance(event, Mapping) or "Records" not in event:
        return parse_schedule(event)
    records = _records(event)
    slots = [slot for record in records if (slot := _slot(record)) is not None]
    if not slots:
        raise BadEvent(f"none of {len(records)} records asks for a scan")
    return Tick(
        scheduled_time=max(slots),
        execution_id=f"scan-{max(slots)}",
        bad_records=len(records) - len(slots),
        is_scan=True,
        older_scans=len(slots) - 1,
    )


def _records(event: Mapping[str, object]) -> Sequence[object]:
    records = event["Records"]
    if not isinstance(records, Sequence) or isinstance(records, str) or not records:
        raise BadEvent(f"Records is {_shown(records)}, not a list of at least one record")
    return records


def _slot(record: object) -> int | None:
    try:
        source, slot = record["eventSource"], json.loads(record["body"])["slot"]  # type: ignore[index]
    except (KeyError, IndexError, TypeError, ValueError, RecursionError):
        return None
    is_time = type(slot) is int and EARLIEST <= slot < LATEST
    return slot if source == "aws:sqs" and is_time else None


def _new_signal(record: object) -> tuple[str, int] | None:
    try:
        image = record["dynamodb"]["NewImage"]  # type: ignore[index]
        name, time = image["signal_id"]["S"], int(image["time"]["N"])
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    return (name, time) if _is_name(name) and EARLIEST <= time < LATEST else None


def _is_name(value: object) -> TypeGuard[str]:
    """Return whether it can be a key in the table: short, and every letter can be shown."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def _milliseconds(name: str, value: object) -> int:
    if not isinstance(value, str):
        raise BadEvent(f"{name} is {_shown(value)}, not a time in ISO 8601")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadEvent(f"{name} is {_shown(value)}, not a time in ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    time = round(moment.timestamp() * 1000)
    if not EARLIEST <= time < LATEST:
        raise BadEvent(f"{name} is {_shown(value)}, not a time of this century")
    return time


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
