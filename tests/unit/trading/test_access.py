"""What a key may do decides whether anything is opened with it."""

from __future__ import annotations

from typing import Any

import pytest

from pumpwatch.domain.access import Access, refusals, warnings

DAY = 86_400_000
NOW = 1_800_000_000_000


def access(**changes: Any) -> Access:
    return Access(**{"account": "777", **changes})


def test_a_key_that_can_only_trade_is_accepted() -> None:
    assert refusals(access(), confirmation="777") == []
    assert warnings(access(), now=NOW) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"account": "778"}, "another account"),
        ({"account": ""}, "another account"),
        ({"may_move_funds": True}, "withdraw or transfer"),
        ({"read_only": True}, "read-only"),
        ({"may_trade": False}, "lacks the right"),
        ({"hedge_mode": True}, "hedge mode"),
    ],
)
def test_a_key_with_too_many_or_too_few_rights_is_refused(
    facts: dict[str, Any], words: str
) -> None:
    (reason,) = refusals(access(**facts), confirmation="777")
    assert words in reason


def test_every_reason_is_named_at_once() -> None:
    worst = access(account="1", may_move_funds=True, read_only=True, hedge_mode=True)
    assert len(refusals(worst, confirmation="777")) == 4


@pytest.mark.parametrize(
    ("expires", "words"),
    [(NOW + 14 * DAY, ""), (NOW + 14 * DAY - 1, "expires in 14.0 days"), (NOW, "has expired")],
)
def test_a_key_that_ends_soon_is_warned_of(expires: int, words: str) -> None:
    found = warnings(access(expires=expires), now=NOW)
    assert found == [] if not words else words in found[0]


def test_a_key_that_is_bound_to_no_address_is_warned_of() -> None:
    (warning,) = warnings(access(bound_to_addresses=False), now=NOW)
    assert "bound to no address" in warning
