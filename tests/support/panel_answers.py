"""Asks a Prometheus that holds a rehearsal for every panel: is its answer there, and likely?"""

import math
import re

from support.dimensions import dimension_of
from support.monitoring import dashboards, panels
from support.prometheus import Prometheus

CLUSTER = re.compile("node_|kubelet_|kube_|grafana_")
"""Metrics of the monitoring cluster, which a rehearsal without one does not have."""
MAY_BE_EMPTY = {
    "pumpwatch-detection Last failed run A": "no run has failed",
    "pumpwatch-trading Last failed run A": "no run has failed",
    "pumpwatch-trading Locked until A": "no lock was in force",
    "pumpwatch-trading Key expires in A": "the key does not expire, or paper mode has none",
}
"""What may never have had a value, and what that means."""
MOST = {"seconds": 86_400, "USDT": 1e7, "count": 1e6, "count per second": 1e4}
"""Largest values that are likely."""
ABOVE = {
    "pumpwatch-trading Key expires in A": "months",
    "pumpwatch-detection Last failed run A": "days",
    "pumpwatch-trading Last failed run A": "days",
}
"""What may be more."""
BELOW_ZERO = {
    "pumpwatch-detection Schedule to scan A": "a message of the queue came a moment early",
    "pumpwatch-trading Profit and loss A": "a loss",
    "pumpwatch-trading Profit and loss B": "a loss",
    "pumpwatch-detection Clock A": "our clock is slow",
    "pumpwatch-trading Clock A": "our clock is slow",
    "pumpwatch-trading Key expires in A": "it has expired",
    "pumpwatch-trading CPU headroom A": "this machine gives more than Lambda",
    "pumpwatch-trading CPU headroom B": "this machine gives more than Lambda",
    "pumpwatch-trading Memory headroom A": "other tests had their memory from the same process",
    "pumpwatch-trading Memory headroom B": "other tests had their memory from the same process",
}
"""What may be negative."""


def panel_queries():
    """Yield (where, PromQL with Grafana's macros) of every panel."""
    for dashboard in dashboards():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield f"{dashboard['uid']} {panel['title']} {target['refId']}", target["expr"]


def filled_in(expr, *, stage=".+", step=60, window=300, whole=3600):
    """Return PromQL with Grafana's macros filled in; times are in seconds."""
    values = {
        "$__rate_interval": f"{window}s",
        "$__interval": f"{step}s",
        "$__range": f"{whole}s",
        "$job": ".+",
        "$stage": stage,
    }
    for macro, value in values.items():
        expr = expr.replace(macro, value)
    return expr


def answers(url, expr, *, start, end, step, **more):
    """Return the series (labels, values over time) that a query gives over a time; no NaN."""
    asked = filled_in(expr, step=step, whole=math.ceil(end - start), **more)
    found = Prometheus(url).get("query_range", query=asked, start=start, end=end, step=step)
    series = [
        (
            row["metric"],
            [value for _, text in row["values"] if not math.isnan(value := float(text))],
        )
        for row in found["result"]
    ]
    return [(labels, values) for labels, values in series if values]


def panel_faults(url, *, start, end, step=15, stage=".+", window=60, cluster=False, odd=()):
    """Return (where, what is wrong) of each panel that shows nothing or what cannot be.

    `start` and `end`, Unix seconds, are those of the rehearsal. What was seen at any time of it is
    seen. Without a `cluster` its metrics are left out. `odd` are panels that may show any value.
    """
    faults = []
    for where, expr in panel_queries():
        if not cluster and CLUSTER.search(expr):
            continue
        try:
            series = answers(url, expr, start=start, end=end, step=step, stage=stage, window=window)
        except OSError as error:
            faults.append((where, f"not answered: {error}"))
            continue
        if not series and where not in MAY_BE_EMPTY:
            faults.append((where, "empty"))
        values = [value for _, row in series for value in row]
        unlikely = [value for value in values if not _is_likely(where, expr, value)]
        if unlikely and where not in odd:
            faults.append((where, f"not likely: {unlikely[0]}"))
    return faults


def _is_likely(where, expr, value):
    most = math.inf if where in ABOVE else MOST.get(dimension_of(expr), math.inf)
    least = -most if where in BELOW_ZERO else 0
    return math.isfinite(value) and least <= value <= most
