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
NOT_OWN = (str(Path(__file__).parent), "<frozen importlib", importlib.__path__[0])

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
    if type(value) in (int, float) and least <= value <= most:
        return float(value)
    needs = f"needs the attribute {attribute}, a number of {least} to {most:g}"
    raise SettingsError(f"{type(made).__name__} {needs}")


def safely(what: str, work: Callable[[], Answer]) -> Answer:
    """Return the answer. Raises `OwnCodeFailed` whatever it raises."""
    try:
        return work()
    except BaseException as error:
        raise OwnCodeFailed(_text(f"{what} failed", error)) from None


def _text(what: str, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f" ({at.filename}:{at.lineno})" for at in frames if not at.filename.startswith(NOT_OWN)]
    text = " ".join(f"{what}: {type(error).__name__}: {error}".split())[:300]
    return text + "".join(own[-1:])


class Guard:
    """Calls code of one's own for so many seconds at most, and logs its first failure."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what, self._seconds = what, seconds
        self._late, self._told = 0, False

    def call(self, work: Callable[[], Answer]) -> Answer:
        """Return the answer. Raises `OwnCodeFailed`.

        A late answer is dropped; its thread cannot be ended, so there are few of them.
        """
        answer: Future[Answer] = Future()
        try:
            if self._late >= MOST_LATE:
                raise OwnCodeFailed(f"{self._what} was late {MOST_LATE} times: off until a restart")
            Thread(target=self._answer, args=(work, answer), daemon=True).start()
            return answer.result(self._seconds)
        except TimeoutError:
            self._late += 1
            failed = OwnCodeFailed(f"{self._what} gave no answer within {self._seconds:g} s")
        except OwnCodeFailed as error:
            failed = error
        if not self._told:
            logger.error(str(failed))
        self._told = True
        raise failed

    def _answer(self, work: Callable[[], Answer], answer: Future[Answer]) -> None:
        try:
            answer.set_result(safely(self._what, work))
        except OwnCodeFailed as error:
            answer.set_exception(error)
