"""Files that appear whole or not at all: until a new one is complete, its predecessor stays."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from pumpwatch.errors import BadInput


def check_target(path: Path, *, make_folder: bool = False) -> Path:
    """Return the absolute path of a file that could be written there.

    Raises `OSError` for a folder, a device or a pipe of that name, and for a folder around it that
    is missing (unless `make_folder` makes it) or may not be written to.
    """
    target = path.absolute()
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder has that name", str(path))
    if target.exists() and not target.is_file():
        # Replacing it would take the device away from everybody else.
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    if make_folder:
        target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=target.parent):
        pass
    return target


def write_whole(path: Path, text: str) -> Path:
    """Write a text file and return its absolute path. Raises `OSError`; nothing is half-written."""
    target = path.absolute()
    if target.exists() and not target.is_file():
        check_target(path)
    # A link stays one: what it leads to is replaced.
    place = target.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


def check_writable(what: str, path: Path, *, make_folder: bool = False) -> None:
    """Raise `BadInput` where a file cannot be written, before the work whose result it holds."""
    try:
        check_target(path, make_folder=make_folder)
    except OSError as error:
        raise _unwritable(what, path, error) from error


def save(what: str, path: Path, text: str) -> Path:
    """Write a file and return its absolute path; a missing folder is made. Raises `BadInput`."""
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        return write_whole(path, text)
    except OSError as error:
        raise _unwritable(what, path, error) from error


def check_report_path(path: Path) -> None:
    """Raise `BadInput` where no report can be written, before the run whose report it is."""
    check_writable("the report", path, make_folder=True)


def write_page(page: str, path: Path) -> Path:
    """Write a page and return its absolute path; a missing folder is made. Raises `BadInput`."""
    return save("the report", path, page)


def _unwritable(what: str, path: Path, error: OSError) -> BadInput:
    reason = (error.strerror or type(error).__name__).lower()
    return BadInput(
        f"{what} cannot be written to {path.absolute()}: {reason};"
        " name a file in a folder that you may write to"
    )
