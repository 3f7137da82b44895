"""AWS list prices of eu-central-1 (Frankfurt), US dollars, without any free tier.

DynamoDB, Lambda, CloudWatch, SQS and SNS: the public price list of `AS_OF`
(pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/eu-central-1). The others are from
AWS's pricing pages, not looked up again that day: do so before you rely on a cent.
"""

from __future__ import annotations

from dataclasses import dataclass

AS_OF = "2026-09-11"


@dataclass(frozen=True, slots=True)
class ListPrices:
    """Each price by its unit."""

    lambda_gigabyte_second: float = 0.0000133334
    """arm64."""
    lambda_request: float = 0.20e-6
    schedule_invocation: float = 1.20e-6
    table_read_unit: float = 0.1525e-6
    table_write_unit: float = 0.7625e-6
    table_gigabyte_month: float = 0.306
    table_recovery_gigabyte_month: float = 0.2448
    bucket_write: float = 5.4e-6
    """PUT and LIST."""
    bucket_read: float = 0.43e-6
    bucket_gigabyte_month: float = 0.0245
    secret_month: float = 0.40
    secret_call: float = 5e-6
    log_gigabyte: float = 0.63
    log_gigabyte_month: float = 0.0324
    alarm_month: float = 0.10
    metric_month: float = 0.30
    """Price of a metric that is written all month: only failed pushes are."""
    queue_request: float = 0.40e-6
    transfer_gigabyte: float = 0.09
    key_month: float = 1.00
    key_request: float = 3e-6
    trace: float = 5e-6
    nat_hour: float = 0.052
    nat_gigabyte: float = 0.052
    address_hour: float = 0.005


FRANKFURT = ListPrices()
