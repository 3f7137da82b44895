"""Dollars a month from a tick's use and the prices. Unmeasured quantities are constants here."""

from __future__ import annotations

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
TIME_OUT, SCAN_RESERVE = 55.0, 10.0
"""Detect's time-out, and what a further scan within the minute must leave of it, seconds."""
PLATFORM_LOG_BYTES = 900
"""Lambda's own lines about an invocation: start, runtimeDone, report."""
PUSH_BYTES = 12_000
EXCHANGE_BYTES = 8_000
"""Bytes sent to the exchange in a tick; received bytes are free."""
TABLE_GIGABYTES = 0.1
HISTORY_BYTES_PER_SYMBOL = 250_000
SECRET_CALLS = 2 * MINUTES / 5
"""Calls of both functions with a five-minute cache; none in paper mode without a password."""
QUEUE_REQUESTS = 10_000
KEY_REQUESTS = 0.5 * MINUTES
NAT_BYTES_PER_TICK = 600_000
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


def scans_in_a_minute(scan_seconds: int) -> int:
    """Return how many scans an invocation of detect makes."""
    if scan_seconds >= MINUTE_SECONDS:
        return 1
    return int((TIME_OUT - SCAN_RESERVE) // scan_seconds) + 1


def billed_seconds(
    use: TickUse, megabytes: int, *, scans: int = 1, scan_seconds: int = 60
) -> float:
    """Return an invocation's duration: waiting as measured, computing slowed down to its share.

    seconds = measured - cpu + cpu * SLOWER / (memory / 1769 MB); scans within the minute add the
    pause between them and their own computing.
    """
    share = min(1.0, megabytes / VCPU_MEGABYTES)
    scan = use.seconds - use.cpu_seconds + use.cpu_seconds * SLOWER / share
    return (scans - 1) * max(scan_seconds, scan) + scan


def monthly_cost(
    uses: Mapping[str, TickUse],
    made: InstallationSize,
    prices: ListPrices,
    *,
    symbols: int,
    scan_seconds: int,
) -> MonthlyCost:
    """Return every service's share with no free tier."""
    detect, trade = uses["detect"], uses["trade"]
    scans = scans_in_a_minute(scan_seconds)
    detect_seconds = billed_seconds(
        detect, made.detect_megabytes, scans=scans, scan_seconds=scan_seconds
    )
    trade_seconds = billed_seconds(trade, made.trade_megabytes)
    table = sum(
        use.table_reads * prices.table_read_unit + use.table_writes * prices.table_write_unit
        for use in (detect, trade)
    )
    stored = TABLE_GIGABYTES * (prices.table_gigabyte_month + prices.table_recovery_gigabyte_month)
    bucket = detect.bucket_reads * prices.bucket_read + detect.bucket_writes * prices.bucket_write
    history = symbols * HISTORY_BYTES_PER_SYMBOL / GIGABYTE * prices.bucket_gigabyte_month
    logs = (detect.log_bytes + trade.log_bytes + 2 * PLATFORM_LOG_BYTES) * MINUTES / GIGABYTE
    sent = (2 * PUSH_BYTES + EXCHANGE_BYTES * scans) * MINUTES / GIGABYTE
    lines = (
        CostLine(
            "Lambda, detect", _compute(detect, detect_seconds, made.detect_megabytes, prices), True
        ),
        CostLine("Lambda, trade", _compute(trade, trade_seconds, made.trade_megabytes, prices)),
        CostLine("Lambda, requests", 2 * MINUTES * prices.lambda_request),
        CostLine("EventBridge Scheduler", 2 * MINUTES * prices.schedule_invocation),
        CostLine("DynamoDB", MINUTES * table + stored),
        CostLine("S3, requests", MINUTES * bucket),
        CostLine("S3, storage", history, True),
        CostLine(
            "Secrets Manager",
            made.secrets * prices.secret_month + SECRET_CALLS * prices.secret_call,
        ),
        CostLine("CloudWatch alarms", made.alarms * prices.alarm_month),
        CostLine("CloudWatch logs", logs * (prices.log_gigabyte + 3 * prices.log_gigabyte_month)),
        CostLine("SQS and SNS", QUEUE_REQUESTS * prices.queue_request),
        CostLine("Data sent to the internet", sent * prices.transfer_gigabyte, scans > 1),
    )
    return MonthlyCost(symbols, scan_seconds, lines)


def options(prices: ListPrices) -> tuple[CostLine, ...]:
    """Return the costs that optional parameters add."""
    nat = HOURS * prices.nat_hour + NAT_BYTES_PER_TICK * MINUTES / GIGABYTE * prices.nat_gigabyte
    return (
        CostLine("Encryption=customer-key", prices.key_month + KEY_REQUESTS * prices.key_request),
        CostLine("Tracing=xray, every invocation", 2 * MINUTES * prices.trace),
        CostLine("Network=own-vpc: NAT gateway", nat),
        CostLine("Network=own-vpc: fixed address", HOURS * prices.address_hour),
        CostLine("PushgatewayAuthentication=basic: a secret", prices.secret_month),
        CostLine("pushes that fail all month: a metric", prices.metric_month),
    )


def _compute(use: TickUse, seconds: float, megabytes: int, prices: ListPrices) -> float:
    share = min(1.0, megabytes / VCPU_MEGABYTES)
    cold = COLD_STARTS * use.init_cpu_seconds * SLOWER / share
    gigabytes = megabytes / 1024
    return (seconds * MINUTES + cold) * gigabytes * prices.lambda_gigabyte_second
