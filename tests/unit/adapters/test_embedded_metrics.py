"""Failed pushes as a line that CloudWatch turns into a metric."""

import json

from prometheus_client import CollectorRegistry
from support.doubles import MemoryMetricsSink

from pumpwatch.adapters.embedded_metrics import WatchedSink


def pushed(capsys, *, accepts):
    sink = MemoryMetricsSink()
    sink.accepts = accepts
    watched = WatchedSink(sink, stage="prod", wall=lambda: 1_700_000_000.5)
    registry = CollectorRegistry()
    assert watched.push("pumpwatch_detect", registry, failed=True) is accepts
    return sink, capsys.readouterr().out


def test_accepted_push_writes_nothing(capsys):
    sink, out = pushed(capsys, accepts=True)
    assert out == ""
    assert len(sink.pushes) == 1


def test_failed_push_is_one_line_of_the_embedded_metric_format(capsys):
    _, out = pushed(capsys, accepts=False)
    line = json.loads(out)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == 1_700_000_000_500
    assert directive["Namespace"] == "Pumpwatch"
    (metric,) = directive["Metrics"]
    (dimensions,) = directive["Dimensions"]
    assert line[metric["Name"]] == 1
    assert [line[name] for name in dimensions] == ["prod"]
