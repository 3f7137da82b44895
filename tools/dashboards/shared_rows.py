"""Rows of both dashboards: the exchange, what the function uses, and the cluster."""

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

CORE = 1769 * 1024 * 1024
"""Bytes of memory at which Lambda gives a function a whole core; it gives less in proportion."""


def cpu_of(function: DashboardFunction) -> str:
    """Return the share in use of the CPU that Lambda gives the function, in its last run.

    A desk has no limit of memory: of a core.
    """
    cores = f"{_max(function, 'cpu_seconds')} / {_max(function, 'duration_seconds')}"
    return f"({cores}\n/ ({_max(function, 'memory_limit_bytes')} / {CORE})\nor {cores})"


def memory_of(function: DashboardFunction) -> str:
    """Return the share of its memory that the function has used at most."""
    return f"{_max(function, 'memory_peak_bytes')}\n/ {_max(function, 'memory_limit_bytes')}"


def _max(function: DashboardFunction, name: str) -> str:
    return f"max by (stage, job) ({function.of(name)})"


def function_row(
    function: DashboardFunction, numbers: tuple[int, ...], seconds: float
) -> list[Panel]:
    """Return duration, CPU, memory and starts of a function that is killed after `seconds`."""
    duration, cpu, memory, starts, start = numbers
    return [
        Panel(
            duration,
            "Run duration",
            f"Wall time of the last run. Lambda kills the function after {seconds:g} seconds.",
            [function.gauge("duration_seconds")],
            series("s", (seconds / 2, WARN), (seconds, BAD)),
        ),
        Panel(
            cpu,
            "CPU of the function",
            "CPU time of the last run, as a share of what Lambda gives for the function's memory: "
            "a core at 1,769 MB; of a desk, as a share of a core. More memory makes a run faster "
            "that uses all of it.",
            [(cpu_of(function), "{{stage}}")],
            series("percentunit", (0.9, WARN), base=CALM),
        ),
        Panel(
            memory,
            "Memory of the function",
            "Largest memory since the function's process began, as a share of its limit. At 100 % "
            "Lambda kills it.",
            [(memory_of(function), "{{stage}}")],
            series("percentunit", (0.8, WARN), (0.9, BAD)),
        ),
        Panel(
            starts,
            "Cold starts",
            "Processes that Lambda started since the point before.",
            [function.growth("cold_starts_total", "cold starts")],
            series(base=CALM, width=3),
        ),
        Panel(
            start,
            "Start-up time",
            "From the start of the present process to its first run: what a cold start adds.",
            [function.gauge("init_seconds")],
            series("s", (5, WARN), width=3),
        ),
    ]


def exchange_row(function: DashboardFunction, first: int) -> list[Panel]:
    """Return requests, errors, latency and clock of a function; ids from `first` on."""
    requests = function.of("api_requests_total")
    failed = function.of("api_requests_total", 'code!="ok"')
    return [
        Panel(
            first,
            "Requests by endpoint",
            "Requests to Bybit per second. The whole market is one tickers request; "
            "kline requests follow the movers.",
            [(f"sum by (endpoint) (rate({requests}[$__rate_interval]))", "{{endpoint}}")],
            series("reqps", (100, BAD), stacked=True),
        ),
        Panel(
            first + 1,
            "Errors by endpoint and code",
            "Failed requests per second. forbidden: HTTP 403 or a ban; rate_limited: 10006 or "
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
            "From sending a request to its answer, 95th percentile. The client gives up after four "
            "seconds.",
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
            "Our clock minus Bybit's. A clock a second fast is refused whatever the window.",
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
