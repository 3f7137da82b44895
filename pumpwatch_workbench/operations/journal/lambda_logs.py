"""Lambda's own log entries about each run of a function: the `platform.report` events.

Lambda writes them at the system level INFO, its default, where the log format is JSON. The form
is that of the Lambda developer guide's system log events; Lambda's MB are MiB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError

MOST_RUNS = 12_000
"""Runs of a function that are read: more than a week of minutes."""
REPORTS = '{ $.type = "platform.report" }'
NEWEST_FIRST_SINCE = 1_704_067_200_000
"""2024: from here on CloudWatch answers newest first. The stack keeps logs for a year at most."""
DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})


@dataclass(frozen=True, slots=True)
class LoggedInvocation:
    """One run of a function. Memory in MiB; None: Lambda did not say."""

    time: int
    """Milliseconds UTC, when Lambda reported it: its end."""
    seconds: float
    """Wall time, without the start of the environment."""
    status: str
    """Lambda's word: success, failure, error or timeout."""
    init_seconds: float | None = None
    """Start-up time of a new environment; None if a warm environment was used."""
    memory_mib: float | None = None
    memory_limit_mib: float | None = None


@dataclass(frozen=True, slots=True)
class FunctionLog:
    """The latest runs of a function, oldest first."""

    function: str
    invocations: Sequence[LoggedInvocation] = ()
    cut: bool = False
    """True if the period has earlier runs that were not read."""
    unreadable: int = 0
    """Reports of another form than the one known here."""
    problem: str = ""
    """Why nothing could be read; empty: the log was read."""
    interval_seconds: float = 60.0
    """Time from one run to the next."""


def _metric(name: str) -> AliasPath:
    return AliasPath("record", "metrics", name)


class _Report(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    type: Literal["platform.report"]
    status: str = Field(min_length=1, validation_alias=AliasPath("record", "status"))
    duration_ms: float = Field(ge=0, validation_alias=_metric("durationMs"))
    init_ms: float | None = Field(None, ge=0, validation_alias=_metric("initDurationMs"))
    limit: float | None = Field(None, gt=0, validation_alias=_metric("memorySizeMB"))
    used: float | None = Field(None, ge=0, validation_alias=_metric("maxMemoryUsedMB"))


def read_log(
    logs: Any,
    function: str,
    group: str,
    since: int,
    until: int,
    *,
    most: int = MOST_RUNS,
    interval_seconds: float = 60.0,
) -> FunctionLog:
    """Return the latest runs between two moments (milliseconds UTC), at most so many.

    Whatever AWS refuses is told in `problem`: a report lacks these figures and still comes.
    """
    try:
        events = list(islice(_events(logs, group, since, until), most + 1))
    except ClientError as error:
        return FunctionLog(function, problem=_refusal(error, group))
    except ParamValidationError:
        return FunctionLog(function, problem="this boto3 cannot read logs newest first: update it")
    except BotoCoreError as error:
        return FunctionLog(function, problem=f"CloudWatch did not answer about {group}: {error}")
    read = [_invocation(*event) for event in events[:most]]
    known = sorted((run for run in read if run is not None), key=lambda run: run.time)
    return FunctionLog(
        function,
        known,
        cut=len(events) > most,
        unreadable=len(read) - len(known),
        interval_seconds=interval_seconds,
    )


def _events(logs: Any, group: str, since: int, until: int) -> Iterator[tuple[int, str]]:
    """Yield time and text of the reports, newest first. Pages may be empty and are not the last."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        filterPattern=REPORTS,
        startTime=max(since, NEWEST_FIRST_SINCE),
        endTime=until,
        startFromHead=False,
    )
    for page in pages:
        for event in page.get("events", ()):
            yield event["timestamp"], event["message"]


def _invocation(time: int, message: str) -> LoggedInvocation | None:
    try:
        report = _Report.model_validate_json(message)
    except ValidationError:
        return None
    init = None if report.init_ms is None else report.init_ms / 1000
    seconds = report.duration_ms / 1000
    return LoggedInvocation(time, seconds, report.status, init, report.used, report.limit)


def _refusal(error: ClientError, group: str) -> str:
    code = error.response.get("Error", {}).get("Code", "unknown")
    if code in DENIED:
        return f"your credentials lack the right logs:FilterLogEvents on {group}"
    if code == "ResourceNotFoundException":
        return f"there is no log group {group}"
    return f"CloudWatch refused to read {group}: {code}"
