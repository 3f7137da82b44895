"""Settings of a deployed stack that win over the template's parameters.

`SETTINGS` is one variable with many of them, `settings.json` an object of the bucket, since a
function's environment holds 4 KB. The object wins over `SETTINGS`, both over other variables.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from pumpwatch.errors import SettingsError

from .shared import Settings, load_settings

logger = logging.getLogger(__name__)

OBJECT = "settings.json"
OF_THE_DEPLOYMENT = frozenset({
    "stage", "table_name", "bucket_name", "bybit_base_url", "pushgateway_url", "in_vpc",
    "pushgateway_secret_arn", "bybit_secret_arn", "scan_queue_url", "scan_interval_seconds",
    "trading_mode", "live_trading_confirmation", "settings", "settings_bucket",
})  # fmt: skip
"""Settings that a deployment alone decides: where, for whom, and whether money is at stake."""


def settings_in_force(
    kind: type[Settings], environment: Mapping[str, str], stored: Mapping[str, str]
) -> Settings:
    """Return the settings with `SETTINGS` and what is stored in the object over the variables.

    A setting of the deployment is ignored there, with an error in the log. Raises `SettingsError`
    that says where a wrong name or value stands.
    """
    values, where = dict(environment), {}
    try:
        variable = pairs_from(shlex.split(environment.get("SETTINGS", "")), "SETTINGS")
    except ValueError as error:
        raise SettingsError(f"SETTINGS cannot be read: {error}") from None
    for source, given in (("SETTINGS", variable), (OBJECT, stored)):
        for name, text in given.items():
            if name in OF_THE_DEPLOYMENT:
                logger.error("a setting of the deployment is ignored", extra={source: name})
            elif name in kind.model_fields:
                values[name.upper()], where[name] = text, f"{source}: {name}"
            elif name not in (known := names()):
                raise SettingsError(f"{source}: {unknown(name, known)}")
    return load_settings(kind, values, where)


def pairs_from(words: Iterable[str], source: str) -> dict[str, str]:
    """Return `NAME=VALUE` words of a source as a mapping. Raises `SettingsError`."""
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise SettingsError(
                f"{source} {word!r}: write it as NAME=VALUE, a value with spaces in quotes"
            )
        pairs[name.strip().lower().replace("-", "_")] = value.strip()
    return pairs


def names() -> frozenset[str]:
    """Return every setting's name. Each function loads the other's only when it needs this."""
    from .detect import DetectSettings  # noqa: PLC0415
    from .trade import TradeSettings  # noqa: PLC0415

    return frozenset(DetectSettings.model_fields | TradeSettings.model_fields)


def unknown(name: str, known: Collection[str], has: str = "there is") -> str:
    """Return that there is no setting of this name, with the nearest that there is."""
    near = get_close_matches(name.lower(), known, n=1)
    return f"{has} no setting {name}; " + (
        f"did you mean {near[0]}?" if near else "see docs/configuration.md"
    )
