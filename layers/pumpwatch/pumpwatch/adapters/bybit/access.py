"""The rights of a key, from the answer of query-api."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pumpwatch.domain.moments import DAY
from pumpwatch.domain.trading.access import Access
from pumpwatch.errors import UnreadableAnswer

from .fields import Row, choice, integer, object_in, text, unreadable

WHERE = "query-api"
READ_ONLY = {"0": False, "1": True}

CONTRACT_RIGHTS = frozenset({"Order", "Position"})
UNIFIED_RIGHT = "DerivativesTrade"
"""Either is enough; keys of unified accounts carry both."""

FUND_GROUPS = ("Wallet", "FiatP2P", "FiatBybitPay")
"""Groups whose every right moves money out of the account: AccountTransfer, SubMemberTransfer,
SubMemberTransferList, Withdraw, sales to other people, payments. A right in them that is new to us
counts as well."""

ANY_ADDRESS = "*"
NO_EXPIRY_YEAR = 1970
"""Bybit's expiry for keys that do not expire."""


def read_access(key: object, *, time: int) -> Access:
    """Return what may be done with a key, from the `result` of query-api.

    `time` is when the key was asked for, milliseconds UTC. Raises `UnreadableAnswer` for an answer
    that leaves a right open.
    """
    row = object_in(key, WHERE)
    rights = object_in(row.get("permissions"), f"{WHERE}: permissions")
    addresses = _words(row, "ips")
    bound = bool(addresses) and ANY_ADDRESS not in addresses
    return Access(
        account=text(row, "userID", WHERE),
        read_only=choice(row, "readOnly", WHERE, READ_ONLY),
        may_trade=_may_trade(rights),
        may_move_funds=any(_words(rights, group) for group in FUND_GROUPS),
        bound_to_addresses=bound,
        expires=None if bound else _expiry(row, time),
    )


def _may_trade(rights: Row) -> bool:
    contracts, derivatives = _words(rights, "ContractTrade"), _words(rights, "Derivatives")
    return contracts >= CONTRACT_RIGHTS or UNIFIED_RIGHT in derivatives


def _words(row: Mapping[str, object], name: str) -> frozenset[str]:
    listed = row.get(name)
    if listed is None:
        return frozenset()
    if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
        raise UnreadableAnswer(f"{WHERE}: {name} is no list of words")
    return frozenset(listed)


def _expiry(row: Row, time: int) -> int | None:
    """Return when the key expires, by its date or else by the days it has left."""
    stated = row.get("expiredAt")
    if stated not in (None, ""):
        try:
            moment = datetime.fromisoformat(str(stated))
        except ValueError:
            raise unreadable(row, "expiredAt", WHERE, "is no time") from None
        if moment.year <= NO_EXPIRY_YEAR:
            return None
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1000)
    if row.get("deadlineDay") in (None, ""):
        return None
    days = integer(row, "deadlineDay", WHERE)
    return None if days < 0 else time + days * DAY
