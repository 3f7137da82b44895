"""Keep freed memory for the next array instead of giving it back to the system each time.

Detection makes arrays of a few hundred kilobytes, one after the other. With its usual thresholds
glibc returns each of them to the system when it is freed, and the next one is paged in anew: that
takes as long as the arithmetic. With other C libraries nothing is changed.
"""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of mallopt(3)."""
KEPT = 1 << 28
LARGEST = 1 << 25
"""Bytes; larger arrays are still given back. glibc accepts no larger threshold."""


def keep_freed_memory() -> None:
    """Let this process keep up to 256 MB of freed memory; call it once, before the arrays."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, KEPT)
        mallopt(MMAP_THRESHOLD, LARGEST)
