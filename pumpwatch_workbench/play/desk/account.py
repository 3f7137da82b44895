"""The key and the account of a desk in demo or live mode."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from pumpwatch.credentials import ExchangeKey, PushCredentials
from pumpwatch.errors import BadCredentials, BadInput, PumpwatchError
from pumpwatch.ports import Secrets
from pumpwatch.settings.shared import LOOPBACK
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.local.home import home
from pumpwatch_workbench.local.store import exclusive_lock


class PatientSecrets(Secrets):
    """Opens the place of the key with the first question, and again until that is possible."""

    def __init__(self, opened: Callable[[], Secrets]) -> None:
        self._opened = opened
        self._source: Secrets | None = None

    def exchange_key(self) -> ExchangeKey:
        if self._source is None:
            try:
                self._source = self._opened()
            except BadInput as error:
                raise BadCredentials(str(error)) from None
        return self._source.exchange_key()

    def push_credentials(self) -> PushCredentials | None:
        return None

    def forget(self) -> None:
        if self._source is not None:
            self._source.forget()


class AccountLock:
    """The right of one process on this machine to trade an account."""

    def __init__(self, path: Path) -> None:
        """Take it. Raises `BadInput` while another process has it."""
        self._process = path.with_suffix(".pid")
        try:
            self._guard = exclusive_lock(path)
        except (sqlite3.Error, OSError) as error:
            raise BadInput(f"{path} cannot be locked ({error}): look at its folder") from None
        if self._guard is None:
            raise BadInput(
                f"{self._holder()} trades this account already: end it, or give another account's"
                " key"
            )
        with suppress(OSError):  # a full disk: a refusal then names no process
            self._process.write_text(str(os.getpid()))

    def close(self) -> None:
        """Let another process trade the account."""
        if self._guard is not None:
            self._guard.close()

    def _holder(self) -> str:
        try:
            return f"process {int(self._process.read_text())}"
        except (OSError, ValueError):
            return "another process"


def account_lock(settings: TradeSettings, secrets: Secrets) -> AccountLock | None:
    """Lock the account that is named, in demo mode that of the key; None while none is known."""
    account = settings.live_trading_confirmation
    if settings.trading_mode == "demo":
        try:
            account = secrets.exchange_key().api_key
        except PumpwatchError:
            return None
    parts = urlsplit(settings.bybit_base_url)
    where = parts.netloc if parts.hostname in LOOPBACK else settings.trading_mode
    digest = blake2b(f"{where} {account}".encode(), digest_size=8).hexdigest()
    return AccountLock(home() / f"account-{digest}.lock")
