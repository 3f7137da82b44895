"""Rows that both dashboards have: does the exchange answer, and the cluster itself."""

from __future__ import annotations

from functools import partial

from tools.dashboards.panels import BAD, CALM, GOOD, WARN, Panel, steps

CPU_FREE = 'avg(rate(node_cpu_seconds_total{job="node-exporter",mode="idle"}[$__rate_interval]))'
MEMORY_FREE = (
    'sum(node_memory_MemAvailable_bytes{job="node-exporter"})\n'
    '/ sum(node_memory_MemTotal_bytes{job="node-exporter"})'
)


def selected(name: str, more: str = "") -> str:
    """Return a selector of one of our metrics, for the jobs and stages that are chosen."""
    return f'{name}{{job=~"$job",stage=~"$stage"{"," if more else ""}{more}}}'


def exchange_row(job: str, first: int) -> list[Panel]:
    """Return requests, errors, latency and clock of a function; ids from `first` on."""
    requests = f"{job}_api_requests_total"
    failed = selected(requests, 'code!="ok"')
    return [
        Panel(
            first,
            "Requests by endpoint",
            "Requests to Bybit a second, by endpoint. The whole market is one tickers request; "
            "kline requests follow the movers.",
            [(f"sum by (endpoint) (rate({selected(requests)}[$__rate_interval]))", "{{endpoint}}")],
            unit="reqps",
            thresholds=steps((100, BAD)),
            stacked=True,
        ),
        Panel(
            first + 1,
            "Errors by endpoint and code",
            "Requests that failed, a second. forbidden: HTTP 403 or a ban; rate_limited: 10006 or "
            "429; key_refused; clock: 10002; no_answer: time-out or an unreadable answer.",
            [
                (
                    f"sum by (endpoint, code) (rate({failed}[$__rate_interval]))",
                    "{{endpoint}} {{code}}",
                )
            ],
            unit="reqps",
            thresholds=steps((0.05, WARN)),
        ),
        Panel(
            first + 2,
            "Latency by endpoint",
            "Time from sending a request to its answer that 95 % stay below. The client gives up "
            "after four seconds.",
            [
                (
                    "histogram_quantile(0.95, sum by (endpoint, le) "
                    f"(rate({selected(f'{job}_api_latency_seconds_bucket')}[$__rate_interval])))",
                    "{{endpoint}}",
                )
            ],
            unit="s",
            thresholds=steps((1, WARN), (4, BAD)),
        ),
        Panel(
            first + 3,
            "Clock",
            "Our clock less Bybit's. A clock that is a second fast is refused whatever the window.",
            [(f"max by (stage) ({selected(f'{job}_clock_skew_seconds')})", "{{stage}}")],
            unit="s",
            thresholds=[(None, BAD), (-5, WARN), (-0.7, GOOD), (0.7, BAD)],
        ),
    ]


def cluster_row(first: int) -> list[Panel]:
    """Return the cluster's own CPU, memory, volumes, scrapes, pods and messages."""
    return [
        Panel(
            first,
            "CPU by node",
            "Share of each node's CPU that is in use.",
            [
                (
                    "1 - avg by (node) (rate(node_cpu_seconds_total"
                    '{job="node-exporter",mode="idle"}[$__rate_interval]))',
                    "{{node}}",
                )
            ],
            unit="percentunit",
            thresholds=steps((0.75, WARN), (0.9, BAD)),
        ),
        Panel(
            first + 1,
            "Memory by node",
            "Share of each node's memory that is not available.",
            [
                (
                    "1 - sum by (node) "
                    '(node_memory_MemAvailable_bytes{job="node-exporter"})\n'
                    '/ sum by (node) (node_memory_MemTotal_bytes{job="node-exporter"})',
                    "{{node}}",
                )
            ],
            unit="percentunit",
            thresholds=steps((0.75, WARN), (0.9, BAD)),
        ),
        Panel(
            first + 2,
            "Volumes",
            "How full each volume of the monitoring cluster is.",
            [
                (
                    "1 - min by (persistentvolumeclaim) (\n"
                    '  kubelet_volume_stats_available_bytes{job="kubelet"}\n'
                    '  / kubelet_volume_stats_capacity_bytes{job="kubelet"}\n)',
                    "{{persistentvolumeclaim}}",
                )
            ],
            unit="percentunit",
            thresholds=steps((0.7, WARN), (0.85, BAD)),
        ),
        Panel(
            first + 3,
            "Scrape targets",
            "1 for each job whose targets all answer, 0 where one does not.",
            [('min by (job) (up{job=~".+"})', "{{job}}")],
            kind="bars",
            unit="bool_on_off",
            thresholds=steps((1, GOOD), base=BAD),
        ),
        Panel(
            first + 4,
            "Pods not ready",
            "Pods of the monitoring cluster that are not ready. Not 0 for minutes in a roll-out.",
            [
                (
                    "sum(kube_pod_status_ready"
                    '{job="kube-state-metrics",condition="false",pod=~"pumpwatch-.+"})',
                    "pods",
                )
            ],
            kind="stat",
            thresholds=steps((1, BAD)),
            width=12,
            height=5,
        ),
        Panel(
            first + 5,
            "Messages to Slack",
            "Messages that Grafana delivered and those that it could not.",
            [
                (
                    "sum(increase(grafana_alerting_notifications_total"
                    '{job="grafana"}[$__rate_interval])) or vector(0)',
                    "sent",
                ),
                (
                    "sum(increase(grafana_alerting_notifications_failed_total"
                    '{job="grafana"}[$__rate_interval])) or vector(0)',
                    "failed",
                ),
            ],
            width=12,
            height=5,
            thresholds=steps(base=CALM),
        ),
    ]


big_figure = partial(Panel, kind="stat", unit="percentunit", width=4, height=5)
"""One figure about the time shown."""
ALERTS_SENT = 'sum(increase(grafana_alerting_notifications_total{job="grafana"}[$__range]))'
HEADROOM = steps((0.1, WARN), (0.25, GOOD), base=BAD)
KPI_CLUSTER = [
    big_figure(
        8,
        "Alerts sent",
        "Messages that Grafana sent to Slack over the time shown.",
        [(f"{ALERTS_SENT} or vector(0)", "alerts")],
        thresholds=steps((20, WARN), base=CALM),
        decimals=0,
        unit="short",
    ),
    big_figure(
        9,
        "CPU headroom",
        "Share of the cluster's CPU that is free.",
        [(CPU_FREE, "free")],
        thresholds=HEADROOM,
        decimals=0,
    ),
    big_figure(
        10,
        "Memory headroom",
        "Share of the cluster's memory that is available.",
        [(MEMORY_FREE, "free")],
        thresholds=HEADROOM,
        decimals=0,
    ),
]
