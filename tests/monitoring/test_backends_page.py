"""The configurations on the page about other backends can be read and name what there is."""

import copy
import re

import pytest
import yaml
from prometheus_client import generate_latest
from support.monitoring import CHART, REPOSITORY, most_series, promtool, read_yaml, rules
from support.servers import needs_server

from pumpwatch.metrics.catalogue import DETECT, METRICS, TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import exposition

PAGE = (REPOSITORY / "docs" / "monitoring-backends.md").read_text()


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S).group(1)


def configuration(title):
    (text,) = re.findall(r"^```yaml\n(.*?)^```", section(title), re.M | re.S)
    return yaml.safe_load(text)


def exposed_names():
    """Return the names on a Pushgateway's page after both functions have pushed."""
    texts = (
        generate_latest(exposition(RunNumbers(job), {}, failed=False)) for job in (DETECT, TRADE)
    )
    names = {name for text in texts for name in re.findall(r"^([a-z_]+)[{ ]", text.decode(), re.M)}
    return names | {"push_time_seconds", "push_failure_time_seconds"}


def test_datadog_and_elastic_collect_every_metric():
    (datadog,) = configuration("Datadog")["instances"]
    (elastic,) = configuration("Elastic")
    assert elastic["module"] == "prometheus"
    assert datadog["max_returned_metrics"] > sum(most_series(metric) for metric in METRICS)
    for patterns in (datadog["metrics"], elastic["metrics_filters"]["include"]):
        missed = [
            name
            for name in exposed_names()
            if not any(re.match(pattern, name) for pattern in patterns)
        ]
        assert missed == []


def test_zabbix_asks_for_metrics_that_there_are():
    (template,) = configuration("Zabbix")["zabbix_export"]["templates"]
    master, *others = template["items"]
    uuids = re.findall(r"uuid: (\S+)", section("Zabbix"))
    assert all(re.fullmatch(r"[0-9a-f]{32}", uuid) for uuid in uuids)
    assert len(uuids) == len(set(uuids))
    for item in others:
        assert item["master_item"]["key"] == master["key"]
        (step,) = item["preprocessing"]
        assert step["type"] == "PROMETHEUS_PATTERN"
        names = {metric.name for metric in METRICS}
        assert step["parameters"][0].partition("{")[0] in names
        for trigger in item["triggers"]:
            assert f"/Pumpwatch/{item['key']}" in trigger["expression"]


def check_config(folder, config, *options):
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    status, text = promtool("check", "config", *options, folder / "prometheus.yaml")
    assert status == 0, text


@needs_server("promtool")
def test_new_relic_s_remote_write_is_a_valid_configuration(tmp_path):
    server = configuration("New Relic")["prometheus"]["server"]
    (tmp_path / "key").write_text("key")
    for target in server["remoteWrite"]:
        target["authorization"]["credentials_file"] = str(tmp_path / "key")
    check_config(tmp_path, {"remote_write": server["remoteWrite"]})
    shipped = read_yaml(CHART / "values.yaml")["prometheus"]["server"]
    assert shipped["extraSecretMounts"][0] in server["extraSecretMounts"], "lists are replaced"


@needs_server("promtool")
def test_scrape_configuration_is_valid(tmp_path):
    """A file of `scrape_config_files` holds a list that a plain configuration takes as well.

    Debian's build knows no discovery by Kubernetes: that part is Prometheus' own to check.
    """
    config = copy.deepcopy(read_yaml(CHART / "scrape" / "pumpwatch.yaml"))
    for job in config["scrape_configs"]:
        for discovery in job.pop("kubernetes_sd_configs", []):
            assert discovery["role"] in {"pod", "node"}
    check_config(tmp_path, config, "--syntax-only")


def test_alerts_that_do_not_apply_to_victoria_metrics_are_named():
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", section("VictoriaMetrics")))
    assert {"PushStale", "PushRejected", "PushgatewayDown"} <= named
    assert named <= {rule["title"] for rule in rules()}


@pytest.mark.parametrize("title", ["Datadog", "Elastic", "Zabbix", "New Relic", "VictoriaMetrics"])
def test_each_backend_is_in_the_table_and_shows_no_password(title):
    assert f"| {title} | " in PAGE, "of what was tested"
    for value in re.findall(r"password: *(.+)", section(title)):
        assert "env_" in value or "${" in value or "{$" in value
