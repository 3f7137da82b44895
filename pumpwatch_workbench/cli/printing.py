"""Output that several commands share."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console


def print_end(console: Console, gaps: str, **files: Path | None) -> None:
    """Print what is missing in the candles, and where files have been written."""
    if gaps:
        console.print(gaps, highlight=False)
    for name, path in files.items():
        if path is not None:
            console.print(f"{name.capitalize()}: {path}", soft_wrap=True, highlight=False)
