"""The dashboard *Pump detection*: a row for each question a person asks at three in the morning."""

from __future__ import annotations

from tools.dashboards.panels import BAD, CALM, GOOD, WARN, Panel, steps
from tools.dashboards.shared_rows import cluster_row, exchange_row, selected

JOB = "pumpwatch_detect"


def _one(name: str, more: str = "") -> str:
    return selected(f"{JOB}_{name}", more)


ALIVE = [
    Panel(
        1,
        "Last good run",
        "Time since the last good run. The schedule is one run a minute.",
        [(f"time() - max by (stage) ({_one('last_success_timestamp_seconds')})", "{{stage}}")],
        kind="stat",
        unit="s",
        thresholds=steps((120, WARN), (300, BAD)),
        width=5,
    ),
    Panel(
        2,
        "Last failed run",
        "Time since the last failed run; none when there never was one. One alone is harmless.",
        [(f"time() - max by (stage) ({_one('last_failure_timestamp_seconds')})", "{{stage}}")],
        kind="stat",
        unit="s",
        thresholds=steps((600, GOOD), base=WARN),
        width=5,
    ),
    Panel(
        3,
        "Runs by result",
        "Runs since the point before. Busy: another run held the lease, and nothing was done.",
        [(f"sum by (result) (increase({_one('runs_total')}[$__rate_interval]))", "{{result}}")],
        thresholds=steps(base=CALM),
        width=9,
        stacked=True,
    ),
    Panel(
        4,
        "Pumps now",
        "Pump events that are not over.",
        [(f"max by (stage) ({_one('events_open')})", "{{stage}}")],
        kind="stat",
        thresholds=steps((1, WARN), base=CALM),
        width=5,
    ),
]
LATE = [
    Panel(
        5,
        "From schedule to scan",
        "From the scheduled time to the first look at the market. Signals come late by as much.",
        [(f"max by (stage) ({_one('tick_delay_seconds')})", "{{stage}}")],
        unit="s",
        thresholds=steps((10, WARN), (20, BAD)),
    ),
    Panel(
        6,
        "Duration of a run",
        "Wall time of the last run. The function is killed after 55 seconds.",
        [(f"max by (stage) ({_one('duration_seconds')})", "{{stage}}")],
        unit="s",
        thresholds=steps((30, WARN), (55, BAD)),
    ),
    Panel(
        7,
        "From candle to signal",
        "From the start of the candle that alarmed to the first signal: half of the events stay "
        "below the first line, 95 % below the second.",
        [
            (
                f"histogram_quantile({share}, sum by (le) "
                f"(rate({_one('signal_delay_seconds_bucket')}[$__rate_interval])))",
                text,
            )
            for share, text in ((0.5, "half"), (0.95, "95 %"))
        ],
        unit="s",
        thresholds=steps((90, WARN), (180, BAD)),
    ),
    Panel(
        9,
        "Second of the minute",
        "Where in the minute the last scan saw the market. The schedule's choice, and arbitrary.",
        [(f"max by (stage) ({_one('second_of_minute')})", "{{stage}}")],
        unit="s",
        thresholds=steps(base=CALM),
    ),
]
SEEN = [
    Panel(
        10,
        "Symbols",
        "Symbols in the last snapshot, those left out because of bad data, and those without "
        "enough history to signal.",
        [
            (f"max by (stage) ({_one('symbols_scanned')})", "{{stage}} scanned"),
            (f"max by (stage) ({_one('symbols_skipped')})", "{{stage}} skipped"),
            (f"max by (stage) ({_one('symbols_warming_up')})", "{{stage}} warming up"),
        ],
        thresholds=steps((50, GOOD), base=BAD),
    ),
    Panel(
        11,
        "Pumps by phase",
        "The strongest events of this minute: rise from base to peak. At most 20 are shown.",
        [(f"max by (stage, symbol, phase) ({_one('pump_event_active')})", "{{symbol}} {{phase}}")],
        kind="table",
        unit="percentunit",
        thresholds=steps((0.1, WARN), (0.3, BAD), base=CALM),
    ),
    Panel(
        12,
        "Signals by phase",
        "Signals published since the point before. One pump gives at most one a phase.",
        [
            (f"sum by (phase) (increase({_one('signals_total')}[$__rate_interval]))", "{{phase}}"),
            (f"max by (stage) ({_one('signals_last_run')})", "{{stage}} last run"),
        ],
        thresholds=steps(base=CALM),
    ),
    Panel(
        13,
        "Bad data",
        "Candles and trades that could not be true, and invocations whose payload was malformed.",
        [
            (f"sum(increase({_one('bad_candles_total')}[$__rate_interval]))", "candles"),
            (f"sum(increase({_one('bad_events_total')}[$__rate_interval]))", "events"),
        ],
        thresholds=steps((1, WARN)),
    ),
]
FUNNEL = [
    Panel(
        14,
        "From symbols to signals",
        "The funnel of the last run: symbols scanned, ready to signal, not dropped by the screen, "
        "of these deferred or not judged, open events, signals.",
        [
            (f"sum({_one('symbols_scanned')})", "scanned"),
            (f"sum({_one('symbols_scanned')}) - sum({_one('symbols_warming_up')})", "ready"),
            (f"sum({_one('candidates')})", "candidates"),
            (f"sum({_one('candidates_deferred')})", "deferred"),
            (f"sum({_one('candidates_unjudged')})", "not judged"),
            (f"sum({_one('events_open')})", "events"),
            (f"sum({_one('signals_last_run')})", "signals"),
        ],
        kind="bars",
        thresholds=steps(base=CALM),
        width=12,
    ),
    Panel(
        29,
        "Judged with trades",
        "Candles that the learned score judged, with and without the market's trades. Without them "
        "it finds fewer pumps.",
        [
            (
                f"sum by (trades) (increase({_one('judged_total')}[$__rate_interval]))",
                "trades {{trades}}",
            )
        ],
        thresholds=steps(base=CALM),
    ),
    Panel(
        15,
        "Missed by the screen",
        "Candles on which the full detector could have alarmed and that the screen dropped: 0.",
        [(f"sum(increase({_one('screen_missed_total')}[$__range]))", "missed")],
        kind="stat",
        thresholds=steps((0.5, BAD)),
        decimals=0,
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
        kind="stat",
        unit="s",
        thresholds=steps((120, WARN), (300, BAD)),
        width=8,
    ),
    Panel(
        21,
        "Pushgateway",
        "Whether Prometheus can scrape the Pushgateway. Without it everything here is old.",
        [('min(up{job="pushgateway"})', "Pushgateway")],
        kind="stat",
        thresholds=steps((1, GOOD), base=BAD),
        words={"1": ("up", GOOD), "0": ("DOWN", BAD)},
        width=4,
    ),
    Panel(
        22,
        "Pushes that failed",
        "Pushes that a function could not deliver, and those that the Pushgateway refused as "
        "malformed.",
        [
            (f"sum(increase({_one('push_failures_total')}[$__rate_interval]))", "not delivered"),
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
        thresholds=steps((1, WARN)),
        width=12,
    ),
]
_EXCHANGE = exchange_row(JOB, 16)
# The clock has the number that its alert points to; requests of a run stand beside the others.
EXCHANGE = [
    *_EXCHANGE[:3],
    Panel(
        19,
        "Requests of a run",
        "Requests to Bybit in the last run. It grows with the movers, not with the symbols.",
        [(f"max by (stage) ({_one('requests_last_run')})", "{{stage}}")],
        thresholds=steps((100, WARN)),
        width=3,
    ),
    Panel(
        8,
        _EXCHANGE[3].title,
        _EXCHANGE[3].description,
        _EXCHANGE[3].queries,
        unit="s",
        thresholds=_EXCHANGE[3].thresholds,
        width=3,
    ),
]
ROWS: dict[str, list[Panel]] = {
    "Is it alive?": ALIVE,
    "How late is it?": LATE,
    "What did it see?": SEEN,
    "Where do symbols fall out?": FUNNEL,
    "Does the exchange answer?": EXCHANGE,
    "Do the numbers arrive?": ARRIVE,
    "Is the cluster well?": cluster_row(23),
}
