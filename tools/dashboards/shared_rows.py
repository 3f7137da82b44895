"""Rows that both dashboards have: does the exchange answer, and the cluster itself."""

from __future__ import annotations

from tools.dashboards.panels import (
    BAD,
    CALM,
    GOOD,
    WARN,
    DashboardFunction,
    Panel,
    bars,
    series,
    stat,
)

CPU_FREE = 'avg(rate(node_cpu_seconds_total{job="node-exporter",mode="idle"}[$__rate_interval]))'
MEMORY_FREE = (
    'sum(node_memory_MemAvailable_bytes{job="node-exporter"})\n'
    '/ sum(node_memory_MemTotal_bytes{job="node-exporter"})'
)


def exchange_row(function: DashboardFunction, first: int) -> list[Panel]:
    """Return requests, errors, latency and clock of a function; ids from `first` on."""
    requests = function.of("api_requests_total")
    failed = function.of("api_requests_total", 'code!="ok"')
    return [
        Panel(
            first,
            "Requests by endpoint",
            "Requests to Bybit a second, by endpoint. The whole market is one tickers request; "
            "kline requests follow the movers.",
            [(f"sum by (endpoint) (rate({requests}[$__rate_interval]))", "{{endpoint}}")],
            series("reqps", (100, BAD), stacked=True),
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
            series("reqps", (0.05, WARN)),
        ),
        Panel(
            first + 2,
            "Latency by endpoint",
            "Time from sending a request to its answer that 95 % stay below. The client gives up "
            "after four seconds.",
            [
                (
                    "histogram_quantile(0.95, sum by (endpoint, le) "
                    f"(rate({function.of('api_latency_seconds_bucket')}[$__rate_interval])))",
                    "{{endpoint}}",
                )
            ],
            series("s", (1, WARN), (4, BAD)),
        ),
        Panel(
            first + 3,
            "Clock",
            "Our clock less Bybit's. A clock that is a second fast is refused whatever the window.",
            [function.gauge("clock_skew_seconds")],
            series("s", (-5, WARN), (-0.7, GOOD), (0.7, BAD), base=BAD),
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
            series("percentunit", (0.75, WARN), (0.9, BAD)),
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
            series("percentunit", (0.75, WARN), (0.9, BAD)),
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
            series("percentunit", (0.7, WARN), (0.85, BAD)),
        ),
        Panel(
            first + 3,
            "Scrape targets",
            "1 for each job whose targets all answer, 0 where one does not.",
            [('min by (job) (up{job=~".+"})', "{{job}}")],
            bars("bool_on_off", (1, GOOD), base=BAD),
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
            stat("short", (1, BAD), width=12, height=5),
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
            series(base=CALM, width=12, height=5),
        ),
    ]


ALERTS_SENT = 'sum(increase(grafana_alerting_notifications_total{job="grafana"}[$__range]))'
HEADROOM = stat("percentunit", (0.1, WARN), (0.25, GOOD), base=BAD, width=4, height=5, decimals=0)
KPI_CLUSTER = [
    Panel(
        8,
        "Alerts sent",
        "Messages that Grafana sent to Slack over the time shown.",
        [(f"{ALERTS_SENT} or vector(0)", "alerts")],
        stat("short", (20, WARN), base=CALM, width=4, height=5, decimals=0),
    ),
    Panel(
        9,
        "CPU headroom",
        "Share of the cluster's CPU that is free.",
        [(CPU_FREE, "free")],
        HEADROOM,
    ),
    Panel(
        10,
        "Memory headroom",
        "Share of the cluster's memory that is available.",
        [(MEMORY_FREE, "free")],
        HEADROOM,
    ),
]
