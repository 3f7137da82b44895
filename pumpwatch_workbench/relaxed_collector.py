"""Garbage collection for programs that load a lot once and then allocate little that is cyclic."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 50


def relax_collector() -> None:
    """Leave what is loaded so far alone for good, and collect the rest less often.

    Measured on `pumpwatch run`: a twelfth of its CPU time otherwise goes into looking at the same
    classes of boto3, moto and plotly again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
