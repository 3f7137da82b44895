"""Options of `pumpwatch paper`, checked before anything starts."""

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

STAGE = "paper"
SYMBOL = re.compile(r"[0-9A-Z]{1,30}USDT")
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOptions:
    """One start of paper trading. `webhook` is a secret: it is never shown."""

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
    resume: bool = False

    @property
    def period(self) -> int:
        """Return the milliseconds between two scans."""
        return self.detect.scan_interval_seconds * 1000

    @classmethod
    def checked(
        cls,
        environment: Mapping[str, str],
        *,
        store: Path,
        base_url: str,
        detector: str,
        strategy: str,
        metrics_port: int | None,
        symbols: tuple[str, ...] = (),
        duration: int | None = None,
        webhook: str = "",
        resume: bool = False,
    ) -> PaperOptions:
        """Return the options; everything not named here is a setting of the environment.

        Raises `SettingsError`, `BadInput`.
        """
        if metrics_port is not None and not 0 <= metrics_port <= MAX_PORT:
            raise BadInput(f"--metrics-port is {metrics_port}: give a number from 0 to {MAX_PORT}")
        # Whatever the environment says of a deployed stack: no AWS, no key, no push, no money.
        local = {
            **environment,
            "STAGE": STAGE,
            "TABLE_NAME": "none",
            "BUCKET_NAME": "none",
            "SCAN_QUEUE_URL": "",
            "PUSHGATEWAY_URL": "",
            "PUSHGATEWAY_SECRET_ARN": "",
            "TRADING_MODE": "paper",
            "LIVE_TRADING_CONFIRMATION": "",
            "BYBIT_SECRET_ARN": "",
            "BYBIT_BASE_URL": base_url,
            "DETECTOR": detector,
            "STRATEGY": strategy,
        }
        local.pop("AWS_LAMBDA_FUNCTION_NAME", None)
        trade = load_settings(TradeSettings, local)
        if not trade.leaves_time_to_enter:
            raise BadInput(trade.no_time_to_enter)
        return cls(
            store=store,
            detect=load_settings(DetectSettings, local),
            trade=trade,
            symbols=symbols,
            duration=duration,
            webhook=webhook,
            metrics_port=metrics_port,
            resume=resume,
        )


def default_store() -> Path:
    """Return where paper trading is kept unless a file is named."""
    return Path.home() / ".pumpwatch" / "paper.db"


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
