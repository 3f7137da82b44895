"""What this process has used of the machine."""

from __future__ import annotations

import sys

BYTES, KIBIBYTES = 1 / 2**20, 1 / 2**10


def memory_mib() -> float | None:
    """Return the most memory the process has held so far; None where the system does not say."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    unit = BYTES if sys.platform == "darwin" else KIBIBYTES
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, 1)
