"""Find code of one's own by its name, and call it as what it is: code that may do anything."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from pumpwatch.errors import OwnCodeFailed, SettingsError

logger = logging.getLogger(__name__)

MOST_LATE = 3
"""Answers that came too late after which the code is not asked again in this process."""

Answer = TypeVar("Answer")


def load(kind: str, name: str, built_in: Collection[str]) -> Any:
    """Return an object of the class that `name` says: `module:Class`, or an entry point.

    `kind` is rules or strategies. Raises `SettingsError` with the reason in one line.
    """
    module, colon, attribute = name.partition(":")
    try:
        if colon:
            sys.path += {str(Path.cwd())} - {*sys.path}
            importlib.invalidate_caches()
            return getattr(importlib.import_module(module), attribute)()
        from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and seldom needed

        points = entry_points(group=f"pumpwatch.{kind}")
        if name in points.names and not points.names & {*built_in}:
            return points[name].load()()
    except (Exception, SystemExit) as error:
        raise SettingsError(_text(f"{name} cannot be loaded", error)) from None
    if clash := points.names & {*built_in}:
        raise SettingsError(f"entry point {min(clash)} of pumpwatch.{kind} has a built-in's name")
    there = ", ".join([*built_in, *sorted(points.names)])
    raise SettingsError(f"there is no {name!r} among the {kind} {there}, nor is it module:Class")


def number(made: object, attribute: str, least: float, most: float) -> float:
    """Return a number that code of one's own declares. Raises `SettingsError`."""
    value: Any = getattr(made, attribute, None)
    if type(value) not in (int, float) or not least <= value <= most:
        needs = f"needs the attribute {attribute}, a number of {least} to {most:g}"
        raise SettingsError(f"{type(made).__name__} {needs}")
    return float(value)


def safely(what: str, work: Callable[[], Answer]) -> Answer:
    """Return the answer. Raises `OwnCodeFailed` whatever it raises."""
    try:
        return work()
    except BaseException as error:
        raise OwnCodeFailed(_text(f"{what} failed", error)) from None


def _text(what: str, error: BaseException) -> str:
    places = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    ours = (str(Path(__file__).parent), "<frozen importlib", importlib.__path__[0])
    own = [place for place in places if not place[0].startswith(ours)]
    where = " ({}:{})".format(*own[-1]) if own else ""
    return " ".join(f"{what}: {type(error).__name__}: {error}".split())[:300] + where


class Guard:
    """Calls code of one's own for so many seconds at most, and logs its first failure."""

    def __init__(self, what: str, seconds: float) -> None:
        self.what, self._seconds = what, seconds
        self._late, self._told = 0, False

    def call(self, work: Callable[[], Answer]) -> Answer:
        """Return the answer. Raises `OwnCodeFailed`.

        A late answer is dropped; its thread cannot be ended, so there are few of them.
        """
        answer: Future[Answer] = Future()
        try:
            if self._late >= MOST_LATE:
                raise OwnCodeFailed(f"{self.what} was late {MOST_LATE} times: off until a restart")
            Thread(target=self._answer, args=(work, answer), daemon=True).start()
            return answer.result(self._seconds)
        except (TimeoutError, OwnCodeFailed) as error:
            self._late += isinstance(error, TimeoutError)
            late = f"{self.what} gave no answer within {self._seconds:g} s"
            failed = error if isinstance(error, OwnCodeFailed) else OwnCodeFailed(late)
        if not self._told:
            self._told = True
            logger.error(str(failed))
        raise failed

    def _answer(self, work: Callable[[], Answer], answer: Future[Answer]) -> None:
        try:
            answer.set_result(safely(self.what, work))
        except OwnCodeFailed as error:
            answer.set_exception(error)
