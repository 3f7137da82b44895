"""What a search found, as lines of `pumpwatch.toml`."""

from __future__ import annotations

from pathlib import Path

from pumpwatch_workbench.configuration.load import KNOWN, read_file
from pumpwatch_workbench.configuration.toml_file import merge_lines
from pumpwatch_workbench.pages.files import check_writable

from .walk_forward import Tuned


def check_file(path: Path) -> None:
    """Raise `BadInput` before the search for a file that its settings cannot go into."""
    if path.exists():
        read_file(path)
    check_writable("the settings", path)


def write_found(path: Path, tuned: Tuned, source: str) -> None:
    """Write strategy, rule, what was fixed and what was found; assumptions are no settings."""
    space, test, usual = tuned.space, tuned.final.test, tuned.final.default_test
    chosen = {"strategy": space.strategy, "detector": space.detector}
    settings = {**chosen, **space.fixed, **tuned.settings}
    made = f"{test.trades} trades, {test.profit:+.0f} USDT"
    comment = (
        f"tune: {tuned.trials} trials on {source}; in the hold-out {made}"
        f" (defaults: {usual.trades} trades, {usual.profit:+.0f} USDT)"
    )
    merge_lines(path, {name: settings[name] for name in settings if name in KNOWN}, comment)
