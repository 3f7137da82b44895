"""What a key may do decides whether anything is opened with it."""

import pytest

from pumpwatch.domain.trading.access import Access, refusals, warnings

DAY = 86_400_000
NOW = 1_800_000_000_000


def access(**changes):
    return Access(**{"account": "777", **changes})


def test_a_key_that_can_only_trade_is_accepted():
    assert refusals(access(), mode="live", confirmation="777") == []
    assert warnings(access(), now=NOW) == []


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            {"account": "778"},
            "the key belongs to another account than LIVE_TRADING_CONFIRMATION names",
        ),
        (
            {"account": ""},
            "the key belongs to another account than LIVE_TRADING_CONFIRMATION names",
        ),
        (
            {"may_move_funds": True},
            "the key can withdraw or transfer funds: make one that can only trade",
        ),
        ({"read_only": True}, "the key is read-only: make one that can trade contracts"),
        ({"may_trade": False}, "the key lacks the right to orders and positions of contracts"),
    ],
)
def test_a_key_with_too_many_or_too_few_rights_is_refused(facts, sentence):
    assert refusals(access(**facts), mode="live", confirmation="777") == [sentence]


def test_every_reason_is_named_at_once():
    worst = access(account="1", may_move_funds=True, read_only=True)
    assert len(refusals(worst, mode="live", confirmation="777")) == 3


@pytest.mark.parametrize(
    ("expires", "words"),
    [
        (NOW + 14 * DAY, []),
        (NOW + 14 * DAY - 1, ["the key expires in 14.0 days"]),
        (NOW + DAY // 2, ["the key expires in 0.5 days"]),
        (NOW, ["the key has expired"]),
        (NOW - DAY, ["the key has expired"]),
    ],
)
def test_a_key_that_ends_soon_is_warned_of(expires, words):
    assert warnings(access(expires=expires), now=NOW) == words


def test_a_key_that_is_bound_to_no_address_is_warned_of():
    found = warnings(access(bound_to_addresses=False), now=NOW)
    assert found == ["the key is bound to no address: anyone who has it can trade with it"]


def test_a_demo_account_that_tells_nothing_is_used_and_warned_of():
    found = access(account="", demo=True)
    assert refusals(found, mode="demo", confirmation="") == []
    assert refusals(found, mode="paper", confirmation="") == []
    (warning,) = warnings(found, now=NOW)
    assert "nothing was checked" in warning


def test_live_mode_refuses_the_key_of_a_demo_account_in_a_sentence():
    (sentence,) = refusals(access(account="777", demo=True), mode="live", confirmation="777")
    assert "trade in demo mode" in sentence


@pytest.mark.parametrize(
    ("facts", "refused_in"),
    [
        ({"account": "778"}, {"live"}),
        ({"may_move_funds": True}, {"paper", "live"}),
        ({"read_only": True}, {"paper", "demo", "live"}),
        ({"may_trade": False}, {"paper", "demo", "live"}),
    ],
)
def test_each_mode_refuses_what_can_do_harm_in_it(facts, refused_in):
    modes = ("paper", "demo", "live")
    found = {mode: refusals(access(**facts), mode=mode, confirmation="777") for mode in modes}
    assert {mode for mode, reasons in found.items() if reasons} == refused_in
