"""AWS clients with the credentials that the AWS command line would use."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from pumpwatch.errors import BadInput

HASTY = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})


def clients_in(region: str, *, hasty: bool = False) -> tuple[str, Callable[[str], Any]]:
    """Return the region, and a function that gives the client of a service, each made once.

    An empty `region` is that of the environment or the profile. Hasty ones give up after seconds.
    Raises `BadInput` without a region; hasty ones also without credentials.
    """
    try:
        session = boto3.session.Session()
        where = region or session.region_name or os.environ.get("AWS_REGION", "")
    except BotoCoreError as error:
        raise BadInput(f"the AWS profile cannot be used: {error}") from None
    if not where:
        raise BadInput("no region is set: give --region, for example --region eu-central-1")
    if hasty and session.get_credentials() is None:
        raise BadInput("no AWS credentials are set here")

    @cache
    def client(service: str) -> Any:
        try:
            made = {"region_name": where, "config": HASTY if hasty else None}
            return session.client(service, **made)  # type: ignore[call-overload]
        except (BotoCoreError, ValueError) as error:
            raise BadInput(f"--region {where} cannot be used: {error}") from None

    return where, client
