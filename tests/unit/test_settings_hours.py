"""Trading hours that nobody can read are refused before anything starts."""

import pytest

from pumpwatch.errors import SettingsError
from pumpwatch.settings.shared import load_settings
from pumpwatch.settings.trade import TradeSettings

ENVIRONMENT = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TRADING_HOURS": "Mon 8"}, "'Mon 8' cannot be read: write it like Mon-Fri 08:00-20:00"),
        ({"TRADING_TIME_ZONE": "Mars"}, "'Mars' is not a time zone: use an IANA name"),
    ],
)
def test_the_refusal_names_the_variable_and_what_to_write(variables, words):
    with pytest.raises(SettingsError) as refusal:
        load_settings(TradeSettings, {**ENVIRONMENT, **variables})
    text = str(refusal.value)
    assert "TRADING_HOURS or TRADING_TIME_ZONE: " in text
    assert words in text
    assert "\n" not in text


def test_hours_that_can_be_read_are_kept_as_they_were_written():
    variables = {"TRADING_HOURS": "Mon-Fri 08:00-20:00", "TRADING_TIME_ZONE": "Europe/Berlin"}
    settings = load_settings(TradeSettings, {**ENVIRONMENT, **variables})
    assert (settings.trading_hours, settings.trading_time_zone) == tuple(variables.values())
