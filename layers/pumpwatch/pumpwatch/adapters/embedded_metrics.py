"""Failed pushes as a CloudWatch metric, written into the log (embedded metric format).

CloudWatch makes the metric from the line; nothing is called, and nothing is written while pushes
go well, so that it costs nothing then. The alarm on it needs nothing of the monitoring cluster.
Format: CloudWatch_Embedded_Metric_Format_Specification in Amazon CloudWatch's user guide.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from pumpwatch.ports import MetricsSink

NAMESPACE, PUSH_FAILURES, STAGE = "Pumpwatch", "PushFailures", "stage"


class WatchedSink(MetricsSink):
    """Pushes through another sink and writes a line for each push that fails."""

    def __init__(
        self, sink: MetricsSink, *, stage: str, wall: Callable[[], float] = time.time
    ) -> None:
        self._sink = sink
        self._stage = stage
        self._wall = wall

    def push(self, job: str, exposition: object, *, failed: bool) -> bool:
        accepted = self._sink.push(job, exposition, failed=failed)
        if not accepted:
            sys.stdout.write(json.dumps(self._line(job)) + "\n")
        return accepted

    def _line(self, job: str) -> dict[str, object]:
        metric = {
            "Namespace": NAMESPACE,
            "Dimensions": [[STAGE]],
            "Metrics": [{"Name": PUSH_FAILURES, "Unit": "Count"}],
        }
        return {
            "_aws": {"Timestamp": int(self._wall() * 1000), "CloudWatchMetrics": [metric]},
            STAGE: self._stage,
            PUSH_FAILURES: 1,
            "job": job,
            "message": "metrics were not pushed",
        }
