"""What all our AWS clients share, and the reading of a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch import __version__
from pumpwatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ABSENT = frozenset({"NoSuchKey", "404"})


def client_config(*, read_timeout: float) -> Config:
    """Return a configuration with standard retries and a short, fixed name for us.

    botocore otherwise builds its own long name for each request again, which costs a tenth of
    the request's CPU time.
    """
    return Config(
        connect_timeout=1,
        read_timeout=read_timeout,
        tcp_keepalive=True,
        retries={"mode": "standard", "max_attempts": 3},
        user_agent=f"pumpwatch/{__version__}",
    )


def read_object(client: S3Client, bucket: str, key: str) -> bytes | None:
    """Return an object of a bucket, None if it is absent. Raises `StoreUnavailable`."""
    try:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        reason = error_code(error)
    if reason in ABSENT:
        return None
    raise StoreUnavailable(f"the bucket did not give {key}: {reason}")


def error_code(error: BaseException | None) -> str:
    """Return AWS's own code, or what kept the request from it."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__
