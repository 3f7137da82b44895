"""The configuration that all our AWS clients share."""

from __future__ import annotations

from botocore.config import Config

from pumpwatch import __version__


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
