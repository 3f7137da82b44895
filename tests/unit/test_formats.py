from __future__ import annotations

from decimal import Decimal

import pytest

from pumpwatch_workbench.pages import words as formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, formats.NOTHING),
        (0.0000012345678, "0.0000012346"),
        (Decimal("0.50"), "0.50000"),
        (41234.567, "41,235"),
        (1e-9, "0.0000000010000"),
        (0, "0"),
    ],
)
def test_a_price_has_five_digits_and_no_exponent(value: float | Decimal | None, text: str):
    assert formats.price(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12.345"), "+12.34"),
        (Decimal("-1234.5"), "\N{MINUS SIGN}1,234.50"),
        (Decimal("-0.004"), "0.00"),
        (Decimal(0), "0.00"),
        (None, formats.NOTHING),
    ],
)
def test_money_carries_its_sign_unless_it_rounds_to_nothing(value: Decimal | None, text: str):
    assert formats.signed_money(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, formats.NOTHING),
        (0.0, "0 s"),
        (0.0834, "83 ms"),
        (24.0, "24 s"),
        (1.257, "1.26 s"),
        (-600.0, "\N{MINUS SIGN}600 s"),
        (3600.4, "3,600 s"),
    ],
)
def test_seconds_have_the_digits_a_reader_can_use(value: float | None, text: str):
    assert formats.seconds(value) == text


def test_times_are_utc():
    assert formats.clock(1_700_000_040_000) == "22:14:00"
    assert formats.date_and_clock(1_700_000_040_000) == "2023-11-14 22:14"
    assert formats.duration(3 * 3_600_000) == "3 h 00 min"
    assert formats.duration(45 * 60_000) == "45 min"


def test_numbers_are_written_without_exponent_or_needless_zeros():
    assert formats.number(Decimal("1200.000")) == "1,200"
    assert formats.number(5.5) == "5.5"
    assert formats.percent(-0.0812) == "\N{MINUS SIGN}8.1 %"


def test_counts_agree_with_their_nouns():
    assert formats.counted(1, "event") == "1 event"
    assert formats.counted(0, "event") == "0 events"
    assert formats.counted(1_200, "trade is", "trades are") == "1,200 trades are"


def test_the_turnover_is_said_as_the_rule_measures_it():
    assert formats.turnover_words("boosted", 1128.3) == "1,128 times the usual minute"
    assert formats.turnover_words("ewma", 214.6) == "215 standard deviations above usual"
    assert formats.turnover_words("mine", 3.2) == "3, as the rule measures it"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal(1) / Decimal(3), "0.333333333333"),
        (Decimal("1E+20"), "100000000000000000000"),
        (Decimal("0.00000123000"), "0.00000123"),
        (Decimal("-12.50"), "-12.5"),
        (Decimal(0), "0"),
    ],
)
def test_money_in_json_has_no_digits_that_mean_nothing(amount, text):
    assert formats.plain({"a": [amount]}) == {"a": [text]}
