"""What every AWS client of ours shares."""

from __future__ import annotations

from typing import Any

from botocore.config import Config

from pumpwatch import __version__

__all__ = ["client_config"]


def client_config(**options: Any) -> Config:
    """Return a configuration with standard retries and a short, fixed name for us.

    botocore otherwise puts its own long name together anew for each request, which costs a tenth of
    the request's CPU time.
    """
    return Config(
        connect_timeout=1,
        retries={"mode": "standard", "max_attempts": 3},
        user_agent=f"pumpwatch/{__version__}",
        **options,
    )
