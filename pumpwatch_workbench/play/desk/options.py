"""Options of `pumpwatch desk`, checked before anything starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import LOOPBACK, load_settings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.local.home import home

MODES = ("paper", "demo", "live")
HOSTS = {"demo": "https://api-demo.bybit.com"}
"""Where a mode trades unless it is told."""
MAIN_HOST = "https://api.bybit.com"
SYMBOL = re.compile(r"[0-9A-Z]{1,30}USDT")
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_PORT = 65_535
LOCAL = {
    "TABLE_NAME": "none",
    "BUCKET_NAME": "none",
    "SCAN_QUEUE_URL": "",
    "PUSHGATEWAY_URL": "",
    "PUSHGATEWAY_SECRET_ARN": "",
    "BYBIT_SECRET_ARN": "",
}
"""Whatever the environment says of a deployed stack: nothing of AWS, and no push."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOptions:
    """One start of the desk. `webhook` is a secret: it is never shown."""

    store: Path
    detect: DetectSettings
    trade: TradeSettings
    symbols: tuple[str, ...] = ()
    """Empty: the whole market."""
    duration: int | None = None
    """Milliseconds after which it ends by itself; None: until it is interrupted."""
    webhook: str = field(default="", repr=False)
    metrics_port: int | None = None
    """0 takes a free port."""
    metrics_address: str = "127.0.0.1"
    resume: bool = False
    key_file: Path | None = None
    keyring: bool = False

    @property
    def mode(self) -> str:
        """Return paper, demo or live."""
        return self.trade.trading_mode

    @property
    def period(self) -> int:
        """Return the milliseconds between two scans."""
        return self.detect.scan_interval_seconds * 1000


def desk_options(given: Mapping[str, object], environment: Mapping[str, str]) -> DeskOptions:
    """Return the options from those that were given; the others are settings of the environment.

    Names are those of settings, in lower case; None counts as not given. Raises `SettingsError`,
    `BadInput`.
    """
    values = {name.upper(): value for name, value in given.items() if value is not None}

    def option(name: str) -> object:
        return values.get(name, environment.get(name) or None)

    mode = str(option("MODE") or "paper")
    if mode not in MODES:
        raise BadInput(f"--mode is {mode}: give {', '.join(MODES[:-1])} or {MODES[-1]}")
    settings = {
        **environment,
        **{name: str(value) for name, value in values.items()},
        **LOCAL,
        "STAGE": environment.get("STAGE") or mode,
        "TRADING_MODE": mode,
        "BYBIT_BASE_URL": str(option("BYBIT_BASE_URL") or HOSTS.get(mode, MAIN_HOST)),
    }
    settings.pop("AWS_LAMBDA_FUNCTION_NAME", None)
    trade = _trade_settings(settings, mode)
    webhook, store, key_file = option("SLACK_WEBHOOK_ENV"), option("STORE"), option("KEY_FILE")
    duration = values.get("DURATION")
    return DeskOptions(
        store=Path(str(store)) if store else default_store(mode),
        detect=load_settings(DetectSettings, settings),
        trade=trade,
        symbols=parse_symbols(str(option("SYMBOLS"))) if option("SYMBOLS") is not None else (),
        duration=duration if isinstance(duration, int) else None,
        webhook=webhook_from(str(webhook)) if webhook else "",
        metrics_port=_port(option("METRICS_PORT")),
        metrics_address=str(option("METRICS_ADDRESS") or "127.0.0.1"),
        resume=bool(values.get("RESUME")),
        key_file=Path(str(key_file)) if key_file else None,
        keyring=str(option("KEYRING") or "").lower() in ("1", "true", "yes", "on"),
    )


def default_store(mode: str = "paper") -> Path:
    """Return where a mode is kept unless a file is named."""
    return home() / f"{mode}.db"


def _trade_settings(settings: Mapping[str, str], mode: str) -> TradeSettings:
    if mode == "live" and not settings.get("LIVE_TRADING_CONFIRMATION"):
        raise BadInput("live trading needs the account's UID: give --confirm UID")
    if mode == "live" and not settings.get("STRATEGY"):
        raise BadInput("live trading needs a strategy's name: give --strategy alert, fade or ride")
    trade = load_settings(TradeSettings, settings)
    if not trade.leaves_time_to_enter:
        raise BadInput(trade.no_time_to_enter)
    return trade


def _port(value: object) -> int | None:
    if value is None:
        return None
    text = str(value)
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise BadInput(f"--metrics-port is {text}: give a number from 0 to {MAX_PORT}")
    return int(text)


def parse_symbols(text: str) -> tuple[str, ...]:
    """Return the symbols of a list with commas, each once. Raises `BadInput`."""
    names = (name.strip().upper() for name in text.split(","))
    symbols = tuple(dict.fromkeys(filter(None, names)))
    if not symbols:
        raise BadInput("--symbols is empty: give USDT perpetuals, such as BTCUSDT,DOGEUSDT")
    wrong = [symbol for symbol in symbols if not SYMBOL.fullmatch(symbol)]
    if wrong:
        raise BadInput(
            f"--symbols names {', '.join(wrong[:5])}: give USDT perpetuals, such as"
            " BTCUSDT,DOGEUSDT"
        )
    return symbols


def webhook_from(name: str) -> str:
    """Return the address in an environment variable, without ever showing it.

    Raises `BadInput` for a variable that is not set or holds no address to post to.
    """
    if not ENVIRONMENT_NAME.fullmatch(name):
        # Not repeated: it may be the address itself.
        raise BadInput(
            "--slack-webhook-env is no variable's name: give the name of the environment variable"
            " that holds the address, for example SLACK_WEBHOOK"
        )
    value = os.environ.get(name, "").strip()
    if not value:
        raise BadInput(f"--slack-webhook-env names {name}, which is not set: export {name}=...")
    try:
        parts = urlsplit(value)
        local = parts.scheme == "http" and parts.hostname in LOOPBACK
        fits = (parts.scheme == "https" and bool(parts.hostname)) or local
    except ValueError:
        fits = False
    if not fits:
        raise BadInput(
            f"the variable {name} holds no https address: put Slack's incoming webhook there"
        )
    return value
