"""The settings that both functions share, and the reading and refusing of settings.

The variable is the field's name in capitals. Every bound is written in its declaration; a value
outside it stops the cold start with the variable's name, its value and what is allowed. Secrets are
never settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic import model_validator as validate

from pumpwatch.errors import SettingsError
from pumpwatch.hosts import BYBIT_HOSTS

from .bounds import bounds_of

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
USER_OF_ADDRESS = re.compile(r"//[^/]*@")
NEVER_SHOWN = re.compile(r"SECRET_ARN$|_ENV$")
"""Variables that may hold a key by mistake."""


def _bybit_address(url: str) -> str:
    """https and one of Bybit's own hosts, or a loopback address"""
    scheme, netloc, host, port = _parts(url)
    if host in LOOPBACK and scheme in {"http", "https"}:
        return f"{scheme}://{netloc}"
    if scheme == "https" and port in {None, 443} and host in BYBIT_HOSTS:
        return f"{scheme}://{netloc}"
    raise ValueError("must be https and one of Bybit's own hosts, or a loopback address")


def _push_address(url: str) -> str:
    """empty, or an http(s) address without user and password"""
    if not url:
        return url
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user or password: they belong into the secret")
    if parts.scheme not in {"http", "https"} or not parts.hostname or UNPRINTABLE.search(url):
        raise ValueError("must be empty, or an http(s) address")
    return url.rstrip("/")


def _name(text: str) -> str:
    """a built-in's name, an entry point's, or module:Class"""
    if re.fullmatch(r"([A-Za-z_][\w.-]{0,99}(:[A-Za-z_]\w{0,99})?)?", text):
        return text
    raise ValueError("must be a name")


def _parts(url: str) -> tuple[str, str, str, int | None]:
    parts = urlsplit(url)
    if url.rstrip("/").lower() != f"{parts.scheme}://{parts.netloc}".lower() or "@" in url:
        raise ValueError("must be only scheme, host and port")
    return parts.scheme, parts.netloc, parts.hostname or "", parts.port


BybitAddress = Annotated[str, AfterValidator(_bybit_address)]
PushAddress = Annotated[str, AfterValidator(_push_address)]
SecretArn = Annotated[str, Field(pattern=r"^(arn:aws[a-z-]*:secretsmanager:.+)?$")]
OwnName = Annotated[str, AfterValidator(_name)]
REFUSED_REGIONS = re.compile(r"us-(east|west|gov|iso)|cn-")
"""Regions of AWS in the United States and mainland China, whose addresses Bybit refuses."""


class SharedSettings(BaseModel):
    """The settings that both functions share."""

    # Each function builds its own model only, when it reads it.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, defer_build=True)

    stage: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")] = "dev"
    """Names the installation; metrics are grouped by it."""
    table_name: Annotated[str, Field(min_length=3, max_length=255)]
    """The DynamoDB table of signals, journal, totals and halt flag."""
    bybit_base_url: BybitAddress = "https://api.bybit.com"
    """Which Bybit: accounts of some countries need their own host, and demo mode needs api-demo."""
    pushgateway_url: PushAddress = ""
    """Empty: metrics are not pushed."""
    in_vpc: bool = False
    """Whether the functions run in a VPC: only there may metrics be pushed without TLS."""
    pushgateway_secret_arn: SecretArn = ""
    """The secret with the Pushgateway's user, password and optional CA; empty: it asks for none."""
    push_timeout_seconds: Annotated[float, Field(gt=0, le=2)] = 2.0
    """Longest time that a push of metrics may take in all."""
    request_timeout_seconds: Annotated[float, Field(ge=1, le=10)] = 4.0
    """How long a request to the exchange waits for its answer; above 4.6 trade opens nothing."""
    parallel_requests: Annotated[int, Field(ge=1, le=16)] = 8
    """Requests to the exchange at a time; 1 sends them one after another."""
    max_tick_age_seconds: Annotated[int, Field(ge=5, le=600)] = 90
    """A tick older than this opens no position; exits still run."""
    settings: str = ""
    """Deployed: more settings, as `NAME=VALUE NAME=VALUE`; they win over their own variables."""
    settings_bucket: str = ""
    """Deployed: the bucket whose object `settings.json` wins over both; empty: there is none."""

    @validate(mode="after")
    def _metrics_are_pushed_over_tls(self) -> Self:
        parts = urlsplit(self.pushgateway_url)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK and not self.in_vpc:
            raise ValueError(
                f"PUSHGATEWAY_URL={self.pushgateway_url!r} is not allowed: outside a VPC metrics"
                " are pushed over https only (with Network own-vpc or existing-vpc, http is"
                " allowed too)"
            )
        return self


Settings = TypeVar("Settings", bound=BaseModel)


def load_settings(
    kind: type[Settings],
    environment: Mapping[str, str],
    shown: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """Read settings from environment variables.

    Raises `SettingsError` that names each wrong variable, its value and what is allowed; in Lambda
    also for a region that Bybit does not serve. `shown` has the names under which messages speak of
    settings that stand elsewhere.
    """
    region = environment.get("AWS_REGION", "")
    if "AWS_LAMBDA_FUNCTION_NAME" in environment and REFUSED_REGIONS.match(region):
        raise SettingsError(
            f"AWS_REGION={region!r} is not allowed: Bybit refuses requests from the United States"
            " and mainland China; deploy elsewhere, to eu-central-1 for example"
        )
    values = {
        name: environment[name.upper()] for name in kind.model_fields if name.upper() in environment
    }
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentences(kind, error, shown))) from None


def _sentences(
    kind: type[BaseModel], error: ValidationError, shown: Mapping[str, str]
) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False):
        reason = problem["msg"].removeprefix("Value error, ")
        name = str(problem["loc"][0]) if problem["loc"] else ""
        place = shown.get(name, name.upper())
        if not name:
            words = set(re.findall("[A-Z_]+", reason))
            named = [text for name, text in shown.items() if name.upper() in words]
            where = ", ".join(text for text in named if text not in words)
            sentences.append(f"{where}: {reason}" if where else reason)
        elif problem["type"] == "missing":
            sentences.append(f"{place} is not set: {_range(kind, name)}")
        else:
            value = _shown(name.upper(), problem["input"])
            allowed = _range(kind, name)
            says_more = problem["type"] == "value_error" and reason not in allowed
            why = f"{reason}: " if says_more else ""
            sentences.append(f"{place}={value} is not allowed: {why}{allowed}")
    return sentences


def _range(kind: type[BaseModel], name: str) -> str:
    return f"it must be {bounds_of(kind.model_fields[name])}"


def _shown(variable: str, value: object) -> str:
    """Return a value fit for an error message: without what may be a secret."""
    if NEVER_SHOWN.search(variable):
        return "(not shown)"
    return repr(USER_OF_ADDRESS.sub("//***@", str(value)))
