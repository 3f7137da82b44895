"""The folder of a person: stores, locks and what the programs of one machine share."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the folder in `PUMPWATCH_HOME`, or `~/.pumpwatch`; whoever writes there makes it."""
    return Path(os.environ.get("PUMPWATCH_HOME") or Path.home() / ".pumpwatch")
