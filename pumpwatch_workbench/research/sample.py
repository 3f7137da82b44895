"""Whether the product's model was trained on recordings: what it finds in those is flattering."""

from __future__ import annotations

from collections.abc import Iterable

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.model import stored_model


def trained_on(detector: str, fingerprints: Iterable[str]) -> int:
    """Return how many of the segments the rule of that name was trained on."""
    if detector != Boosted.name:
        return 0
    return len(stored_model().trained_on.intersection(fingerprints))


def sample_warning(detector: str, fingerprints: Iterable[str]) -> list[str]:
    """Return a sentence when the rule was trained on some of the segments."""
    count = trained_on(detector, fingerprints)
    if not count:
        return []
    return [
        f"In the sample: the model of {detector} was trained on {count} of these segments, so what"
        " it finds here is flattering."
    ]
