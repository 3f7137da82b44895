"""A pytest plugin: Hypothesis draws the same few examples for every mutant and does not shrink.

A verdict must not depend on chance or on what was found for another mutant, and a failing example
kills as well unshrunk as shrunk.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

MOST_EXAMPLES = 20
HELD = "_hypothesis_internal_use_settings"
"""Where Hypothesis keeps a test's own settings; its pytest plugin reads them there as well."""

settings.register_profile(
    "mutation", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound the number of examples of tests that ask for more."""
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, HELD, None)
        if own is not None and own.max_examples > MOST_EXAMPLES:
            setattr(test, HELD, settings(own, max_examples=MOST_EXAMPLES))
