"""The blocks and queries on the page about other backends fit what the backends document."""

import copy
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from support.backends import (
    FACTS,
    PAGE,
    PUSHED_BY_ALL,
    blocks,
    configuration,
    section,
    wrong_fields,
)
from support.monitoring import CHART, promtool, read_yaml, rules
from support.servers import needs_server

from pumpwatch.metrics.catalogue import METRICS, Kind

ELASTIC, NEW_RELIC = FACTS["elastic"], FACTS["new_relic"]
KINDS = {metric.name: metric.kind for metric in METRICS}
ALERTED = ("DetectorSilent", "TraderSilent", "PositionWithoutStop")
"""Alerts that every backend has."""


def test_elastic_s_fields_are_the_module_s():
    (module,) = configuration("Elastic")
    assert wrong_fields(module, ELASTIC["module"]) == []
    assert wrong_fields(module["metrics_filters"], ELASTIC["metrics_filters"]) == []
    assert set(module["metricsets"]) <= set(ELASTIC["metricsets"])
    for field, needed in ELASTIC["needs"].items():
        assert not module[field] or module[needed]


def test_elastic_collects_every_metric_and_whether_the_gateway_answers():
    (module,) = configuration("Elastic")
    patterns = module["metrics_filters"]["include"]
    names = [*KINDS, *PUSHED_BY_ALL, *ELASTIC["own_names"]]
    assert [name for name in names if not any(re.search(each, name) for each in patterns)] == []


def test_elastic_s_query_names_fields_and_functions_that_there_are():
    (query,) = blocks("Elastic", "text")
    assert set(re.findall(r"([A-Z_]+)\(", query)) <= set(ELASTIC["functions"])
    fields = re.findall(r"prometheus\.(pumpwatch_\w+)\.(\w+)", section("Elastic"))
    assert len(fields) == 2
    for name, ending in fields:
        assert ending in ELASTIC["endings"][KINDS[name]]
    assert "prometheus.labels.stage" in query


def test_new_relic_s_target_is_as_documented():
    (target,) = configuration("New Relic")["prometheus"]["server"]["remoteWrite"]
    url = urlsplit(target["url"])
    assert (url.scheme, url.path) == ("https", NEW_RELIC["path"])
    assert url.hostname in NEW_RELIC["hosts"]
    assert set(NEW_RELIC["hosts"]) <= set(re.findall(r"[\w.-]+newrelic\.com", section("New Relic")))
    assert set(parse_qs(url.query)) == set(NEW_RELIC["parameters"])
    assert target.keys() <= set(NEW_RELIC["target"])
    assert set(target["authorization"]) == {"credentials_file"}, "Prometheus' own, with the key"


def type_in_new_relic(name):
    return next((kind for end, kind in NEW_RELIC["types"].items() if name.endswith(end)), "gauge")


def test_new_relic_takes_each_metric_for_what_it_is():
    for name, kind in KINDS.items():
        if kind is not Kind.HISTOGRAM:
            assert type_in_new_relic(name) == ("count" if kind is Kind.COUNTER else "gauge"), name
    assert NEW_RELIC["bucket_label"] in section("New Relic")


def test_new_relic_s_queries_ask_what_the_type_can_answer():
    queries = "".join(blocks("New Relic", "sql")).splitlines()
    assert len(queries) == 1 + len(ALERTED)
    for query in queries:
        function, name = re.search(r"(\w+)\((pumpwatch_\w+)\)", query).groups()
        assert function in NEW_RELIC["functions"][type_in_new_relic(name)]
        labels = {label for metric in METRICS if metric.name == name for label, _ in metric.labels}
        asked = re.findall(r"(?:WHERE|AND|FACET) (\w+)", query)
        assert set(asked) <= labels | {"job", "stage"}
        assert " FROM Metric " in query
    for query in queries[1:]:
        assert re.match(r"SELECT (\w+)", query)[1] in NEW_RELIC["alert_functions"]


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


def test_each_backend_has_the_alerts_that_the_page_promises():
    promised = re.findall(r"`([A-Z]\w+)`", section("Alerts"))
    assert tuple(promised) == ALERTED
    assert set(ALERTED) <= {rule["title"] for rule in rules()}
    ages = r"detect[_.]\w*(?:success|runs_total)", r"trade[_.]\w*(?:success|runs_total)"
    for title in ("Datadog", "Zabbix", "New Relic", "Elastic"):
        for wanted in (*ages, "trade_positions_without_stop"):
            assert re.search(wanted, section(title)), f"{title} has no {wanted}"


@pytest.mark.parametrize("title", ["Datadog", "Elastic", "Zabbix", "New Relic", "VictoriaMetrics"])
def test_each_backend_is_in_the_table_and_shows_no_password(title):
    assert f"| {title} | " in PAGE, "of what was tested"
    for value in re.findall(r"password: *(.+)", section(title)):
        assert "env_" in value or "${" in value or "{$" in value
