"""Find the files that were named, and unpack archives: never more than an honest one holds."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings.parquet import IMPORTABLE, is_importable, unreadable

MOST_TIMES, MOST_BYTES = 100, 50_000_000
"""An archive may hold so many times its size and so much more; candles shrink to a fifth."""
CHUNK = 1 << 20
DAMAGED = (
    zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files, those of a folder sorted, each once. Raises `BadInput`."""
    files: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        inside = [file for file in inside if is_importable(file) and file.is_file()]
        if not inside:
            raise BadInput(f"{path}: nothing to import there: give files {', '.join(IMPORTABLE)}")
        files |= {file.resolve(): file for file in inside}
    return list(files.values())


def unpack(path: Path, work: Path) -> Iterator[tuple[str, Path]]:
    """Yield where each table of a file is from, and a plain file of it. Raises `BadInput`."""
    most = path.stat().st_size * MOST_TIMES + MOST_BYTES
    kind = path.suffix.lower()
    try:
        if kind == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    if is_importable(Path(member)):
                        with archive.open(member) as file:
                            yield f"{path}:{member}", _copied(file, Path(member), work, most)
        elif kind in (".gz", ".json"):
            with gzip.open(path) if kind == ".gz" else path.open("rb") as file:
                name = path.with_suffix("") if kind == ".gz" else path
                yield str(path), _copied(cast(IO[bytes], file), name, work, most)
        else:
            yield str(path), path
    except DAMAGED as error:
        raise unreadable(path, error) from None


def _copied(file: IO[bytes], name: Path, work: Path, most: int) -> Path:
    """Copy a table into the folder for unfinished work, JSON as CSV."""
    is_json = name.suffix.lower() == ".json"
    target = work / f"unpacked{'.csv' if is_json else name.suffix.lower()}"
    chunks = iter(lambda: file.read(CHUNK), b"")
    with target.open("wb") as copy:
        for chunk in _lines_of_json(chunks, name) if is_json else chunks:
            if copy.tell() + len(chunk) > most:
                raise BadInput(
                    f"{name}: unpacked it is larger than {most:,} bytes, which no archive of"
                    " candles is; unpack it yourself if you trust it"
                )
            copy.write(chunk)
    return target


def _lines_of_json(chunks: Iterable[bytes], name: Path) -> Iterator[bytes]:
    """Yield the rows of `[[1, 2], [3, 4]]` as lines of CSV, without holding all of them."""
    rest = b""
    for place, chunk in enumerate(chunks):
        text = rest + chunk.translate(None, b" \t\r\n")
        if not place and not text.startswith(b"[["):
            raise BadInput(f"{name}: JSON must be a list of rows that are lists, [[time, open, ...")
        rows, comma, rest = text.rpartition(b"],")
        yield (rows + comma).translate(None, b"[").replace(b"],", b"\n")
    yield rest.translate(None, b"[]") + b"\n"
