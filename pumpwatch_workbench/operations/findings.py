"""Results of checks, and advice about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `advice` says what to do; empty where nothing is."""

    name: str
    level: Level
    detail: str = ""
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as plain JSON."""
        return asdict(self)


ADVICE: Mapping[str, str] = {
    "ExchangeForbidden": (
        "Bybit answered 403. It means one of three: this address sent too many requests and is"
        " banned for ten minutes (on Lambda's shared addresses it may have been a neighbour), the"
        " region's addresses are refused, or a request was malformed. Wait ten minutes and probe"
        " again; if it stays, deploy with Network=own-vpc for an address of your own, or to"
        " another region."
    ),
    "ExchangeUnavailable": "Bybit did not answer in time. Look at its status page and probe again.",
    "BadCredentials": (
        "Put the key into the secret of the output ExchangeKeyArn, as docs/operations.md says, and"
        " check its rights, its bound addresses and its age at Bybit."
    ),
    "KeyRefused": (
        "Bybit does not know the key: is it one of this host (BybitBaseUrl), and not expired?"
    ),
    "StoreUnavailable": (
        "Look whether table and bucket of the stack's outputs exist in this region; a stack that"
        " was changed by hand is put right by deploying again."
    ),
    "SettingsError": "Deploy again with the named parameter put right.",
    "CheckFailed": "Put right what the sentence names, and probe again.",
    "Sandbox.Timedout": "The function did not end in time: look into its log group.",
}


DESK_ADVICE = dict.fromkeys(ADVICE, "Put right what the sentence names, and check again.") | {
    "ExchangeForbidden": (
        "Bybit refuses this address. All programs on it together sent too many requests: end some"
        " and wait for ten minutes; or it is in a country that Bybit does not serve."
    ),
    "ExchangeUnavailable": "Bybit did not answer in time. Look at the network and its status page.",
    "BadCredentials": "Give the desk's own --key-file or --keyring, or the key's variables.",
    "KeyRefused": "Bybit does not know the key: is it one of this host, and not expired?",
}
NEW_KEY = "Make a new key at Bybit, bound to an address, and put it in the place of this one."


def findings_of(
    name: str, facts: Mapping[str, Any], advice: Mapping[str, str] = ADVICE
) -> Iterator[Finding]:
    """Yield what a check answered, as `probe.run_checks` returns it."""
    if not facts["ok"]:
        todo = advice_for(str(facts.get("error", "")), advice)
        yield Finding(name, Level.FAIL, str(facts.get("detail", "")), todo)
        return
    for warning in facts.get("warnings", []):
        yield Finding(name, Level.WARN, str(warning), NEW_KEY if name.endswith("key") else "")
    shown = {key: value for key, value in facts.items() if key not in {"ok", "warnings"}}
    words = (f"{key} {value}".removeprefix("detail ") for key, value in shown.items())
    yield Finding(name, Level.OK, ", ".join(words))


def advice_for(error: str, advice: Mapping[str, str] = ADVICE) -> str:
    """Return what to do about an error of this class."""
    otherwise = "Look into the function's log group for the whole story."
    return advice.get(error, otherwise if advice is ADVICE else advice["CheckFailed"])
