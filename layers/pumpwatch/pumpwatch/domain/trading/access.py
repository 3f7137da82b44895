"""The rights of an API key, and the check that entries may be made with it."""

from __future__ import annotations

from dataclasses import dataclass

from pumpwatch.domain.moments import DAY

EXPIRY_WARNING_DAYS = 14


@dataclass(frozen=True, slots=True)
class Access:
    """A key's rights, as the exchange reports them."""

    account: str
    """The account's UID, digits; empty where the exchange does not say."""
    read_only: bool = False
    may_trade: bool = True
    """Orders and positions of linear contracts are allowed."""
    may_move_funds: bool = False
    """The key can withdraw, or transfer to another account."""
    bound_to_addresses: bool = True
    expires: int | None = None
    """Milliseconds UTC; None for a key that does not expire."""
    demo: bool = False
    """A demo account that tells nothing of its keys: no real money is in it, and none can leave."""


def refusals(access: Access, *, mode: str, confirmation: str) -> list[str]:
    """Return why no entry may be made with this key, as sentences; empty when it may be used.

    `confirmation` is the UID that the trader confirmed live trading with; it counts in live mode
    only. What moves funds does no harm in demo mode.
    """
    if access.demo:
        sentence = "the key is a demo account's: trade in demo mode, or use a real account's key"
        return [sentence] if mode == "live" else []
    reasons = []
    if mode == "live" and access.account != confirmation:
        reasons.append("the key belongs to another account than LIVE_TRADING_CONFIRMATION names")
    if mode != "demo" and access.may_move_funds:
        reasons.append("the key can withdraw or transfer funds: make one that can only trade")
    if access.read_only:
        reasons.append("the key is read-only: make one that can trade contracts")
    elif not access.may_trade:
        reasons.append("the key lacks the right to orders and positions of contracts")
    return reasons


def warnings(access: Access, *, now: int) -> list[str]:
    """Return what a person should mend soon, as sentences. `now` in milliseconds UTC."""
    if access.demo:
        return ["the demo account does not say what its key may do: nothing was checked"]
    sentences = []
    if not access.bound_to_addresses:
        sentences.append("the key is bound to no address: anyone who has it can trade with it")
    if access.expires is not None:
        days = (access.expires - now) / DAY
        if days <= 0:
            sentences.append("the key has expired")
        elif days < EXPIRY_WARNING_DAYS:
            sentences.append(f"the key expires in {days:.1f} days")
    return sentences
