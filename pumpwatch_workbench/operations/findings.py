"""Findings of a check, and advice on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


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


def advice_for(error: str) -> str:
    """Return what to do about an error of this class."""
    return ADVICE.get(error, "Look into the function's log group for the whole story.")
