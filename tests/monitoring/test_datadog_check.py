"""Datadog's own check takes the page's block and collects what the page says it collects."""

import json
import re
import subprocess

import pytest
import yaml
from support.backends import FACTS, blocks, configuration, push_a_run, section, wrong_fields
from support.monitoring import REPOSITORY, most_series
from support.prometheus import PATIENCE
from support.servers import needs_server, program

from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.credentials import PushCredentials
from pumpwatch.metrics.catalogue import DETECT, METRICS, TRADE, Kind

PYTHON = REPOSITORY / ".venv-datadog" / "bin" / "python"
CHECK = REPOSITORY / "tests" / "support" / "datadog_check.py"
USER, PASSWORD = "pumpwatch", "right-password"
HASH = "$2b$04$zha1YTk1DpYZA3cGFy54GOFtsj/UGxcUmlxGTSevt0IAHBc9I8Zne"
"""The hash of the password above."""
AGE = 400
BY_KIND = {
    Kind.GAUGE: {"": "gauge"},
    Kind.COUNTER: {".count": "monotonic_count"},
    Kind.HISTOGRAM: dict.fromkeys((".bucket", ".count", ".sum"), "monotonic_count"),
}
ORDERS = "pumpwatch.trade_orders.count"
needs_gateway = needs_server("prometheus-pushgateway")
needs_check = needs_server(str(PYTHON), "Datadog's check is not installed: make backends does it")


def instance():
    (options,) = configuration("Datadog")["instances"]
    return options


def promised():
    """Return each name that comes out of the metrics that we have, with its type."""
    names = {}
    for metric in METRICS:
        name = metric.name.removeprefix("pumpwatch_").removesuffix("_total")
        ends = BY_KIND[metric.kind]
        if name.endswith("_last_success_timestamp_seconds"):
            name = name.replace("last_success_timestamp_seconds", "seconds_since_success")
        names |= {f"pumpwatch.{name}{end}": kind for end, kind in ends.items()}
    for name in ("push_time_seconds", "push_failure_time_seconds"):
        names[f"pumpwatch.{name}"] = "gauge"
    return names


def run_check(**options):
    done = subprocess.run(
        [PYTHON, CHECK],
        input=json.dumps(instance() | options),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Return the address of a gateway with a password and everything both functions push."""
    folder = tmp_path_factory.mktemp("datadog")
    (folder / "web.yaml").write_text(yaml.safe_dump({"basic_auth_users": {USER: HASH}}))

    def arguments(port):
        return [
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.config.file={folder / 'web.yaml'}",
            "--persistence.file=",
        ]

    def is_ready(port):
        return "Listening" in (folder / "log").read_text()

    with program("prometheus-pushgateway", folder / "log", arguments, is_ready) as port:
        credentials = PushCredentials(USER, PASSWORD)
        sink = PushgatewaySink(
            f"http://127.0.0.1:{port}",
            stage="prod",
            timeout_seconds=PATIENCE,
            credentials=lambda: credentials,
        )
        for job in (DETECT, TRADE):
            push_a_run(sink, job, age=AGE)
        yield f"http://127.0.0.1:{port}/metrics"


@pytest.fixture(scope="module")
def collected(gateway):
    said = run_check(openmetrics_endpoint=gateway, password=PASSWORD)
    assert (said["error"], said["warnings"]) == ("", [])
    return said


def test_each_option_is_one_of_the_check_s_and_of_its_type():
    assert wrong_fields(instance(), FACTS["datadog"]["instance"]) == []
    most = sum(most_series(metric) for metric in METRICS)
    assert instance()["max_returned_metrics"] > most, "and the rest of the page would be dropped"


@needs_gateway
@needs_check
def test_no_option_is_without_effect(collected):
    assert collected["ignored"] == []


@needs_gateway
@needs_check
def test_every_metric_comes_out_under_the_promised_name_and_type(collected):
    assert {name: kind for name, kind, *_ in collected["samples"]} == promised()


@needs_gateway
@needs_check
def test_tags_are_the_labels_and_none_has_two_values(collected):
    for name, _, _, tags in collected["samples"]:
        keys = [tag.partition(":")[0] for tag in tags]
        assert sorted(keys) == sorted(set(keys)), name
        assert {"job", "stage"} <= set(keys)
    orders = [set(tags) for name, _, _, tags in collected["samples"] if name == ORDERS]
    assert {"leg:entry", "outcome:filled", "job:pumpwatch_trade", "stage:prod"} in orders
    bounds = {tag for name, _, _, tags in collected["samples"] for tag in tags if "_bound:" in tag}
    assert "upper_bound:0.05" in bounds


@needs_gateway
@needs_check
def test_ages_are_ages(collected):
    ages = [value for name, _, value, _ in collected["samples"] if name.endswith("since_success")]
    assert len(ages) == 2
    assert all(AGE <= age < AGE + 2 * PATIENCE for age in ages)


@needs_gateway
@needs_check
def test_a_wrong_password_is_an_error(gateway):
    assert "401" in run_check(openmetrics_endpoint=gateway, password="wrong")["error"]


def test_monitors_and_text_use_names_that_come_out():
    (monitors,) = blocks("Datadog", "text")
    for monitor in monitors.splitlines():
        name = re.fullmatch(r"max\(last_1m\):max:([a-z_.]+)\{stage:prod\} > \d+", monitor)
        assert promised()[name[1]] == "gauge"
    named = set(re.findall(r"`(pumpwatch\.[a-z_.]+)`", section("Datadog")))
    assert {ORDERS} <= named <= promised().keys()
