"""The exchange's key without AWS: of a file or folder, the system's keyring or the environment."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from stat import S_ISREG

from pumpwatch.adapters import key_text
from pumpwatch.adapters.key_text import EXPECTED_KEY, Parts
from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials, StoreUnavailable
from pumpwatch.ports import Secrets

logger = logging.getLogger(__name__)

NAMES = {
    "BYBIT_API_KEY": "api_key",
    "BYBIT_API_SECRET": "api_secret",
    "BYBIT_RSA_PRIVATE_KEY": "rsa_private_key",
}
"""The parts of a key, as variables, files and entries of a keyring are named."""
BOTH = "BYBIT_API_KEY and BYBIT_API_SECRET (or BYBIT_RSA_PRIVATE_KEY)"
IN_FILE = f"{EXPECTED_KEY}, or lines such as BYBIT_API_KEY=..."
LINE = re.compile(rf"(?m)^[ \t]*(?:export )?[ \t]*({'|'.join(NAMES)})[ \t]*=(.*)$")


def key_source(
    *, file: str | Path, keyring: bool, environment: MutableMapping[str, str]
) -> Secrets:
    """Return the place of the key: a file goes before the keyring, both before the environment.

    The key is taken out of the environment in any case, so that no process started by this one has
    it.
    """
    taken = {part: environment.pop(name, "") for name, part in NAMES.items()}
    parts = {part: text for part, text in taken.items() if text}
    if parts and (file or keyring):
        logger.warning("the key in the environment is not used: the one that was named is")
    if file:
        path = Path(file)
        todo = f"put the files {BOTH} into it" if path.is_dir() else IN_FILE
        return LocalKey(f"the key in {path}", todo, partial(_in_path, path))
    if keyring:
        todo = f"store {BOTH} with `keyring set pumpwatch NAME`"
        return LocalKey("the system's keyring", todo, _in_keyring, keep=True)
    if parts:
        return LocalKey("the environment", f"set {BOTH}", lambda: (parts, ""))
    todo = (
        "name a file or folder with --key-file, store it in the system's keyring and give"
        f" --keyring, or set {BOTH}"
    )
    return LocalKey("no key", todo, lambda: ({}, "was given"))


@dataclass(eq=False, repr=False)
class LocalKey(Secrets):
    """A key on this machine, read whenever it is asked for, or kept until `forget`.

    Once it was good, whatever is wrong with it is `StoreUnavailable`: a file may be half-written.
    """

    place: str
    todo: str
    read: Callable[[], tuple[Parts, str]]
    keep: bool = False
    good: bool = False
    kept: ExchangeKey | None = None

    def __repr__(self) -> str:
        return self.place

    def exchange_key(self) -> ExchangeKey:
        key, problem = (self.kept, "") if self.kept else key_text.exchange_key(*self.read())
        if key is None:
            text = f"{self.place} {problem}: {self.todo}"
            raise StoreUnavailable(text) if self.good else BadCredentials(text)
        self.good, self.kept = True, key if self.keep else None
        return key

    def push_credentials(self) -> PushCredentials | None:
        return None

    def forget(self) -> None:
        self.kept = None


def _in_path(path: Path) -> tuple[Parts, str]:
    try:
        if path.is_dir():
            return _in_folder(path), ""
        text = _text(path)
    except OSError as error:
        return {}, f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        return {}, "is not text"
    if not text.startswith(("{", "[")):
        lines = {NAMES[name]: part.strip(" \t\r'\"") for name, part in LINE.findall(text)}
        return {name: part.replace("\\n", "\n") for name, part in lines.items()}, ""
    parts, problem = key_text.json_object(text)
    return {NAMES.get(name, name): part for name, part in parts.items()}, problem


def _in_folder(path: Path) -> dict[str, object]:
    """Return the parts of a folder with a file for each.

    Kubernetes replaces all files of a mounted Secret at once, by the link `..data`.
    """
    root = (path / "..data").resolve() if (path / "..data").exists() else path
    files = [root / name for name in (*NAMES, *NAMES.values())]
    return {NAMES.get(file.name, file.name): _text(file) for file in files if file.exists()}


def _in_keyring() -> tuple[Parts, str]:
    try:
        from keyring import get_password  # noqa: PLC0415 - optional

        answers = {part: get_password("pumpwatch", name) for name, part in NAMES.items()}
    except ImportError:
        return {}, "needs a library that is not installed (pip install keyring)"
    except Exception as error:  # whatever the system's own keyring raises
        return {}, f"cannot be read ({type(error).__name__})"
    return {part: answer for part, answer in answers.items() if answer}, ""


def _text(path: Path) -> str:
    about = path.stat()
    if not S_ISREG(about.st_mode):
        raise OSError(0, "it is no plain file")
    if about.st_uid and about.st_mode & 0o077:  # what root has mounted is not a person's
        _warn_of(path)
    return path.read_text(encoding="utf-8-sig").strip()


@cache
def _warn_of(path: Path) -> None:
    logger.warning("%s can be read by others on this machine: chmod 600 %s", path, path)
