"""The candle history cache in S3. What cannot be read is absent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.archives import (
    UNREADABLE,
    Arrays,
    archive_of,
    arrays_of_candles,
    arrays_of_state,
    candles_of_arrays,
    read_archive,
    slice_key,
    state_key,
)
from pumpwatch.adapters.aws import client_config
from pumpwatch.domain.candles import Candles
from pumpwatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["S3HistoryStore", "s3_client"]

logger = logging.getLogger(__name__)

ABSENT = frozenset({"NoSuchKey", "404"})


def s3_client() -> S3Client:
    """Return a client with short time-outs; where to is boto3's own business (environment)."""
    return boto3.client("s3", config=client_config(read_timeout=5))


class S3HistoryStore:
    """Candle slices and detection state (HistoryStore port).

    `unreadable` counts objects that were there and could not be used.
    """

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        self._bucket = bucket
        self._client = client or s3_client()
        self.unreadable = 0

    def load_state(self, name: str) -> Mapping[str, object] | None:
        """Return the named arrays saved last, or None (absent or unreadable)."""
        return self._load(state_key(name))

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state. Raises `TypeError` for values that are no plain arrays."""
        self._save(state_key(name), arrays_of_state(state))

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        """Return a slice of the candle history, or None (absent or unreadable)."""
        key = slice_key(number, interval)
        arrays = self._load(key)
        if arrays is None:
            return None
        candles = candles_of_arrays(arrays, interval)
        if candles is None:
            self._unusable(key, "its arrays do not fit together")
        return candles

    def save_slice(self, number: int, candles: Candles) -> None:
        """Replace a slice of the candle history."""
        self._save(slice_key(number, candles.interval), arrays_of_candles(candles))

    def _save(self, key: str, arrays: Arrays) -> None:
        body = archive_of(arrays, where=key)
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the bucket did not take {key}: {_reason(error)}") from None

    def _load(self, key: str) -> Arrays | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return None
            raise StoreUnavailable(f"the bucket did not give {key}: {_reason(error)}") from None
        except BotoCoreError as error:
            raise StoreUnavailable(f"the bucket did not give {key}: {_reason(error)}") from None
        try:
            return read_archive(body)
        except UNREADABLE as error:
            self._unusable(key, type(error).__name__)
            return None

    def _unusable(self, key: str, reason: str) -> None:
        self.unreadable += 1
        logger.warning("history object is rebuilt", extra={"key": key, "reason": reason})


def _reason(error: ClientError | BotoCoreError) -> str:
    return (
        error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    )
