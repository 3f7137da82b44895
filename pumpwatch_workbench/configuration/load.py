"""The configuration of a person: options over the environment over the file `pumpwatch.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource, TomlConfigSettingsSource

from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import OF_THE_DEPLOYMENT, unknown
from pumpwatch.settings.shared import load_settings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.configuration.toml_file import as_text, read_lines
from pumpwatch_workbench.local.home import home

FILE = "pumpwatch.toml"
OWN_OF_A_DESK = {"bybit_base_url", "live_trading_confirmation", "scan_interval_seconds", "stage"}
OF_A_STACK = OF_THE_DEPLOYMENT - OWN_OF_A_DESK
"""Settings that a desk decides by itself, or does not have."""
SECRET = re.compile(r"secret|token|passw|webhook|credential|api_?key|private", re.IGNORECASE)
SERVICE = re.compile(r"_(SERVICE_(HOST|PORT)|PORT)(_|$)")
"""Variables that Kubernetes sets for each service, and their values."""
ADDRESS = re.compile(r"(tcp|udp|sctp)://")
NEAR = 0.85
OPTIONS = {"bybit_base_url": "--base-url", "live_trading_confirmation": "--confirm"}
LIVE = {
    "live_trading_confirmation": "the account's UID: give --confirm UID",
    "strategy": "a strategy's name: give --strategy alert, fade or ride",
}
"""What live trading needs beside its mode."""
HOSTS = {"demo": "https://api-demo.bybit.com"}
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
    slack_webhook_env: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Name of the variable that holds Slack's webhook address."""


KINDS: tuple[type[BaseModel], ...] = (DeskSettings, DetectSettings, TradeSettings)
NEVER_EMPTY = DeskSettings.model_fields.keys() | {"bybit_base_url", "stage"}
"""An empty variable is as good as none."""
KNOWN = {name for kind in KINDS for name in kind.model_fields} - OF_A_STACK
_Texts = create_model(
    "_Texts", __base__=BaseSettings, **dict.fromkeys(sorted(KNOWN), (str | None, None))
)
Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Given:
    """A value as text, the name under which messages show it, and where it comes from."""

    text: str
    shown: str
    source: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force; `warnings` name variables that look like a misspelt setting."""

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

    Without an environment no file is looked for.

    Raises `SettingsError` and `BadInput` that say where something wrong stands.
    """
    file = _found(file, environment)
    given: dict[str, Given] = {}
    for name, text in (pairs or {}).items():
        if name not in KNOWN:
            raise BadInput(f"--set: {unknown(name, KNOWN)}")
        given[name] = Given(text, f"--set {name}", "option")
    for name, value in options.items():
        if value is not None:
            shown = OPTIONS.get(name, f"--{name.replace('_', '-')}")
            if value == "":
                raise BadInput(f"{shown} is empty: give a value, or leave it out")
            given.setdefault(name, Given(_option_text(value), shown, "option"))
    for name, text in _Variables(environment)().items():
        given.setdefault(name, Given(text, name.upper(), "environment"))
    for name, value in read_file(file).items() if file else ():
        given.setdefault(name, value)
    desk = _checked(DeskSettings, given, {})
    for name, needed in LIVE.items():
        if desk.mode == "live" and (name not in given or not given[name].text):
            raise BadInput(f"live trading needs {needed}")
    places = {"TABLE_NAME": "none", "BUCKET_NAME": "none", "TRADING_MODE": desk.mode}
    places["STAGE"] = desk.mode
    places |= {"BYBIT_BASE_URL": HOSTS[desk.mode]} if desk.mode in HOSTS else {}
    return Configuration(
        file,
        given,
        tuple(_misspelt(environment)),
        desk,
        _checked(DetectSettings, given, places),
        _checked(TradeSettings, given, places),
    )


def read_file(path: Path) -> dict[str, Given]:
    """Return the settings of a file. Raises `BadInput` that names everything wrong in it."""
    source = _File(_Texts, toml_file=path)
    problems, given = [], {}
    for name, value in source.toml_data.items():
        shown, text = f"{path} line {source.lines.get(name, 1)}: {name}", as_text(value)
        if name != "slack_webhook_env" and SECRET.search(name):
            problems.append(f"{shown} looks like a secret, which is never in this file")
        elif name in OF_A_STACK:
            use = "use mode" if name == "trading_mode" else "leave it out"
            problems.append(f"{shown} belongs to a deployed stack: {use}")
        elif name not in KNOWN:
            problems.append(f"{shown.rpartition(': ')[0]}: {unknown(name, KNOWN)}")
        elif text is None:
            problems.append(f"{shown} is no plain value: write a text, a number, true or false")
        else:
            given[name] = Given(text, shown, str(path))
    if problems:
        raise BadInput("; ".join(problems))
    return given


def _found(file: Path | None, environment: Mapping[str, str]) -> Path | None:
    named = file or Path(environment.get("PUMPWATCH_CONFIG", ""))
    if file is None and not environment:
        return None
    if named != Path():
        if not named.is_file():
            raise BadInput(f"there is no configuration {named}: pumpwatch config init {named}")
        return named
    return next(filter(Path.is_file, (Path(FILE), home() / FILE)), None)


class _Variables(EnvSettingsSource):
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        super().__init__(_Texts)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {
            name: text
            for name in KNOWN
            if (text := self._environment.get(name.upper())) is not None
            and not ADDRESS.match(text)
            and (text or name not in NEVER_EMPTY)
        }


class _File(TomlConfigSettingsSource):
    def _read_file(self, file_path: Any) -> dict[str, Any]:
        values, self.lines = read_lines(file_path)
        return values


def _checked(kind: type[Kind], given: Mapping[str, Given], places: Mapping[str, str]) -> Kind:
    names = given.keys() & kind.model_fields.keys()
    variables = {name.upper(): given[name].text for name in names}
    return load_settings(
        kind,
        {**places, **variables},
        lambda name: given[name].shown if name in given else name.upper(),
    )


def _misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    for variable in sorted(environment):
        name = variable.lower()
        near = [] if name in KNOWN | OF_A_STACK else get_close_matches(name, KNOWN, 1, NEAR)
        if near and variable.isupper() and not SERVICE.search(variable):
            yield f"the variable {variable} is no setting and has no effect: {near[0].upper()} is"


def _option_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
