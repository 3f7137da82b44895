"""The account of a desk in demo or live mode."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch.ports import Secrets
from pumpwatch.settings.shared import LOOPBACK
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.local.home import home
from pumpwatch_workbench.local.store import exclusive_lock


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
