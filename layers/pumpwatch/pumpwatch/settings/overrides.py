"""Settings of a deployed stack that win over the template's parameters.

`SETTINGS` is one variable with many of them, `settings.json` an object of the bucket: a function's
environment holds 4 KB. The object wins over `SETTINGS`, both over the variables of their own.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pumpwatch.errors import SettingsError

from .shared import Settings, load_settings

logger = logging.getLogger(__name__)

OBJECT = "settings.json"
OF_THE_DEPLOYMENT = frozenset(
    {
        "bucket_name",
        "bybit_base_url",
        "bybit_secret_arn",
        "in_vpc",
        "live_trading_confirmation",
        "pushgateway_secret_arn",
        "pushgateway_url",
        "scan_interval_seconds",
        "scan_queue_url",
        "settings",
        "settings_bucket",
        "stage",
        "table_name",
        "trading_mode",
    }
)
"""Settings that a deployment alone decides: where, for whom, and whether money is at stake."""


def settings_in_force(
    kind: type[Settings], environment: Mapping[str, str], stored: Mapping[str, str]
) -> Settings:
    """Return the settings with `SETTINGS` and what is stored in the object over the variables.

    A setting of the deployment is ignored there, with an error in the log. Raises `SettingsError`
    that says where a wrong name or value stands.
    """
    pairs = parse_pairs(environment.get("SETTINGS", ""))
    given: dict[str, str] = {}
    where: dict[str, str] = {}
    for source, values in (("SETTINGS", pairs), (OBJECT, stored)):
        for name in values.keys() & OF_THE_DEPLOYMENT:
            logger.error("a setting of the deployment is ignored", extra={source: name})
        taken = {name: values[name] for name in values if name not in OF_THE_DEPLOYMENT}
        for name in taken.keys() - kind.model_fields.keys():
            if name not in (known := names()):
                raise SettingsError(f"{source}: {unknown(name, known)}")
        given |= taken
        where |= dict.fromkeys(taken, source)
    variables = {name.upper(): value for name, value in given.items()}
    return load_settings(
        kind,
        {**environment, **variables},
        lambda name: f"{where[name]}: {name}" if name in where else name.upper(),
    )


def parse_pairs(text: str) -> dict[str, str]:
    """Return `NAME=VALUE NAME="A VALUE"` as a mapping. Raises `SettingsError`."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"SETTINGS cannot be read: {error}") from None
    pairs = [word.partition("=") for word in words]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise SettingsError(f"SETTINGS: {wrong[0]!r} is not NAME=VALUE; quote a value with spaces")
    return {name.lower(): value for name, _, value in pairs}


def names() -> frozenset[str]:
    """Return every setting's name. Each function loads the other's only when it needs this."""
    from .detect import DetectSettings  # noqa: PLC0415
    from .trade import TradeSettings  # noqa: PLC0415

    return frozenset(DetectSettings.model_fields | TradeSettings.model_fields)


def unknown(name: str, known: Iterable[str], has: str = "there is") -> str:
    """Return that there is no setting of this name, with the nearest that there is."""
    near = get_close_matches(name.lower(), list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else "see docs/configuration.md"
    return f"{has} no setting {name}; {hint}"
