"""The dashboard *Pump detection*: a row for each question a person asks at three in the morning."""

from __future__ import annotations

from dataclasses import replace

from tools.dashboards.panels import (
    BAD,
    CALM,
    DETECT,
    GOOD,
    NO_DATA,
    NONE,
    UNKNOWN,
    WARN,
    Panel,
    bars,
    light,
    series,
    stat,
    table,
)
from tools.dashboards.shared_rows import cluster_row, exchange_row, function_row

SECONDS = 8.0
"""The function's time-out in the template."""

LATE_BY = (
    f"clamp_min(max by (stage) ({DETECT.of('scan_gap_seconds_max')})\n"
    f"- max by (stage) ({DETECT.of('scan_interval_seconds')}), 0)"
)
SAFE = [
    Panel(
        1,
        "Last good run",
        "Time since then. The schedule is one run a minute.",
        [DETECT.since("last_success_timestamp_seconds")],
        light("s", (120, WARN), (300, BAD), words=UNKNOWN),
        "DetectorSilent",
    ),
    Panel(
        2,
        "Last failed run",
        "Time since the last failed run; none when there never was one. One alone is harmless.",
        [DETECT.since("last_failure_timestamp_seconds")],
        light("s", (600, GOOD), base=WARN, words={NO_DATA: ("none", GOOD)}),
        "DetectorErrors",
    ),
    Panel(
        32,
        "Scans late by",
        "Longest time between two looks at the market since the last push, less the time set.",
        [(LATE_BY, "{{stage}}")],
        light("s", (15, WARN), (60, BAD), words=UNKNOWN),
        "ScanGaps",
    ),
    Panel(
        15,
        "Missed by the screen",
        "Candles over the time shown on which the full detector could have alarmed and that the "
        "screen dropped. Must be none.",
        [DETECT.grown("screen_missed_total")],
        light("short", (0.5, BAD), words=NONE),
        "ScreenMissed",
    ),
    Panel(
        21,
        "Pushgateway",
        "Whether Prometheus can scrape the Pushgateway. Without it everything here is old.",
        [('min(up{job="pushgateway"})', "Pushgateway")],
        light(words={"1": ("up", GOOD), "0": ("DOWN", BAD), **UNKNOWN}),
        "PushgatewayDown",
    ),
    Panel(
        4,
        "Pumps now",
        "Pump events that are not over.",
        [DETECT.gauge("events_open")],
        light("short", (1, WARN), base=CALM, words={"0": ("none", CALM), **UNKNOWN}),
        "PumpEvent",
    ),
]
RUNS = [
    Panel(
        3,
        "Runs by result",
        "Runs since the point before. Busy: another run held the lease, and nothing was done.",
        [DETECT.growth("runs_total", by="result")],
        series(base=CALM, width=12, stacked=True),
    ),
    Panel(
        31,
        "Scans by result",
        "Scans between two runs since the point before. Busy, duplicate and late: dropped.",
        [DETECT.growth("scans_total", by="result")],
        series(base=CALM, width=12, stacked=True),
    ),
]
LATE = [
    Panel(
        5,
        "Schedule to scan",
        "From the scheduled time to the first look at the market. Signals are late by as much.",
        [DETECT.gauge("tick_delay_seconds")],
        series("s", (10, WARN), (20, BAD), width=8),
    ),
    Panel(
        7,
        "Candle to signal",
        "From the start of the candle that alarmed to the first signal.",
        DETECT.quantiles("signal_delay_seconds"),
        series("s", (90, WARN), (180, BAD), width=8),
    ),
    Panel(
        9,
        "Second of the minute",
        "Where in the minute the last scan saw the market. The schedule's choice, and arbitrary.",
        [DETECT.gauge("second_of_minute")],
        series("s", base=CALM, width=4),
    ),
    Panel(
        30,
        "Between two scans",
        "Longest time between two looks at the market since the last push, and the interval set.",
        [
            DETECT.gauge("scan_gap_seconds_max", "{{stage}} longest"),
            DETECT.gauge("scan_interval_seconds", "{{stage}} set"),
        ],
        series("s", base=CALM, width=4),
    ),
]
SEEN = [
    Panel(
        10,
        "Symbols",
        "Symbols in the last snapshot, those left out because of bad data, and those without "
        "enough history to signal.",
        [
            DETECT.gauge("symbols_scanned", "{{stage}} scanned"),
            DETECT.gauge("symbols_skipped", "{{stage}} skipped"),
            DETECT.gauge("symbols_warming_up", "{{stage}} warming up"),
        ],
        series("short", (50, GOOD), base=BAD),
    ),
    Panel(
        11,
        "Pumps by phase",
        "The strongest events of this minute, at most 20: rise from base to peak. The symbol links "
        "to its chart.",
        [DETECT.gauge("pump_event_active", "{{symbol}} {{phase}}", by="stage, symbol, phase")],
        table("percentunit", (0.1, WARN), (0.3, BAD), base=CALM),
    ),
    Panel(
        12,
        "Signals by phase",
        "Signals published since the point before. One pump gives at most one a phase.",
        [
            DETECT.growth("signals_total", by="phase"),
            DETECT.gauge("signals_last_run", "{{stage}} last run"),
        ],
        series(base=CALM),
    ),
    Panel(
        13,
        "Bad data",
        "Candles and trades that could not be true, and invocations whose payload was malformed.",
        [
            DETECT.growth("bad_candles_total", "candles"),
            DETECT.growth("bad_events_total", "events"),
        ],
        series("short", (1, WARN)),
    ),
]
FUNNEL = [
    Panel(
        14,
        "From symbols to signals",
        "The funnel of the last run: symbols scanned, ready to signal, not dropped by the screen, "
        "of these deferred or not judged, open events, signals.",
        [
            (f"sum({DETECT.of('symbols_scanned')})", "scanned"),
            (
                f"sum({DETECT.of('symbols_scanned')}) - sum({DETECT.of('symbols_warming_up')})",
                "ready",
            ),
            (f"sum({DETECT.of('candidates')})", "candidates"),
            (f"sum({DETECT.of('candidates_deferred')})", "deferred"),
            (f"sum({DETECT.of('candidates_unjudged')})", "not judged"),
            (f"sum({DETECT.of('events_open')})", "events"),
            (f"sum({DETECT.of('signals_last_run')})", "signals"),
        ],
        bars(base=CALM, width=12),
    ),
    Panel(
        29,
        "Bursts looked at",
        "Bursts and candles that a learned score judged, with and without the market's trades, and "
        "bursts beyond the most that a scan looks at. Without trades it finds fewer pumps.",
        [
            DETECT.growth("judged_total", "trades {{trades}}", by="trades"),
            DETECT.growth("looks_total", "looked at"),
            DETECT.growth("looks_skipped_total", "not looked at"),
        ],
        series(base=CALM, width=12),
    ),
]
ARRIVE = [
    Panel(
        20,
        "Last push",
        "Time since each function's last push that the Pushgateway took.",
        [
            (
                "time() - max by (job, stage) "
                '(push_time_seconds{job=~"pumpwatch_.+",stage=~"$stage"})',
                "{{job}} {{stage}}",
            )
        ],
        stat("s", (120, WARN), (300, BAD), width=12),
    ),
    Panel(
        22,
        "Pushes that failed",
        "Pushes that a function could not deliver, and those that the Pushgateway refused as "
        "malformed.",
        [
            DETECT.growth("push_failures_total", "not delivered"),
            (
                "sum(increase(pushgateway_http_requests_total"
                '{job="pushgateway",code="400",handler="push"}[$__rate_interval])) or vector(0)',
                "refused",
            ),
            (
                'max(push_failure_time_seconds{job=~"pumpwatch_.+"}\n'
                '> bool push_time_seconds{job=~"pumpwatch_.+"})',
                "last one refused",
            ),
        ],
        series("short", (1, WARN), width=12),
    ),
]
_EXCHANGE = exchange_row(DETECT, 16)
# The clock has the number that its alert points to; requests of a run stand beside the others.
EXCHANGE = [
    *_EXCHANGE[:3],
    Panel(
        19,
        "Requests per run",
        "Requests to Bybit in the last run. It grows with the movers, not with the symbols.",
        [DETECT.gauge("requests_last_run")],
        series("short", (100, WARN), width=3),
    ),
    replace(_EXCHANGE[3], number=8, look=replace(_EXCHANGE[3].look, width=3)),
]
ROWS: dict[str, list[Panel]] = {
    "Is it safe?": SAFE,
    "How late is it?": LATE,
    "What did it see?": SEEN,
    "Where do symbols drop out?": FUNNEL,
    "Does the exchange answer?": EXCHANGE,
    "Do the metrics arrive?": ARRIVE,
    "Do the runs work?": RUNS,
    "What does the function use?": function_row(DETECT, (6, 33, 34, 35, 36), SECONDS),
    "Is the cluster healthy?": cluster_row(23),
}
