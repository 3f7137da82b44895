"""Find the files that were named, and read them a piece at a time, archives never without end."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings.parquet import IMPORTABLE, is_importable

MOST_TIMES, MOST_BYTES = 100, 50_000_000
"""An archive may hold so many times its size and so much more; candles shrink to a fifth."""
PIECE = 16 << 20
LONGEST_LINE = 1 << 20
DAMAGED = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What reading raises for an archive that is damaged, encrypted or packed in another way."""


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files, those of a folder sorted, each once. Raises `BadInput`."""
    files: dict[Path, Path] = {}
    for path in paths:
        inside = filter(is_importable, path.rglob("*") if path.is_dir() else [path])
        if not (known := sorted(inside)):
            raise BadInput(f"{path}: nothing to import there: give files {', '.join(IMPORTABLE)}")
        files |= {file.resolve(): file for file in known}
    return list(files.values())


def pieces_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield where some lines of CSV are from, and the lines. Raises `BadInput` and `DAMAGED`.

    Of JSON each row `[1, 2],` is a line `1,2`.
    """
    left = path.stat().st_size * MOST_TIMES + MOST_BYTES
    for where, file in _unpacked(path):
        is_json = where.lower().removesuffix(".gz").endswith(".json")
        rest = b""
        while piece := file.read(PIECE):
            left -= len(piece)
            if left < 0 or len(rest) > LONGEST_LINE:
                raise BadInput(
                    f"{where}: unpacked it is far larger than any archive of candles is, or has no"
                    " lines; unpack it yourself if you trust it"
                )
            if is_json:
                piece = piece.translate(None, b"[ \t\r\n")
            lines, end, rest = (rest + piece).rpartition(b"]," if is_json else b"\n")
            if lines:
                yield where, lines.replace(b"],", b"\n") + b"\n" if is_json else lines + end
        yield where, rest.replace(b"]", b"")


def _unpacked(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.lower().endswith((".csv", ".json")):
                    with archive.open(member) as file:
                        yield f"{path}/{member}", file
    else:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as plain:
            yield str(path), cast(IO[bytes], plain)
