"""What an API key may do, and whether entries may be made with it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Access", "refusals", "warnings"]

DAY = 86_400_000
EXPIRY_WARNING_DAYS = 14


@dataclass(frozen=True, slots=True)
class Access:
    """A key's rights and its account's position mode, as the exchange reports them."""

    account: str
    """The account's UID, digits."""
    read_only: bool = False
    may_trade: bool = True
    """Whether orders and positions of linear contracts are allowed."""
    may_move_funds: bool = False
    """Whether the key can withdraw, or transfer to another account."""
    bound_to_addresses: bool = True
    expires: int | None = None
    """Milliseconds UTC; None for a key that does not expire."""
    hedge_mode: bool = False
    """Whether the account holds long and short positions of one symbol side by side."""


def refusals(access: Access, *, confirmation: str) -> list[str]:
    """Return why no entry may be made with this key, as sentences; empty when it may be used.

    `confirmation` is the UID that the trader confirmed live trading with.
    """
    reasons = []
    if access.account != confirmation:
        reasons.append("the key belongs to another account than LIVE_TRADING_CONFIRMATION names")
    if access.may_move_funds:
        reasons.append("the key can withdraw or transfer funds: make one that can only trade")
    if access.read_only:
        reasons.append("the key is read-only: make one that can trade contracts")
    elif not access.may_trade:
        reasons.append("the key lacks the right to orders and positions of contracts")
    if access.hedge_mode:
        reasons.append("the account is in hedge mode: switch it to one-way mode")
    return reasons


def warnings(access: Access, *, now: int) -> list[str]:
    """Return what a person should mend soon, as sentences. `now` in milliseconds UTC."""
    found = []
    if not access.bound_to_addresses:
        found.append("the key is bound to no address: anyone who has it can trade with it")
    if access.expires is not None:
        days = (access.expires - now) / DAY
        if days <= 0:
            found.append("the key has expired")
        elif days < EXPIRY_WARNING_DAYS:
            found.append(f"the key expires in {days:.1f} days")
    return found
