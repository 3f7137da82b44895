"""Runs Datadog's check once; a program of its own, for the environment of `make backends`.

Reads the options of an instance as JSON and prints what the check submitted.
"""

import json
import sys

from datadog_checks.base import OpenMetricsBaseCheckV2
from datadog_checks.base.stubs import aggregator


class Watched(dict):
    """Options that remember which of them were asked for."""

    def __init__(self, options):
        super().__init__(options)
        self.asked = set()

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)


options = Watched(json.load(sys.stdin))
check = OpenMetricsBaseCheckV2("openmetrics", {}, [options])
error = check.run()
samples = [
    [name, aggregator.METRIC_ENUM_MAP_REV[sample.type], sample.value, sample.tags]
    for name in aggregator.metric_names
    for sample in aggregator.metrics(name)
]
said = {
    "error": error,
    "warnings": check.warnings,
    "ignored": sorted(options.keys() - options.asked),
    "samples": samples,
}
json.dump(said, sys.stdout)
