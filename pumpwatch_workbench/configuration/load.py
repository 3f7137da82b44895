"""The configuration of a person: options over the environment over the file `pumpwatch.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource

from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.trading.strategies import EVIDENCE
from pumpwatch.errors import BadInput
from pumpwatch.own.loading import entry_points_of
from pumpwatch.own.rules import detector_named
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import OF_THE_DEPLOYMENT, unknown
from pumpwatch.settings.shared import load_settings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.entries import strategy_from
from pumpwatch_workbench.configuration.toml_file import as_text, read_lines
from pumpwatch_workbench.local.home import home

FILE = "pumpwatch.toml"
OF_A_STACK = OF_THE_DEPLOYMENT - {
    "bybit_base_url", "live_trading_confirmation", "scan_interval_seconds", "stage"
}  # fmt: skip
"""Settings that a desk does not have, or decides by its mode."""
SECRET = re.compile(r"secret|token|passw|webhook|credential|api_?key|private", re.IGNORECASE)
OF_A_CLUSTER = re.compile(r"_(SERVICE_(HOST|PORT)|PORT)(_|$)")
"""Variables that Kubernetes sets for each service; the address in one is no value of ours."""
ADDRESS = re.compile(r"(tcp|udp|sctp)://")
NEAR = 0.85
OPTIONS = {
    "bybit_base_url": "--base-url",
    "live_trading_confirmation": "--confirm",
    "detector": "--rule",
    "web_port": "--web",
}
LIVE = {
    "live_trading_confirmation": "the account's UID: give --confirm UID",
    "strategy": "a strategy's name: give --strategy alert, fade, ride or your own",
}
HOSTS = {"demo": {"BYBIT_BASE_URL": "https://api-demo.bybit.com"}}
"""Where a mode trades unless it is told."""


class DeskSettings(BaseModel):
    """Options of a desk that are no setting of the functions."""

    model_config = ConfigDict(frozen=True)

    mode: Literal["paper", "demo", "live"] = "paper"
    """Paper: simulated orders. Demo: a demo account. Live: real money."""
    store: str = ""
    """File for everything; empty: named after the mode, in the folder of a person."""
    duration: str = ""
    """How long it runs, such as `30m` or `7d`; empty: until it is interrupted."""
    key_file: str = ""
    """File or folder of the exchange's key; the key itself is never in the configuration."""
    keyring: bool = False
    """Whether the exchange's key is in the system's keyring."""
    metrics_port: Annotated[int, Field(ge=-1, le=65_535)] = -1
    """Port of the metrics for Prometheus; 0: a free one, -1: none."""
    metrics_address: str = "127.0.0.1"
    """Address on which metrics are served."""
    web_port: Annotated[int, Field(ge=-1, le=65_535)] = -1
    """Port of the live page; 0: a free one, -1: none."""
    web_address: str = "127.0.0.1"
    """Address on which the page is served; another than this machine's own needs a token."""
    web_token_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Name of the variable that holds the page's token; empty: one of this machine is made."""
    notify_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Name of the variable with the addresses of Slack and other messengers."""


KINDS: dict[str, type[BaseModel]] = {
    "desk": DeskSettings,
    "detect": DetectSettings,
    "trade": TradeSettings,
}
KNOWN = {name for kind in KINDS.values() for name in kind.model_fields} - OF_A_STACK
NEVER_EMPTY = DeskSettings.model_fields.keys() | {"bybit_base_url", "stage"}
"""An empty variable is as good as none."""
_fields: dict[str, Any] = dict.fromkeys(sorted(KNOWN), (str | None, None))
Texts = create_model("Texts", __base__=BaseSettings, **_fields)


@dataclass(frozen=True, slots=True)
class Given:
    """A value as text, and the name under which messages show it: where it stands."""

    text: str
    shown: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings in force; `warnings` name variables that look like a misspelt setting."""

    file: Path | None
    given: Mapping[str, Given]
    warnings: tuple[str, ...]
    desk: DeskSettings
    detect: DetectSettings
    trade: TradeSettings


def load(
    options: Mapping[str, object],
    *,
    pairs: Mapping[str, str] | None = None,
    file: Path | None = None,
    environment: Mapping[str, str],
) -> Configuration:
    """Return the configuration; `options` that are None were not given, `pairs` are of `--set`.

    Without an environment no file is looked for. Raises `SettingsError` and `BadInput` that say
    where something wrong stands.
    """
    file = _found(file, environment)
    given = {name: Given(text, f"--set {name}") for name, text in (pairs or {}).items()}
    if wrong := given.keys() - KNOWN:
        raise BadInput(f"--set: {unknown(min(wrong), KNOWN)}")
    for name, value in options.items():
        shown = OPTIONS.get(name, f"--{name.replace('_', '-')}")
        if value == "":
            raise BadInput(f"{shown} is empty: give a value, or leave it out")
        if value is not None:
            given.setdefault(name, Given(str(value), shown))
    source = EnvSettingsSource(Texts)
    source.env_vars = {name.lower(): text for name, text in environment.items() if name.isupper()}
    for name, text in source().items():
        if not ADDRESS.match(text) and (text or name not in NEVER_EMPTY):
            given.setdefault(name, Given(text, name.upper()))
    given = {**(read_file(file) if file else {}), **given}
    variables = {name.upper(): value.text for name, value in given.items()}
    places = {name: value.shown for name, value in given.items()}
    desk = load_settings(DeskSettings, variables, places)
    if desk.mode == "live":
        for name, needed in LIVE.items():
            if name not in given:
                raise BadInput(f"live trading needs {needed}")
    usual = {"TABLE_NAME": "none", "BUCKET_NAME": "none", "STAGE": desk.mode}
    usual |= {"TRADING_MODE": desk.mode, **HOSTS.get(desk.mode, {})}
    detect = load_settings(DetectSettings, usual | variables, places)
    trade = load_settings(TradeSettings, usual | variables, places)
    refuse_taken_names()
    detector_named(detect.detector, detect)
    strategy_from(trade)
    return Configuration(file, given, tuple(_misspelt(environment)), desk, detect, trade)


@cache
def refuse_taken_names() -> None:
    """Raise `SettingsError` where an entry point has the name of a built-in rule or strategy."""
    entry_points_of("rules", DETECTORS)
    entry_points_of("strategies", EVIDENCE)


def read_file(path: Path) -> dict[str, Given]:
    """Return the settings of a file. Raises `BadInput` that names everything wrong in it."""
    problems, given = [], {}
    values, lines = read_lines(path)
    for name, value in values.items():
        line, text = f"{path} line {lines.get(name, 1)}: ", as_text(value)
        if name != "web_token_env" and SECRET.search(name):
            problems.append(f"{line}{name} looks like a secret, which is never in this file")
        elif name in OF_A_STACK:
            use = "use mode" if name == "trading_mode" else "leave it out"
            problems.append(f"{line}{name} belongs to a deployed stack: {use}")
        elif name not in KNOWN:
            problems.append(line + unknown(name, KNOWN))
        elif text is None:
            problems.append(f"{line}{name} is no plain value: write a text or a number")
        else:
            given[name] = Given(text, line + name)
    if problems:
        raise BadInput("; ".join(problems))
    return given


def _found(file: Path | None, environment: Mapping[str, str]) -> Path | None:
    if file is None and not environment:
        return None
    named = file or Path(environment.get("PUMPWATCH_CONFIG", ""))
    if named == Path():
        return next(filter(Path.is_file, (Path(FILE), home() / FILE)), None)
    if not named.is_file():
        raise BadInput(f"there is no configuration {named}: pumpwatch config init {named}")
    return named


def _misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    for variable in sorted(environment):
        name = variable.lower()
        near = [] if name in KNOWN | OF_A_STACK else get_close_matches(name, KNOWN, 1, NEAR)
        if near and variable.isupper() and not OF_A_CLUSTER.search(variable):
            yield f"the variable {variable} is no setting and has no effect: {near[0].upper()} is"
