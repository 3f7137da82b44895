"""The limits that scale can meet, each with its unit and its source. Change a number and run again.

`assumed` marks figures that were not looked up: from memory, or a judgement named in the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from pumpwatch.errors import BadInput


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. `raisable`: whoever sets it raises it on request, or a setting of ours does."""

    name: str
    value: float
    unit: str
    source: str
    raisable: bool = False
    assumed: bool = False


AWS = "docs.aws.amazon.com"
LAMBDA = f"{AWS}/lambda/latest/dg"
TABLE = f"{AWS}/amazondynamodb/latest/developerguide"
BYBIT = "Bybit V5 docs, rate-limit"

_LIMITS: dict[str, Limit] = {
    "candidates": Limit(
        "candidates in a scan", 60, "symbols", "MAX_CANDIDATES in template.yaml", raisable=True
    ),
    "detect_seconds": Limit(
        "detect's time-out", 55, "seconds", "template.yaml; Lambda allows 900", raisable=True
    ),
    "detect_memory": Limit(
        "detect's memory", 1_024, "MB", "template.yaml; Lambda allows 10,240", raisable=True
    ),
    "answer_seconds": Limit(
        "the answer about the whole market", 4, "seconds", "REQUEST_TIMEOUT_SECONDS", raisable=True
    ),
    "address_requests": Limit(
        "requests of an address", 120, "a second", f"{BYBIT}: 600 in any 5 s, then 403"
    ),
    "lease_seconds": Limit(
        "runs under one lease", 60, "seconds a minute", "one writer at a time: our own rule"
    ),
    "book_depth": Limit(
        "what the book takes within the slippage tolerance", 50_000, "USDT",
        "a judgement: a pumped coin of 5 million USDT a day, 1 % around the best price",
        assumed=True,
    ),
    "concurrency": Limit(
        "concurrent executions", 1_000, "of an account", f"{LAMBDA}/gettingstarted-limits.html",
        raisable=True,
    ),
    "reserved_concurrency": Limit(
        "reserved concurrency", 900, "of an account",
        f"{LAMBDA}/configuration-concurrency.html: 100 of the 1,000 stay unreserved",
        raisable=True, assumed=True,
    ),
    "event_source": Limit(
        "concurrency of a queue's event source", 1_250, "executions",
        f"{LAMBDA}/services-sqs-scaling.html", raisable=True,
    ),
    "schedules": Limit(
        "the scheduler's invocations", 1_000, "a second",
        f"{AWS}/scheduler/latest/UserGuide/scheduler-quotas.html", raisable=True,
    ),
    "queue_calls": Limit(
        "calls to a FIFO queue, high throughput, Frankfurt", 19_000, "a second",
        f"{AWS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
    ),
    "queue_in_flight": Limit(
        "messages in flight of a FIFO queue", 20_000, "messages",
        f"{AWS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html",
    ),
    "partition_writes": Limit(
        "writes to one partition key", 1_000, "units a second",
        f"{TABLE}/bp-partition-key-design.html",
    ),
    "partition_reads": Limit(
        "reads of one partition key", 3_000, "units a second",
        f"{TABLE}/bp-partition-key-design.html",
    ),
    "table_writes": Limit(
        "writes to a table on demand", 40_000, "units a second", f"{TABLE}/ServiceQuotas.html",
        raisable=True,
    ),
    "stream_readers": Limit(
        "functions that read the table's stream", 2, "of a shard", f"{TABLE}/Streams.html",
        assumed=True,
    ),
    "bucket_writes": Limit(
        "writes to a prefix of the bucket", 3_500, "a second",
        f"{AWS}/AmazonS3/latest/userguide/optimizing-performance.html",
    ),
    "secret_reads": Limit(
        "GetSecretValue", 10_000, "a second",
        f"{AWS}/secretsmanager/latest/userguide/reference_limits.html",
    ),
    "stacks": Limit(
        "CloudFormation stacks", 2_000, "of an account", f"{AWS}/AWSCloudFormation: quotas",
        raisable=True, assumed=True,
    ),
    "scrape_bytes": Limit(
        "a scrape of the Pushgateway", 50e6, "bytes",
        "a judgement: parsed by one Prometheus within its 10 s", assumed=True,
    ),
    "active_series": Limit(
        "active series of a workspace", 10_000_000, "series",
        f"{AWS}/prometheus/latest/userguide/AMP_quotas.html", raisable=True,
    ),
    "messages": Limit(
        "messages to one Slack channel", 1, "a second", "docs.slack.dev/apis/web-api/rate-limits"
    ),
}  # fmt: skip

LIMITS: Mapping[str, Limit] = MappingProxyType(_LIMITS)


def limits_with(changes: Mapping[str, float]) -> Mapping[str, Limit]:
    """Return the limits with some numbers changed. Raises `BadInput` for an unknown name."""
    changed = dict(LIMITS)
    for key, value in changes.items():
        if key not in changed:
            raise BadInput(f"{key} is no limit: {', '.join(LIMITS)}")
        if not value > 0:
            raise BadInput(f"{key}={value:g}: a limit must be above 0")
        changed[key] = replace(changed[key], value=value)
    return MappingProxyType(changed)
