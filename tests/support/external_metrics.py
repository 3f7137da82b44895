"""Metrics that others make and our panels and alerts use: who makes them, and a sample of each.

A stand-in serves the samples in the end-to-end tests, where there is no cluster.
"""

EXTERNAL = {
    "up": "Prometheus, for each target",
    "push_time_seconds": "the Pushgateway, for each group",
    "push_failure_time_seconds": "the Pushgateway, for each group",
    "pushgateway_http_requests_total": "the Pushgateway itself",
    "node_cpu_seconds_total": "node-exporter",
    "node_memory_MemAvailable_bytes": "node-exporter",
    "node_memory_MemTotal_bytes": "node-exporter",
    "kubelet_volume_stats_available_bytes": "the kubelet",
    "kubelet_volume_stats_capacity_bytes": "the kubelet",
    "kube_pod_status_ready": "kube-state-metrics",
    "kube_deployment_status_replicas_available": "kube-state-metrics",
    "grafana_alerting_notifications_total": "Grafana, after its first message",
    "grafana_alerting_notifications_failed_total": "Grafana, after its first failure",
}
PAGES = {
    "node-exporter": """\
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} %(seconds)s
node_memory_MemAvailable_bytes 6e9
node_memory_MemTotal_bytes 8e9
""",
    "kubelet": """\
kubelet_volume_stats_available_bytes{persistentvolumeclaim="pumpwatch-prometheus"} 7e9
kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="pumpwatch-prometheus"} 10e9
""",
    "kube-state-metrics": """\
kube_pod_status_ready{namespace="monitoring",pod="pumpwatch-grafana-0",condition="false"} 0
kube_pod_status_ready{namespace="monitoring",pod="pumpwatch-grafana-0",condition="true"} 1
kube_deployment_status_replicas_available{namespace="bots",deployment="pumpwatch-bot-paper"} 1
""",
    "grafana": """\
# TYPE grafana_alerting_notifications_total counter
grafana_alerting_notifications_total{integration="slack"} 3
""",
}
