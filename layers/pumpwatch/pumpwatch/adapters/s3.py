"""The candle history cache in S3. What cannot be read is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.archives import ArchiveStore
from pumpwatch.adapters.aws import client_config
from pumpwatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ABSENT = frozenset({"NoSuchKey", "404"})


def s3_client() -> S3Client:
    """Return a client with short time-outs; where to is boto3's own business (environment)."""
    return boto3.client("s3", config=client_config(read_timeout=5))


class S3HistoryStore(ArchiveStore):
    """Candle slices and detection state in a bucket (HistoryStore port)."""

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        super().__init__()
        self._bucket = bucket
        self._client = client or s3_client()

    def _write(self, key: str, body: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the bucket did not take {key}: {_reason(error)}") from None

    def _read(self, key: str) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            reason = _reason(error)
        if reason in ABSENT:
            return None
        raise StoreUnavailable(f"the bucket did not give {key}: {reason}")


def _reason(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
