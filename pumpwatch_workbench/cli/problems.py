"""Errors as a user sees them: one line on standard error, and an exit status.

Exit statuses: 0 good, 1 found a problem, 2 bad input, 70 internal error, 130 interrupted, 141
broken pipe.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import traceback
from collections.abc import Mapping, Sequence

from typer.exceptions import TyperException

from pumpwatch.errors import (
    BadInput,
    ExchangeUnavailable,
    PumpwatchError,
    SettingsError,
)

GOOD, PROBLEM, BAD_INPUT = 0, 1, 2
BUG = 70
"""The code of an internal software error in sysexits.h."""
INTERRUPTED, NO_READER = 130, 141
"""128 and the signal's number, as a shell reports a program that a signal has ended."""

DISK = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file may not grow that large: free some space or raise the limit",
    errno.EROFS: "the disk can only be read: name a file in a folder that you may write to",
    errno.EACCES: "permission denied: name another one, or change its permissions",
    errno.EPERM: "not permitted: name another one, or change its permissions",
    errno.ENOENT: "there is no such file or folder: check the name",
    errno.ENOTDIR: "a part of the path is no folder: check the name",
    errno.EISDIR: "it is a folder: name a file",
    errno.EEXIST: "it exists already: name another one",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ELOOP: "its symbolic links lead in a circle: name another one",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.EIO: "the disk does not read or write it: look at the disk",
}
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
"""Form in which Rust libraries report an error of the operating system."""

WORDS = (
    (re.compile(r"Input should be a valid integer.*"), "give a whole number"),
    (re.compile(r"Input should be a valid number.*"), "give a number"),
    (re.compile(r"Input should be (?:greater|less) than.*"), "{text}"),
    (re.compile(r"Value error, '(.*)' is not one of (.*)\."), "{0} is none of {1}"),
)
SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|WEBHOOK|CREDENTIAL|API_?KEY", re.IGNORECASE)
SECRET_ADDRESS = re.compile(r"https?://[^\s'\"]*(?:hooks\.slack\.com|/services/)[^\s'\"]*")
SHORTEST_SECRET = 8
LONGEST_TEXT = 200


def describe(error: BaseException, arguments: Sequence[str]) -> tuple[str, int]:
    """Return the line for an error, and the exit status. `arguments` are what was typed."""
    kind = type(error).__name__
    if isinstance(error, TyperException):
        line, status = _usage(error), error.exit_code
    elif isinstance(error, BadInput | SettingsError):
        line, status = str(error), BAD_INPUT
    elif isinstance(error, ExchangeUnavailable):
        line = f"Bybit did not answer ({error}): is there a network? Try again later"
        status = PROBLEM
    elif isinstance(error, PumpwatchError):
        line, status = str(error), PROBLEM
    elif isinstance(error, KeyboardInterrupt):
        line, status = "interrupted", INTERRUPTED
    elif sentence := _about_a_file(error):
        line, status = sentence, BAD_INPUT
    elif isinstance(error, MemoryError):
        line, status = "the machine has too little memory for this: ask for less", PROBLEM
    elif type(error).__module__.partition(".")[0] == "botocore":
        line = f"AWS cannot be used: {error}: look at network, region and credentials"
        status = PROBLEM
    else:
        again = shlex.join(
            ["pumpwatch", "--debug", *(argument for argument in arguments if argument != "--debug")]
        )
        text = " ".join(str(error).split())[:LONGEST_TEXT]
        line = f"this is a bug in Pumpwatch ({kind}: {text}). To see where: {again}"
        status = BUG
    return redacted(" ".join(line.split())), status


def traceback_of(error: BaseException) -> str:
    """Return the traceback for --debug. It shows code, no variables, and no secret."""
    return redacted("".join(traceback.format_exception(error)))


def redacted(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the text without what the environment holds in variables that are named as secrets."""
    for name, value in environment.items():
        if SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET:
            text = text.replace(value, "***")
    return SECRET_ADDRESS.sub("***", text)


def _usage(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    path = "pumpwatch" if context is None else context.command_path
    parameter = getattr(error, "param", None)
    text = " ".join(error.format_message().split())
    if parameter is not None and error.message:
        name = parameter.opts[0] if parameter.opts else str(parameter.name)
        shown = name if name.startswith("-") else str(parameter.metavar or name).upper()
        text = f"{shown}: {_plain(error.message)}"
    return f"{text.rstrip('.')}; see {path} --help"


def _plain(message: str) -> str:
    for form, words in WORDS:
        if match := form.fullmatch(message):
            return words.format(*match.groups(), text=match[0].replace("Input", "it"))
    return message


def _about_a_file(error: BaseException) -> str:
    """Return what is wrong with a file or a disk, nothing for an error about anything else."""
    number, where = getattr(error, "errno", None), getattr(error, "filename", None)
    rust = isinstance(error, OSError) or type(error).__module__.startswith("polars")
    if number is None and rust and (match := SYSTEM_ERROR.search(str(error))):
        number = int(match[1])
    if number not in DISK:
        return ""
    return f"{where}: {DISK[number]}" if isinstance(where, str) and where else DISK[number]
