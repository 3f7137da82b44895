"""The files of a deployment that commands read: the template, the handlers, what was measured.

A wheel has copies of them in this folder; in a checkout they are in its root.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGED = Path(__file__).parent
IN_CHECKOUT = not (_PACKAGED / "template.yaml").is_file()
ROOT = _PACKAGED.parents[1] if IN_CHECKOUT else _PACKAGED
TEMPLATE = ROOT / "template.yaml"
"""The handlers are where its `CodeUri` says, beside it."""
MEASUREMENTS = ROOT / "benchmarks" / "results.json"
COSTS_PAGE = ROOT / "docs" / "costs.md"
"""Checkout only."""
