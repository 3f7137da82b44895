"""docs/bybit.md says what each of Bybit's codes comes to that the adapter treats in its own way."""

from pathlib import Path

from pumpwatch.adapters.bybit import refusals

PAGE = (Path(__file__).resolve().parents[3] / "docs/bybit.md").read_text(encoding="utf-8")


def test_every_code_with_a_meaning_of_its_own_is_on_the_page():
    no_codes = {"GONE", "LOST_STATUSES"}
    codes = {refusals.CLOCKS_APART, refusals.BAD_PARAMETER}
    for name, value in vars(refusals).items():
        if name.isupper() and isinstance(value, frozenset) and name not in no_codes:
            codes |= value
    assert len(codes) > 20
    assert [code for code in sorted(codes) if str(code) not in PAGE] == []
