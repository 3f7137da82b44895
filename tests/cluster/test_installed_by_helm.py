"""`make monitoring` with real Helm and kubectl, against stand-ins for API server and charts."""

import os
import shutil

import pytest
from support.chart_repository import Registry, internet, mirror
from support.charts import (
    ARCHIVES,
    HELMS,
    HOSTS,
    LOCKED,
    copy_of_the_chart,
    helm,
    homes_of_helm,
    make_stand_ins,
    needs_helm,
)
from support.kubernetes_api import Cluster
from typer.testing import CliRunner

from tools import install_monitoring

pytestmark = [pytest.mark.slow, needs_helm]


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    """A folder of stand-ins with its index."""
    folder = make_stand_ins(tmp_path_factory.mktemp("charts"))
    environment = homes_of_helm(tmp_path_factory.mktemp("helm"))
    assert helm("4", "repo", "index", folder, env=environment).returncode == 0
    return folder


@pytest.fixture(params=HELMS, ids=[f"helm {major}" for major in HELMS])
def rig(request, tmp_path, monkeypatch):
    """Put Helm and kubectl on the PATH, without any repository, and reach no network."""
    programs = HELMS[request.param]
    for name, value in homes_of_helm(tmp_path).items():
        monkeypatch.setenv(name, value)
    path = [programs, programs.with_name("kubectl"), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, path)))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def cluster(rig, monkeypatch):
    """An API server with the Secrets and nothing else."""
    cluster = Cluster(rig / "kubeconfig", "1.34")
    monkeypatch.setenv("KUBECONFIG", str(cluster.config))
    with cluster.serve() as address:
        cluster.point_to(address)
        yield cluster


def use_chart(folder, monkeypatch, archives=None):
    chart = copy_of_the_chart(folder, archives)
    monkeypatch.setattr(install_monitoring, "CHART", chart)
    return chart


def install(*arguments):
    return CliRunner().invoke(install_monitoring.app, ["--dry-run", *arguments])


def there(chart):
    return sorted(path.name for path in (chart / "charts").iterdir())


def test_dry_run_needs_no_network_when_the_charts_are_there(rig, cluster, charts, monkeypatch):
    use_chart(rig, monkeypatch, charts)
    done = install()
    assert done.exit_code == 0, done.output
    assert "The charts are there." in done.output
    assert "Nothing changed." in done.output
    assert "/api/v1/namespaces/monitoring/configmaps/pumpwatch-alerting" in cluster.asked


def test_charts_come_from_where_the_lock_says(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch)
    with internet(charts, HOSTS, rig / "authority.pem") as (reached, asked):
        for name, value in reached.items():
            monkeypatch.setenv(name, value)
        done = install()
    assert done.exit_code == 0, done.output
    for host, archive in zip(HOSTS, ARCHIVES, strict=True):
        assert f"{host} /helm-charts/{archive}" in asked
    assert there(chart) == sorted(ARCHIVES)


def test_charts_come_from_a_mirror(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch)
    with mirror(charts) as (address, asked):
        done = install("--mirror", address)
    assert done.exit_code == 0, done.output
    assert len([path for path in asked if path.endswith(".tgz")]) == 2
    assert there(chart) == sorted(ARCHIVES)


def test_charts_come_from_a_registry(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch)
    hosts, authority = ["registry.example.com"], rig / "authority.pem"
    with internet(charts, hosts, authority, Registry) as (reached, asked):
        for name, value in reached.items():
            monkeypatch.setenv(name, value)
        done = install("--mirror", "oci://registry.example.com/charts/")
    assert done.exit_code == 0, done.output
    for locked in LOCKED:
        path = f"/v2/charts/{locked['name']}/manifests/{locked['version']}"
        assert f"registry.example.com {path}" in asked
    assert there(chart) == sorted(ARCHIVES)


def test_without_network_the_missing_chart_is_named(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch, charts)
    (chart / "charts" / ARCHIVES[1]).unlink()
    done = install()
    assert done.exit_code == 1
    assert f"put {ARCHIVES[1]} into {chart / 'charts'}" in done.output
    assert "--mirror" in done.output
    assert there(chart) == [ARCHIVES[0]]


def test_mirror_without_the_locked_version_is_named(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch)
    for name in ("Chart.yaml", "Chart.lock"):
        path = chart / name
        path.write_text(path.read_text().replace(LOCKED[0]["version"], "29.0.1"))
    with mirror(charts) as (address, _):
        done = install("--mirror", address)
    assert done.exit_code == 1
    assert "29.0.1" in done.output
    assert not (chart / "charts").exists()


def test_half_fetched_and_outdated_charts_are_replaced(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch, charts)
    half = chart / "charts" / ARCHIVES[0]
    half.write_bytes(half.read_bytes()[:100])
    outdated = ARCHIVES[1].replace(LOCKED[1]["version"], "12.0.0")
    (chart / "charts" / ARCHIVES[1]).rename(chart / "charts" / outdated)
    with mirror(charts) as (address, _):
        done = install("--mirror", address)
    assert done.exit_code == 0, done.output
    assert there(chart) == sorted(ARCHIVES)
    assert half.read_bytes() == (charts / ARCHIVES[0]).read_bytes()


def test_outdated_chart_beside_the_right_one_goes(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch, charts)
    outdated = ARCHIVES[0].replace(LOCKED[0]["version"], "29.0.0")
    shutil.copy(chart / "charts" / ARCHIVES[0], chart / "charts" / outdated)
    assert install().exit_code == 0
    assert there(chart) == sorted(ARCHIVES)


def test_unpacked_charts_are_used_or_refused_by_their_version(rig, cluster, charts, monkeypatch):
    chart = use_chart(rig, monkeypatch)
    unpacked = chart / "charts" / LOCKED[0]["name"]
    shutil.copytree(charts / "sources" / unpacked.name, unpacked)
    shutil.copy(charts / ARCHIVES[1], unpacked.parent)
    assert install().exit_code == 0
    (unpacked / "Chart.yaml").write_text("{apiVersion: v2, name: prometheus, version: 29.0.0}")
    refused = install()
    assert refused.exit_code == 1
    assert f"{unpacked} is not prometheus {LOCKED[0]['version']}" in refused.output


def test_wrong_values_are_named(rig, cluster, charts, monkeypatch):
    use_chart(rig, monkeypatch, charts)
    values = rig / "values.yaml"
    values.write_text("networkPolicies: {enable: true}\n")
    done = install("--values", str(values))
    assert done.exit_code == 1
    assert "values.yaml" in done.output
    assert "enable" in done.output.partition("failed")[2]


def test_missing_secret_is_named(rig, cluster, charts, monkeypatch):
    use_chart(rig, monkeypatch, charts)
    del cluster.documents[cluster.secret("pumpwatch-slack")]
    done = install()
    assert done.exit_code == 1
    assert "the Secret pumpwatch-slack in namespace monitoring lacks critical" in done.output


def test_external_secrets_need_their_operator(rig, cluster, charts, monkeypatch):
    use_chart(rig, monkeypatch, charts)
    values = rig / "values.yaml"
    values.write_text("externalSecrets: {enabled: true}\n")
    done = install("--values", str(values))
    assert done.exit_code == 0, done.output
    del cluster.documents["/apis/external-secrets.io/v1"]
    refused = install("--values", str(values))
    assert refused.exit_code == 1
    assert "externalSecrets.enabled needs its operator" in refused.output


def test_kubernetes_that_is_too_old_is_refused(rig, cluster, charts, monkeypatch):
    use_chart(rig, monkeypatch, charts)
    cluster.documents["/version"] = {"major": "1", "minor": "24", "gitVersion": "v1.24.0"}
    done = install()
    assert done.exit_code == 1
    assert "incompatible with Kubernetes v1.24.0" in done.output


def test_cluster_that_does_not_answer_is_said_in_a_sentence(rig):
    done = install()
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 2
    assert "is kubectl's context the right one?" in done.output
    assert "refused" in done.output
