"""The configurations on the page about other backends can be read and name what there is."""

import re
import subprocess

import pytest
import yaml
from prometheus_client import generate_latest
from support.monitoring import CHART, REPOSITORY, most_series, rules
from support.servers import needs_server

from pumpwatch.metrics.catalogue import DETECT, METRICS, TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import exposition

PAGE = (REPOSITORY / "docs" / "monitoring-backends.md").read_text()
NAMES = {metric.name for metric in METRICS}


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S).group(1)


def configuration(title):
    (text,) = re.findall(r"^```yaml\n(.*?)^```", section(title), re.M | re.S)
    return yaml.safe_load(text)


def exposed_names():
    """Return the names on a Pushgateway's page after both functions have pushed."""
    found = set()
    for job in (DETECT, TRADE):
        text = generate_latest(exposition(RunNumbers(job), {}, failed=False)).decode()
        found |= set(re.findall(r"^([a-z_]+)[{ ]", text, re.M))
    return found | {"push_time_seconds", "push_failure_time_seconds"}


def test_page_says_which_backend_is_tested():
    for name in ("VictoriaMetrics", "New Relic", "Datadog", "Elastic", "Zabbix"):
        assert re.search(rf"^\| {name} \| .+ \| .+ \|$", PAGE, re.M)


def test_datadog_collects_every_metric():
    (instance,) = configuration("Datadog")["instances"]
    patterns = [re.compile(one) for one in instance["metrics"]]
    for name in exposed_names():
        assert any(pattern.match(name) for pattern in patterns), name
    series = sum(most_series(metric) for metric in METRICS)
    assert instance["max_returned_metrics"] > series


def test_elastic_collects_every_metric():
    (module,) = configuration("Elastic")
    assert module["module"] == "prometheus"
    patterns = [re.compile(one) for one in module["metrics_filters"]["include"]]
    for name in exposed_names():
        assert any(pattern.match(name) for pattern in patterns), name


def test_zabbix_asks_for_metrics_that_there_are():
    (template,) = configuration("Zabbix")["zabbix_export"]["templates"]
    master, *others = template["items"]
    uuids = re.findall(r"uuid: (\S+)", section("Zabbix"))
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in uuids)
    assert len(uuids) == len(set(uuids))
    for item in others:
        assert item["master_item"]["key"] == master["key"]
        (step,) = item["preprocessing"]
        assert step["type"] == "PROMETHEUS_PATTERN"
        assert step["parameters"][0].partition("{")[0] in NAMES
        for trigger in item["triggers"]:
            assert f"/Pumpwatch/{item['key']}" in trigger["expression"]


@needs_server("promtool")
def test_new_relic_s_remote_write_is_a_valid_configuration(tmp_path):
    server = configuration("New Relic")["prometheus"]["server"]
    (tmp_path / "key").write_text("key")
    for one in server["remoteWrite"]:
        one["authorization"]["credentials_file"] = str(tmp_path / "key")
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump({"remote_write": server["remoteWrite"]}))
    done = subprocess.run(
        ["promtool", "check", "config", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shipped = yaml.safe_load((CHART / "values.yaml").read_text())["prometheus"]["server"]
    assert shipped["extraSecretMounts"][0] in server["extraSecretMounts"], "lists are replaced"


@needs_server("promtool")
def test_scrape_configuration_is_valid(tmp_path):
    """A file of `scrape_config_files` holds a list that a plain configuration takes as well.

    Debian's build knows no discovery by Kubernetes: that part is Prometheus' own to check.
    """
    config = yaml.safe_load((CHART / "scrape" / "pumpwatch.yaml").read_text())
    for job in config["scrape_configs"]:
        for discovery in job.pop("kubernetes_sd_configs", []):
            assert discovery["role"] in {"pod", "node"}
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    done = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_that_do_not_apply_to_victoria_metrics_are_named():
    titles = {rule["title"] for rule in rules()}
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", section("VictoriaMetrics")))
    assert named <= titles
    assert {"PushStale", "PushRejected", "PushgatewayDown"} <= named


@pytest.mark.parametrize("title", ["Datadog", "Elastic", "Zabbix", "New Relic"])
def test_no_configuration_shows_a_password(title):
    for value in re.findall(r"password: *(.+)", section(title)):
        assert "env_" in value or "${" in value or "{$" in value
