"""The rule `kamps-kleinberg` again, slow and obvious: one symbol, one candle at a time."""

from __future__ import annotations

from benchmarks.reference.rules import CLOSE, HIGH, VOLUME, judged, mean_of, ratio


def kamps_kleinberg(rows, rule):
    """Apply the rule to one symbol."""

    def judge(past, row):
        window = [*past, row][-rule.hours :]
        factor = row[HIGH] / mean_of([candle[CLOSE] for candle in window])
        strength = ratio(row[VOLUME], mean_of([candle[VOLUME] for candle in window]))
        alarm = factor > rule.price_factor and strength > rule.volume_factor
        return alarm and len(past) >= rule.minimum, strength, factor - 1

    return judged(rows, judge)
