"""Find code of one's own by its name, and call it as what it is: code that may do anything."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from pumpwatch.domain.texts import one_line
from pumpwatch.errors import OwnCodeFailed, SettingsError

logger = logging.getLogger(__name__)

MOST_LATE = 3
"""Answers that came too late after which the code is not asked again in this process."""
NOT_OWN = (str(Path(__file__).parent), "<frozen importlib", importlib.__path__[0])

Answer = TypeVar("Answer")


class LateAnswer(OwnCodeFailed):
    """Make the code quicker: it gave no answer in time."""


def entry_points_of(kind: str, built_in: Collection[str]) -> EntryPoints:
    """Return those of the group. Raises `SettingsError` where one has a built-in's name."""
    points = entry_points(group=f"pumpwatch.{kind}")
    if clash := points.names & {*built_in}:
        taken = f"the entry point {min(clash)} of pumpwatch.{kind} has a built-in's name"
        raise SettingsError(f"{taken}: rename it, or uninstall its package")
    return points


def load(
    kind: str,
    name: str,
    built_in: Collection[str],
    attributes: Collection[str],
    seconds: float | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return the object that `name` says, and its attributes, None for those it lacks.

    The name is `module:Class`, `module:object`, or an entry point's; `kind` is rules or strategies.
    Raises `SettingsError` with the reason in one line.
    """
    points = entry_points_of(kind, built_in)
    if name in points.names:
        point = points[name]
    elif ":" in name:
        point = EntryPoint(name, name, kind)
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.append(here)
        importlib.invalidate_caches()
    else:
        known = ", ".join([*built_in, *sorted(points.names)])
        refused = f"there is no {name!r} among the {kind} {known}, nor is it module:Class"
        raise SettingsError(refused)

    def made() -> tuple[Any, dict[str, Any]]:
        loaded = point.load()
        own = loaded() if isinstance(loaded, type) else loaded
        return own, {attribute: getattr(own, attribute, None) for attribute in attributes}

    try:
        return answer_of(f"loading {name}", made, seconds)
    except OwnCodeFailed as error:
        raise SettingsError(str(error)) from None


def number(
    name: str, declared: Mapping[str, Any], attribute: str, least: float, most: float
) -> float:
    """Return a number that code of one's own declares. Raises `SettingsError`."""
    value = declared[attribute]
    if type(value) in (int, float) and least <= value <= most:
        return float(value)
    needs = f"needs the attribute {attribute}, a number of {least} to {most:g}"
    raise SettingsError(f"{name} {needs}")


def answer_of(what: str, work: Callable[[], Answer], seconds: float | None = None) -> Answer:
    """Return the answer of a thread that works for so many seconds at most.

    The thread has decimal and NumPy contexts of its own, and cannot be ended. Raises
    `OwnCodeFailed` whatever the work raises.
    """
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            answer.set_exception(OwnCodeFailed(_text(what, error)))

    Thread(target=run, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        raise LateAnswer(f"{what} gave no answer within {seconds:g} s") from None


def _text(what: str, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f" ({at.filename}:{at.lineno})" for at in frames if not at.filename.startswith(NOT_OWN)]
    said = "".join(traceback.format_exception_only(error))
    return one_line(f"{what} failed: {said}", 300) + "".join(own[-1:])


class Guard:
    """Calls code of one's own for so many seconds at most, and logs its first failure."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what, self._seconds = what, seconds
        self._late, self._told = 0, False

    def call(self, work: Callable[[], Answer]) -> Answer:
        """Return the answer; one that is late is dropped. Raises `OwnCodeFailed`."""
        try:
            if self._late >= MOST_LATE:
                raise OwnCodeFailed(f"{self._what} was late {MOST_LATE} times: off until a restart")
            return answer_of(self._what, work, self._seconds)
        except OwnCodeFailed as error:
            self._late += isinstance(error, LateAnswer)
            if not self._told:
                logger.error(str(error))
            self._told = True
            raise
