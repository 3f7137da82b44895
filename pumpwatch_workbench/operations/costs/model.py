"""Dollars a month from the use of ticks and scans, and the prices. Unmeasured quantities are
constants here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .prices import ListPrices
from .usage import InstallationSize, TickUse

MINUTES = 43_800
"""Minutes of a month of 730 hours."""
HOURS = 730
MINUTE_SECONDS = 60
VCPU_MEGABYTES = 1769
"""Memory at which a function has one whole virtual processor."""
SLOWER = 2.0
"""Assumed slowdown of a Lambda core against a core of the measuring machine."""
COLD_STARTS = 24 * 30
"""Cold starts a month of each function: one an hour is more than usual."""
SENT_TOGETHER = 10
"""Messages of the scans' queue that one request sends."""
EMPTY_POLLS = 5 * 3 * MINUTES
"""Requests for messages that bring none: five pollers of Lambda wait 20 seconds each, all month."""
RING_SECONDS = 15
"""Time after which a scan saves the ring of snapshots."""
TURN_OBJECTS, TURN_QUERIES = 6, 1
"""Reads a minute because two instances take turns, as `make rehearsal` counts them: a scan is due
when the schedule's run is, and who scans after another reads state, flows, ring and events."""
SETTINGS_READS = 1
"""Reads a minute of the object of settings, by each function; a scan makes none."""
PLATFORM_LOG_BYTES = 900
"""Lambda's own lines about an invocation: start, runtimeDone, report."""
PUSH_BYTES = 12_000
EXCHANGE_BYTES, SCAN_BYTES = 8_000, 1_000
"""Bytes sent to the exchange in a tick and in a scan; received bytes are free."""
TABLE_GIGABYTES = 0.1
HISTORY_BYTES_PER_SYMBOL = 250_000
SECRET_CALLS = 2 * MINUTES / 5
"""Calls of both functions with a five-minute cache; none in paper mode without a password."""
QUEUE_REQUESTS = 10_000
KEY_REQUESTS = 0.5 * MINUTES
NAT_BYTES_PER_SCAN = 600_000
"""Bytes through the NAT in both directions: mostly the tickers of the whole market."""
GIGABYTE = 1e9


@dataclass(frozen=True, slots=True)
class CostLine:
    """One service's share. Growing: it rises with symbols or scans."""

    service: str
    dollars: float
    growing: bool = False


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """A month of one installation."""

    symbols: int
    scan_seconds: int
    lines: tuple[CostLine, ...]

    @property
    def fixed(self) -> float:
        """Return the part that does not depend on symbols and scans."""
        return sum(line.dollars for line in self.lines if not line.growing)

    @property
    def growing(self) -> float:
        """Return the part that rises with symbols or scans."""
        return sum(line.dollars for line in self.lines if line.growing)

    @property
    def total(self) -> float:
        """Return the whole cost."""
        return self.fixed + self.growing


def scans_in_a_minute(scan_seconds: int) -> float:
    """Return how many scans of the queue there are beside the minute's run."""
    return MINUTE_SECONDS / scan_seconds if scan_seconds < MINUTE_SECONDS else 0.0


def billed_seconds(use: TickUse, megabytes: int) -> float:
    """Return an invocation's duration: waiting as measured, computing slowed down to its share.

    seconds = measured - cpu + cpu * SLOWER / (memory / 1769 MB)
    """
    share = min(1.0, megabytes / VCPU_MEGABYTES)
    return use.seconds - use.cpu_seconds + use.cpu_seconds * SLOWER / share


def monthly_cost(
    uses: Mapping[str, TickUse],
    made: InstallationSize,
    prices: ListPrices,
    *,
    symbols: int,
    scan_seconds: int,
) -> MonthlyCost:
    """Return every service's share with no free tier."""
    detect, trade, scan = uses["detect"], uses["trade"], uses["scan"]
    scans = MINUTES * scans_in_a_minute(scan_seconds)
    memory = made.detect_megabytes
    stored = TABLE_GIGABYTES * (prices.table_gigabyte_month + prices.table_recovery_gigabyte_month)
    table = MINUTES * (_table(detect, prices) + _table(trade, prices))
    reads = detect.bucket_reads + 2 * SETTINGS_READS
    bucket = reads * prices.bucket_read + detect.bucket_writes * prices.bucket_write
    saved = min(scans, MINUTES * MINUTE_SECONDS / RING_SECONDS)
    turns = MINUTES if scans else 0
    history = symbols * HISTORY_BYTES_PER_SYMBOL / GIGABYTE * prices.bucket_gigabyte_month
    logs = (detect.log_bytes + trade.log_bytes + 2 * PLATFORM_LOG_BYTES) * MINUTES
    scan_logs = (scan.log_bytes + PLATFORM_LOG_BYTES) * scans
    log_byte = (prices.log_gigabyte + 3 * prices.log_gigabyte_month) / GIGABYTE
    sent = (2 * PUSH_BYTES + EXCHANGE_BYTES) * MINUTES / GIGABYTE
    lines = (
        CostLine("Lambda, detect", _compute(_month(detect, memory), memory, prices), True),
        CostLine(
            "Lambda, scans", _compute(scans * billed_seconds(scan, memory), memory, prices), True
        ),
        CostLine(
            "Lambda, trade",
            _compute(_month(trade, made.trade_megabytes), made.trade_megabytes, prices),
        ),
        CostLine("Lambda, requests", 2 * MINUTES * prices.lambda_request),
        CostLine("Lambda, requests of scans", scans * prices.lambda_request, True),
        CostLine("EventBridge Scheduler", 2 * MINUTES * prices.schedule_invocation),
        CostLine("DynamoDB", table + stored),
        CostLine(
            "DynamoDB, scans",
            scans * _table(scan, prices) + turns * TURN_QUERIES * prices.table_read_unit,
            True,
        ),
        CostLine("S3, requests", MINUTES * bucket),
        CostLine(
            "S3, requests of scans",
            saved * prices.bucket_write + turns * TURN_OBJECTS * prices.bucket_read,
            True,
        ),
        CostLine("S3, storage", history, True),
        CostLine(
            "Secrets Manager",
            made.secrets * prices.secret_month + SECRET_CALLS * prices.secret_call,
        ),
        CostLine("CloudWatch alarms", made.alarms * prices.alarm_month),
        CostLine("CloudWatch logs", logs * log_byte),
        CostLine("CloudWatch logs of scans", scan_logs * log_byte, True),
        CostLine("SQS and SNS", QUEUE_REQUESTS * prices.queue_request),
        CostLine("SQS, scans", _queue_requests(scan_seconds) * prices.queue_request, True),
        CostLine("Data sent to the internet", sent * prices.transfer_gigabyte),
        CostLine(
            "Data sent by scans", scans * SCAN_BYTES / GIGABYTE * prices.transfer_gigabyte, True
        ),
    )
    return MonthlyCost(symbols, scan_seconds, lines)


def options(prices: ListPrices, *, scan_seconds: int) -> tuple[CostLine, ...]:
    """Return the costs that optional parameters add."""
    scans = MINUTES * (1 + scans_in_a_minute(scan_seconds))
    nat = HOURS * prices.nat_hour + NAT_BYTES_PER_SCAN * scans / GIGABYTE * prices.nat_gigabyte
    return (
        CostLine("Encryption=customer-key", prices.key_month + KEY_REQUESTS * prices.key_request),
        CostLine("Tracing=xray, every invocation", (MINUTES + scans) * prices.trace),
        CostLine("Network=own-vpc: NAT gateway", nat),
        CostLine("Network=own-vpc: fixed address", HOURS * prices.address_hour),
        CostLine("PushgatewayAuthentication=basic: a secret", prices.secret_month),
        CostLine("pushes that fail all month: a metric", prices.metric_month),
    )


def _queue_requests(scan_seconds: int) -> float:
    """Return the requests for the scans' queue: each message is received and deleted."""
    scans = scans_in_a_minute(scan_seconds)
    if not scans:
        return 0.0
    return MINUTES * (math.ceil(scans / SENT_TOGETHER) + 2 * scans) + EMPTY_POLLS


def _table(use: TickUse, prices: ListPrices) -> float:
    return use.table_reads * prices.table_read_unit + use.table_writes * prices.table_write_unit


def _month(use: TickUse, megabytes: int) -> float:
    share = min(1.0, megabytes / VCPU_MEGABYTES)
    starts = COLD_STARTS * use.init_cpu_seconds * SLOWER / share
    return MINUTES * billed_seconds(use, megabytes) + starts


def _compute(seconds: float, megabytes: int, prices: ListPrices) -> float:
    return seconds * megabytes / 1024 * prices.lambda_gigabyte_second
