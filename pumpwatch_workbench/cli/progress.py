"""Progress of a long command: a bar on a terminal, now and then a line elsewhere.

Both go to standard error, so that standard output has results alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")
SILENCE = 15.0
"""Seconds after which a line is printed where there is no bar."""


def errors() -> Console:
    """Return the console of standard error."""
    return Console(stderr=True, highlight=False, markup=False)


class Steps:
    """Shows how many of some steps are done; `total` may be known only later."""

    def __init__(
        self,
        what: str,
        total: int | None,
        progress: Progress,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._total = total
        self._progress = progress
        self._task = progress.add_task(what, total=total, note="")
        self._monotonic = monotonic
        self._said = monotonic()
        self._done = 0

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Set how many are done, of how many; `note` says something about them."""
        self._done = done
        self._total = total if total is not None else self._total
        self._progress.update(self._task, completed=done, total=self._total, note=note)
        if not self._progress.disable:
            return
        now = self._monotonic()
        if now - self._said >= SILENCE:
            self._said = now
            self._progress.console.print(self._line(note), soft_wrap=True)

    def advance(self, note: str = "") -> None:
        """Count a further step as done."""
        self.update(self._done + 1, note=note)

    def _line(self, note: str) -> str:
        of_all = f" of {self._total:,}" if self._total is not None else ""
        return f"{self._what}: {self._done:,}{of_all}{f', {note}' if note else ''}"


def bars(*, transient: bool = True) -> Progress:
    """Return bars on standard error, with a `note` beside each; none unless it is a terminal."""
    return _progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        transient=transient,
    )


@contextmanager
def stepping(what: str, total: int | None = None) -> Iterator[Steps]:
    """Show steps while the block runs; the bar is gone when it ends, also by Ctrl-C."""
    with bars() as progress:
        yield Steps(what, total, progress)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and show how many were worked through."""
    with stepping(what, total) as steps:
        for item in items:
            yield item
            steps.advance()


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show on a terminal that the block is at work."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with _progress(*columns, transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def awaited(items: Iterable[Item], what: str) -> Iterator[Item]:
    """Yield the items and show that the command is at work while it waits for each."""
    source = iter(items)
    while True:
        with busy(what):
            try:
                item = next(source)
            except StopIteration:
                return
        yield item


def _progress(*columns: ProgressColumn, transient: bool) -> Progress:
    console = errors()
    return Progress(
        *columns,
        console=console,
        transient=transient,
        redirect_stdout=False,
        disable=not console.is_terminal,
    )
