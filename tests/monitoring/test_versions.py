"""The table of versions: what the chart ships beside what the tests ran."""

import platform
import re
import subprocess

import pytest
from helm_python import Chart
from kubernetes_validate.utils import all_versions, major_minor
from support.charts import LOCKED, UPSTREAM, copy_of_the_chart, needs_upstream
from support.monitoring import CHART, read_yaml
from support.servers import needs_server

from tools.install_monitoring import OLDEST_HELM

README = (CHART / "README.md").read_text()
TABLE = dict(re.findall(r"^\| ([\w-]+) \| (\S.*?) \| .* \|$", README, re.MULTILINE))
TESTED = dict(re.findall(r"^\| ([\w-]+) \| \S.*? \| (.*) \|$", README, re.MULTILINE))
IMAGES = {
    "prometheus": "Prometheus",
    "pushgateway": "Pushgateway",
    "grafana": "Grafana",
    "node-exporter": "node-exporter",
    "kube-state-metrics": "kube-state-metrics",
}


def debian():
    """Return the release of Debian, or nothing elsewhere."""
    try:
        described = platform.freedesktop_os_release()
    except OSError:
        return ""
    return described.get("VERSION_ID", "") if described.get("ID") == "debian" else ""


def test_readme_names_the_locked_charts():
    for chart in LOCKED:
        assert f"`{chart['name']}` {chart['version']}" in README


def test_supported_helm_and_kubernetes_are_those_that_are_asked_for():
    assert TABLE["Helm"].startswith(".".join(map(str, OLDEST_HELM)))
    oldest = TABLE["Kubernetes"].split()[0]
    assert read_yaml(CHART / "Chart.yaml")["kubeVersion"] == f">={oldest}.0-0"
    first, *_, last = map(major_minor, all_versions())
    assert TESTED["Kubernetes"].startswith(f"schemas of {first} to {last}")


@needs_upstream
def test_shipped_versions_are_those_of_the_images(tmp_path):
    chart = Chart.load(copy_of_the_chart(tmp_path, UPSTREAM))
    text = "\n".join(chart.render({}, name="monitoring", namespace="watching").values())
    shipped = dict(re.findall(r"image: \"?\S+/([\w-]+):v?([\d.]+)", text))
    for image, program in IMAGES.items():
        assert TABLE[program] == shipped[image]


@pytest.mark.skipif(debian() != "12", reason="the table names the packages of Debian 12")
@pytest.mark.parametrize(
    ("program", "binary"),
    [
        pytest.param(program, binary, marks=needs_server(binary))
        for program, binary in [
            ("Prometheus", "prometheus"),
            ("Pushgateway", "prometheus-pushgateway"),
        ]
    ],
)
def test_tested_servers_are_those_that_are_installed(program, binary):
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    version = re.search(r"version (\d+\.\d+\.\d+)", done.stdout + done.stderr)
    assert TESTED[program] == f"{version[1]} of Debian 12"
