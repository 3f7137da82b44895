"""Find code of one's own by its name, and call it as what it is: code that may do anything."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Collection
from concurrent.futures import Future
from importlib import import_module, invalidate_caches
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from pumpwatch.errors import OwnCodeFailed, SettingsError

logger = logging.getLogger(__name__)

GROUPS = {"rule": "pumpwatch.rules", "strategy": "pumpwatch.strategies"}
MOST_LATE = 3
"""Answers that came too late after which the code is not asked again in this process."""

Answer = TypeVar("Answer")


def load(kind: str, name: str, built_in: Collection[str]) -> Any:
    """Return an object of the class that `name` says: `module:Class`, or an entry point.

    Raises `SettingsError` with the reason in one line.
    """
    module, colon, attribute = name.partition(":")
    try:
        if not colon:
            return _entry_point(kind, name, built_in).load()()
        if (folder := str(Path.cwd())) not in sys.path:
            sys.path.append(folder)
        invalidate_caches()
        return getattr(import_module(module), attribute)()
    except SettingsError:
        raise
    except (Exception, SystemExit) as error:
        raise SettingsError(_text(f"the {kind} {name} cannot be loaded", error)) from None


def _entry_point(kind: str, name: str, built_in: Collection[str]) -> Any:
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and seldom needed

    points = entry_points(group=GROUPS[kind])
    if clash := points.names & set(built_in):
        raise SettingsError(f"{GROUPS[kind]}: the entry point {min(clash)} has a built-in's name")
    if len(named := list(points.select(name=name))) == 1:
        return named[0]
    there = ", ".join([*built_in, *sorted(points.names)])
    many = f"there are {len(named)} of" if named else "there is no"
    raise SettingsError(f"{many} {kind} {name!r}: choose one of {there}, or module:Class")


def number(what: str, made: object, attribute: str, least: float, most: float) -> float:
    """Return a number that code of one's own declares. Raises `SettingsError`."""
    value = getattr(made, attribute, None)
    if type(value) not in (int, float) or not least <= value <= most:
        raise SettingsError(f"{what}: {attribute} must be a number of {least} to {most:g}")
    return value


def safely(what: str, work: Callable[[], Answer]) -> Answer:
    """Return the answer. Raises `OwnCodeFailed` whatever it raises."""
    try:
        return work()
    except OwnCodeFailed:
        raise
    except BaseException as error:
        raise OwnCodeFailed(_text(f"{what} failed", error)) from None


def _text(what: str, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if each.filename != __file__ and "importlib" not in each.filename]
    where = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return " ".join(f"{what}: {type(error).__name__}: {error}".split())[:300] + where


class Guard:
    """Calls code of one's own for so many seconds at most, and says the first failure in the log."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what, self._seconds = what, seconds
        self._late, self._told = 0, False

    def call(self, work: Callable[[], Answer]) -> Answer:
        """Return the answer. Raises `OwnCodeFailed`.

        An answer that is late is dropped; its thread cannot be ended, so there are few of them.
        """
        answer: Future[Answer] = Future()
        if self._late >= MOST_LATE:
            raise OwnCodeFailed(f"{self._what} was late {MOST_LATE} times: off until a restart")
        Thread(target=self._run, args=(work, answer), daemon=True).start()
        try:
            return answer.result(self._seconds)
        except TimeoutError:
            self._late += 1
            error = OwnCodeFailed(f"{self._what} gave no answer within {self._seconds:g} s")
        except OwnCodeFailed as failed:
            error = failed
        if not self._told:
            self._told = True
            logger.error(str(error))
        raise error

    def _run(self, work: Callable[[], Answer], answer: Future[Answer]) -> None:
        try:
            answer.set_result(safely(self._what, work))
        except OwnCodeFailed as error:
            answer.set_exception(error)
