"""The key and the account of a desk in demo or live mode."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, MutableMapping
from contextlib import closing, contextmanager, nullcontext, suppress
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials, BadInput, PumpwatchError
from pumpwatch.ports import Secrets
from pumpwatch.settings.shared import LOOPBACK
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.configuration.load import DeskSettings
from pumpwatch_workbench.local.home import home
from pumpwatch_workbench.local.keys import key_source
from pumpwatch_workbench.local.store import exclusive_lock


class PatientSecrets(Secrets):
    """Opens the place of the key with the first question, and again until that is possible."""

    def __init__(self, settings: DeskSettings, environment: MutableMapping[str, str]) -> None:
        self._file = Path(settings.key_file) if settings.key_file else None
        self._keyring, self._environment = settings.keyring, environment
        self._source: Secrets | None = None

    def exchange_key(self) -> ExchangeKey:
        if self._source is None:
            try:
                self._source = key_source(
                    file=self._file, keyring=self._keyring, environment=self._environment
                )
            except BadInput as error:
                raise BadCredentials(str(error)) from None
        return self._source.exchange_key()

    def push_credentials(self) -> PushCredentials | None:
        return None

    def forget(self) -> None:
        if self._source is not None:
            self._source.forget()


@contextmanager
def traded_alone(settings: TradeSettings, secrets: Secrets) -> Iterator[None]:
    """Keep other processes on this machine from the account while the block runs.

    It is the one that is named, in demo mode that of the key; while none is known nothing is
    locked. Raises `BadInput` while another process trades it.
    """
    account = settings.live_trading_confirmation
    if settings.trading_mode == "demo":
        with suppress(PumpwatchError):
            account = secrets.exchange_key().api_key
    parts = urlsplit(settings.bybit_base_url)
    where = parts.netloc if parts.hostname in LOOPBACK else settings.trading_mode
    digest = blake2b(f"{where} {account}".encode(), digest_size=8).hexdigest()
    with locked(home() / f"account-{digest}.lock") if account else nullcontext():
        yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock an account's file. Raises `BadInput` while another process has it."""
    process = path.with_suffix(".pid")
    try:
        guard = exclusive_lock(path)
    except (sqlite3.Error, OSError) as error:
        raise BadInput(f"{path} cannot be locked ({error}): look at its folder") from None
    if guard is None:
        number = process.read_text() if process.exists() else "of another desk"
        raise BadInput(
            f"process {number} trades this account already: end it, or give another account's key"
        )
    with closing(guard):
        with suppress(OSError):  # a full disk: a refusal then names no process
            process.write_text(str(os.getpid()))
        yield
