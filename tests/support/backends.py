"""The page about other backends, and what those backends say about its blocks."""

import re
import time

import yaml
from support.doubles import MemoryTotalsStore
from support.monitoring import REPOSITORY, read_yaml

from pumpwatch.metrics.catalogue import METRICS, Kind
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter

PAGE = (REPOSITORY / "docs" / "monitoring-backends.md").read_text()
FACTS = read_yaml(REPOSITORY / "tests" / "fixtures" / "backends.yaml")
TYPES = {
    "text": lambda value: isinstance(value, str),
    "flag": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "texts": lambda value: (
        isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    ),
    "map": lambda value: isinstance(value, dict),
    "any": lambda value: True,
}
PUSHED_BY_ALL = ("push_time_seconds", "push_failure_time_seconds")
"""What the Pushgateway adds to each group."""


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S).group(1)


def blocks(title, language):
    return re.findall(rf"^```{language}\n(.*?)^```", section(title), re.M | re.S)


def configuration(title):
    (text,) = blocks(title, "yaml")
    return yaml.safe_load(text)


def wrong_fields(configured, known):
    """Return what a mapping has that is not known, lacks, or has with a value of another type."""
    wrong = [name for name in configured if name not in known]
    wrong += [name for name, kind in known.items() if kind.endswith("!") and name not in configured]
    return wrong + [
        f"{name} is no {known[name]}"
        for name, value in configured.items()
        if name in known and not TYPES[known[name].rstrip("!")](value)
    ]


def full_numbers(job, **gauges):
    """Return a run's numbers with a value for each gauge: what is named, or 1."""
    numbers = RunNumbers(job)
    for metric in METRICS:
        if metric.job != job or metric.kind is not Kind.GAUGE:
            continue
        name = metric.name.removeprefix(f"{job}_")
        sets = metric.label_sets()
        if metric.is_open:
            sets = [{label: (known or ("AUSDT",))[0] for label, known in metric.labels}]
        for labels in sets:
            numbers.set(name, gauges.get(name, 1), **labels)
    return numbers


def push_a_run(sink, job, *, age):
    """Push everything that a function has, its last success so many seconds ago."""
    numbers = full_numbers(job, last_success_timestamp_seconds=time.time() - age)
    numbers.count("runs", result="success")
    assert MetricsReporter(job, MemoryTotalsStore(), sink).report(numbers, "run")
