"""The candle history cache in S3. What cannot be read is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.archives import ArchiveStore
from pumpwatch.adapters.aws import client_config, error_code, read_object
from pumpwatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3HistoryStore(ArchiveStore):
    """Candle slices and detection state in a bucket (HistoryStore port)."""

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        super().__init__()
        self._bucket = bucket
        self._client = client or boto3.client("s3", config=client_config(read_timeout=5))

    def _write(self, key: str, body: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the bucket did not take {key}: {error_code(error)}") from None

    def _read(self, key: str) -> bytes | None:
        return read_object(self._client, self._bucket, key)
