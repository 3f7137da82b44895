"""Lambda's `platform.report` events, as they lie in a function's log group."""

import json

REQUEST = "9a4f0c1e-3d5b-4c8a-8a51-5f0f8d2f6b1{}"


def report_line(seconds=1.5, status="success", *, number=0, init=None, memory=200, limit=1024):
    """Return the text of an event; `init` in seconds makes it a cold start's."""
    metrics = {
        "durationMs": seconds * 1000,
        "billedDurationMs": int(seconds * 1000) + 1,
        "memorySizeMB": limit,
        "maxMemoryUsedMB": memory,
    }
    if init is not None:
        metrics["initDurationMs"] = init * 1000
    return json.dumps(
        {
            "time": "2025-10-09T12:00:00.123Z",
            "type": "platform.report",
            "record": {
                "requestId": REQUEST.format(number % 10),
                "metrics": metrics,
                "spans": [],
                "status": status,
            },
        }
    )
