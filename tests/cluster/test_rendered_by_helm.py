"""The chart under Helm 3 and 4, for every version of Kubernetes whose schemas are known."""

import re

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import all_versions, major_minor
from support.chart_repository import internet
from support.charts import (
    HELMS,
    HOSTS,
    LOCKED,
    UPSTREAM,
    copy_of_the_chart,
    helm,
    homes_of_helm,
    make_stand_ins,
    needs_helm,
    needs_upstream,
)
from support.monitoring import CHART, FAST, read_yaml

pytestmark = [pytest.mark.slow, needs_helm]

KUBERNETES = [major_minor(version) for version in all_versions()]
UNCHECKED = {"ExternalSecret": "its schema is the operator's, which Kubernetes does not know"}
TLS = {"enabled": True, "tlsSecretName": "tls"}
VARIANTS = {
    "as it comes": {},
    "with ingresses and External Secrets": {
        "pushgateway": {"ingress": TLS | {"host": "push.example.com"}},
        "grafanaIngress": TLS | {"host": "grafana.example.com"},
        "externalSecrets": {"enabled": True},
    },
    "with another Grafana": {
        "grafana": {"enabled": False},
        "alerting": {"ownPolicyTree": False},
    },
    "with another Prometheus": {"prometheus": {"enabled": False}},
    "with little": {
        "alerting": {"enabled": False},
        "networkPolicies": {"enabled": False},
        "prometheus": {"prometheus-node-exporter": {"enabled": False}},
    },
}
by_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("helm")


@pytest.fixture(scope="module")
def environment(scratch):
    return homes_of_helm(scratch)


@pytest.fixture(scope="module")
def stand_ins(scratch):
    return make_stand_ins(scratch / "stand-ins")


@pytest.fixture(
    scope="module",
    params=["stand-in charts", pytest.param("upstream charts", marks=needs_upstream)],
)
def chart(request, tmp_path_factory, stand_ins):
    archives = stand_ins if request.param == "stand-in charts" else UPSTREAM
    return copy_of_the_chart(tmp_path_factory.mktemp("chart"), archives)


@pytest.fixture
def values(tmp_path, variant):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(VARIANTS[variant]))
    return path


@by_variant
@pytest.mark.parametrize("major", HELMS)
def test_lint_finds_nothing(chart, values, environment, major):
    done = helm(major, "lint", "--strict", chart, "--values", values, env=environment)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


def rendered(major, chart, values, version, environment):
    options = ["--namespace", "watching", "--values", values, "--kube-version", version]
    done = helm(major, "template", "monitoring", chart, *options, env=environment)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    return done.stdout


@by_variant
@pytest.mark.parametrize("version", [KUBERNETES[0], KUBERNETES[-1]])
def test_helm_3_and_4_write_the_same(chart, values, version, environment):
    third, fourth = (rendered(major, chart, values, version, environment) for major in HELMS)
    assert third == fourth


@by_variant
def test_manifests_are_valid_for_every_kubernetes(chart, values, environment):
    for version in KUBERNETES:
        validate(rendered("4", chart, values, version, environment), version)


def validate(text, version):
    for manifest in yaml.load_all(text, Loader=FAST):
        if manifest and manifest["kind"] not in UNCHECKED:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_oldest_kubernetes_is_the_oldest_that_was_checked(chart, environment):
    before = f"1.{int(KUBERNETES[0].partition('.')[2]) - 1}"
    assert read_yaml(CHART / "Chart.yaml")["kubeVersion"] == f">={KUBERNETES[0]}.0-0"
    for major in HELMS:
        options = ["--kube-version", before]
        refused = helm(major, "template", "monitoring", chart, *options, env=environment)
        assert refused.returncode != 0
        assert f"incompatible with Kubernetes v{before}" in refused.stderr


@pytest.fixture(scope="module")
def repositories(stand_ins, scratch, environment):
    """Serve the stand-ins under the addresses of Chart.lock; return Helm's environment."""
    assert helm("4", "repo", "index", stand_ins, env=environment).returncode == 0
    with internet(stand_ins, HOSTS, scratch / "authority.pem") as (reached, _):
        yield environment | reached


@pytest.mark.parametrize("major", HELMS)
def test_lock_is_as_helm_writes_it(tmp_path, repositories, major):
    chart = copy_of_the_chart(tmp_path)
    (chart / "Chart.lock").unlink()
    done = helm(major, "dependency", "update", chart, env=repositories)
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load((chart / "Chart.lock").read_text())
    committed = read_yaml(CHART / "Chart.lock")
    for key in ("dependencies", "digest"):
        assert written[key] == committed[key]


@pytest.mark.parametrize("major", HELMS)
def test_helm_builds_from_the_lock_and_notices_another_pin(tmp_path, repositories, major):
    chart = copy_of_the_chart(tmp_path)
    for locked in LOCKED:
        added = helm(major, "repo", "add", locked["name"], locked["repository"], env=repositories)
        assert added.returncode == 0, added.stderr
    done = helm(major, "dependency", "build", chart, env=repositories)
    assert done.returncode == 0, done.stderr
    path = chart / "Chart.yaml"
    path.write_text(re.sub(r"version: 29\.\S+", "version: 29.0.0", path.read_text()))
    refused = helm(major, "dependency", "build", chart, env=repositories)
    assert refused.returncode != 0
    assert "out of sync" in refused.stderr


def test_readme_names_these_helms(environment):
    shown = ("version", "--template", "{{.Version}}")
    versions = [helm(major, *shown, env=environment).stdout for major in HELMS]
    row = " and ".join(version.removeprefix("v") for version in versions)
    assert f"| {row} |" in (CHART / "README.md").read_text()
