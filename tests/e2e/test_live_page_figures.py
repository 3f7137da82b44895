"""What the live page may cost with 1,000 symbols: the figures that `make bench` writes down."""

import pytest
from support.browser import needs_chromium
from support.dashboard_figures import figures

pytestmark = [needs_chromium, pytest.mark.slow]


def test_the_page_is_there_at_once_small_and_cheap_to_watch():
    measured = figures()
    assert measured["dashboard_first_paint_seconds"] <= 1
    assert measured["dashboard_first_load_megabytes"] <= 1
    assert measured["dashboard_cpu_share"] <= 0.02
