"""The exchange's key without AWS: of a file or folder, the system's keyring or the environment."""

from __future__ import annotations

import errno
import logging
from abc import abstractmethod
from collections.abc import Mapping, MutableMapping
from os import stat_result
from pathlib import Path
from stat import S_ISREG

from pumpwatch.adapters import key_text
from pumpwatch.adapters.key_text import EXPECTED_KEY
from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials, BadInput, StoreUnavailable
from pumpwatch.ports import Secrets

logger = logging.getLogger(__name__)

NAMES = {
    "BYBIT_API_KEY": "api_key",
    "BYBIT_API_SECRET": "api_secret",
    "BYBIT_RSA_PRIVATE_KEY": "rsa_private_key",
}
"""The parts of a key, as variables, files and entries of a keyring are named."""
BOTH = "BYBIT_API_KEY and BYBIT_API_SECRET (or BYBIT_RSA_PRIVATE_KEY)"
SERVICE = "pumpwatch"
CURRENT = "..data"
"""The link to a mounted Secret's files, by which Kubernetes replaces all of them at once."""
FOR_OTHERS = 0o077
"""Rights of a file for anybody but its owner."""

Parts = Mapping[str, object]


def key_source(
    *, file: Path | None, keyring: bool, environment: MutableMapping[str, str]
) -> Secrets:
    """Return the place of the key, which was read once. Raises `BadInput`, `BadCredentials`.

    A file or keyring that is named goes before the environment. The key is taken out of the
    environment in any case, so that no process started by this one has it.
    """
    variables = VariablesKey(environment)
    if file is not None and keyring:
        raise BadInput("--key-file and --keyring both name a key: give one of them")
    if file is None and not keyring and not variables:
        raise BadInput(
            "no key was given: name a file or folder with --key-file, store it in the system's"
            f" keyring and give --keyring, or set {BOTH}"
        )
    source: LocalKey = variables
    if file is not None or keyring:
        source = FileKey(file) if file is not None else KeyringKey()
        if variables:
            logger.warning("the key in the environment is not used: %s goes before it", source)
    source.exchange_key()
    return source


class LocalKey(Secrets):
    """A key on this machine, read whenever it is asked for.

    Once it was good, whatever is wrong with it is `StoreUnavailable`: a file may be half-written.
    """

    _good = False

    def exchange_key(self) -> ExchangeKey:
        key, problem = self._key()
        if key is None:
            text = f"{self} {problem}: {self._todo()}"
            raise StoreUnavailable(text) if self._good else BadCredentials(text)
        self._good = True
        return key

    def push_credentials(self) -> PushCredentials | None:
        return None

    def forget(self) -> None:
        """Do nothing: nothing is cached."""

    def _key(self) -> tuple[ExchangeKey | None, str]:
        parts, problem = self._parts()
        return (None, problem) if problem else key_text.exchange_key(parts)

    @abstractmethod
    def _parts(self) -> tuple[Parts, str]:
        """Return the key's parts, or what is wrong; an error raised there could show the key."""

    @abstractmethod
    def _todo(self) -> str:
        """Return what to do about a key that is absent or wrong."""


class VariablesKey(LocalKey):
    """The key of environment variables, which it takes away. False when there are none."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._taken = {part: environment.pop(name, "") for name, part in NAMES.items()}

    def __repr__(self) -> str:
        return "the environment"

    def __bool__(self) -> bool:
        return any(self._taken.values())

    def _parts(self) -> tuple[Parts, str]:
        return {name: part for name, part in self._taken.items() if part}, ""

    def _todo(self) -> str:
        return f"set {BOTH}"


class FileKey(LocalKey):
    """The key in a file (JSON as in Secrets Manager, or lines BYBIT_API_KEY=...) or in a folder.

    The folder holds a file for each part: a mounted Secret.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warned = False

    def __repr__(self) -> str:
        return f"the key in {self._path}"

    def _todo(self) -> str:
        if self._path.is_dir():
            return f"put the files {BOTH} into it"
        return f"{EXPECTED_KEY}, or the lines BYBIT_API_KEY=... and BYBIT_API_SECRET=..."

    def _parts(self) -> tuple[Parts, str]:
        try:
            return self._folder() if self._path.is_dir() else self._file()
        except OSError as error:
            return {}, f"cannot be read ({error.strerror})"
        except UnicodeDecodeError:
            return {}, "is not text"

    def _folder(self) -> tuple[Parts, str]:
        current = self._path / CURRENT
        root = current.resolve() if current.exists() else self._path
        parts = {}
        for name in (*NAMES, *NAMES.values()):
            if (root / name).exists():
                parts[NAMES.get(name, name)] = self._text(root / name)
        return parts, ""

    def _file(self) -> tuple[Parts, str]:
        text = self._text(self._path)
        if not text.startswith(("{", "[")):
            return _lines(text), ""
        parts, problem = key_text.json_object(text)
        return {NAMES.get(name, name): part for name, part in parts.items()}, problem

    def _text(self, path: Path) -> str:
        about = path.stat()
        if not S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        if open_to_others(about) and not self._warned:
            self._warned = True
            logger.warning("%s can be read by others on this machine: chmod 600 %s", path, path)
        return path.read_text(encoding="utf-8-sig").strip()


class KeyringKey(LocalKey):
    """The key in the system's keyring, which may ask for a password: cached until `forget`."""

    def __init__(self) -> None:
        try:
            import keyring  # noqa: PLC0415 - optional
        except ImportError:
            raise BadInput(
                "--keyring needs a library that is not installed: pip install keyring"
            ) from None
        self._ask = keyring.get_password
        self._cached: Parts = {}

    def __repr__(self) -> str:
        return "the system's keyring"

    def forget(self) -> None:
        self._cached = {}

    def _parts(self) -> tuple[Parts, str]:
        if not self._cached:
            try:
                answers = {part: self._ask(SERVICE, name) for name, part in NAMES.items()}
            except Exception as error:  # whatever the system's own keyring raises
                return {}, f"cannot be read ({type(error).__name__})"
            self._cached = {name: answer for name, answer in answers.items() if answer}
        return self._cached, ""

    def _todo(self) -> str:
        return f"store {BOTH} with `keyring set {SERVICE} NAME`"


def open_to_others(about: stat_result) -> bool:
    """Return whether others may use a person's file; what root has mounted is not a person's."""
    return about.st_uid != 0 and about.st_mode & FOR_OTHERS != 0


def _lines(text: str) -> Parts:
    parts: dict[str, object] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        part = NAMES.get(name.strip().removeprefix("export ").strip())
        if part is not None:
            parts[part] = value.strip().strip("'\"").replace("\\n", "\n")
    return parts
