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
    """Yield where each piece of CSV is from; JSON becomes CSV. Raises `BadInput` and `DAMAGED`."""
    most = path.stat().st_size * MOST_TIMES + MOST_BYTES
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.lower().endswith((".csv", ".json")):
                    with archive.open(member) as file:
                        for piece in _pieces(file, member, most):
                            yield f"{path}/{member}", piece
    else:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as plain:
            for piece in _pieces(cast(IO[bytes], plain), path.name, most):
                yield str(path), piece


def _pieces(file: IO[bytes], name: str, most: int) -> Iterator[bytes]:
    """Yield the lines of a file; of JSON each row `[1, 2],` as a line `1,2`."""
    is_json = name.lower().removesuffix(".gz").endswith(".json")
    rest = b""
    while piece := file.read(PIECE):
        most -= len(piece)
        if most < 0 or len(rest) > LONGEST_LINE:
            raise BadInput(
                f"{name}: unpacked it is far larger than any archive of candles is, or has no"
                " lines; unpack it yourself if you trust it"
            )
        if is_json:
            piece = piece.translate(None, b"[ \t\r\n")
        lines, end, rest = (rest + piece).rpartition(b"]," if is_json else b"\n")
        if lines:
            yield lines.replace(b"],", b"\n") + b"\n" if is_json else lines + end
    yield rest.replace(b"]", b"")
