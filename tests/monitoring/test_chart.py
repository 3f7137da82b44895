"""The chart, rendered by Helm's own engine: alone, and with the charts it depends on."""

import json
import os
import shutil
from pathlib import Path

import helm_python
import kubernetes_validate
import pytest
import yaml
from helm_python import Chart
from support.monitoring import ALERTING, CHART, DASHBOARDS, provisioning

CHARTS = os.environ.get("PUMPWATCH_CHARTS")
KUBERNETES = "1.34"
SECRETS = {"pumpwatch-slack", "pumpwatch-grafana-admin", "pumpwatch-pushgateway"}
PUSH = {"enabled": True, "host": "push.example.com", "tlsSecretName": "push-tls"}
NOT_KUBERNETES = {"ExternalSecret"}
"""Kinds of others, whose schemas are not Kubernetes' own."""
EVERYTHING = {"pushgateway": {"ingress": PUSH}, "grafanaIngress": PUSH | {"host": "g.example.com"}}

FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

with_charts = pytest.mark.skipif(
    not CHARTS, reason="PUMPWATCH_CHARTS names no folder with the charts prometheus and grafana"
)


def copy_of_the_chart(folder, *, dependencies):
    chart = folder / "chart"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    if dependencies:
        for name in ("prometheus", "grafana"):
            shutil.copytree(Path(CHARTS) / name, chart / "charts" / name)
    else:
        described = yaml.safe_load((chart / "Chart.yaml").read_text())
        del described["dependencies"]
        (chart / "Chart.yaml").write_text(yaml.safe_dump(described))
    return Chart.load(chart)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return copy_of_the_chart(tmp_path_factory.mktemp("alone"), dependencies=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return copy_of_the_chart(tmp_path_factory.mktemp("whole"), dependencies=True)


RENDERED = {}
"""Manifests of a chart as it comes; most tests look at these."""


def rendered(chart, values=None):
    """Return the manifests by (kind, name)."""
    if not values:
        if id(chart) not in RENDERED:
            RENDERED[id(chart)] = read_manifests(chart, {})
        return dict(RENDERED[id(chart)])
    return read_manifests(chart, values)


def read_manifests(chart, values):
    found = {}
    texts = chart.render(values, name="monitoring", namespace="watching")
    for path, text in texts.items():
        if path.endswith(".yaml"):
            for manifest in yaml.load_all(text, Loader=FAST):
                if manifest:
                    key = (manifest["kind"], manifest["metadata"]["name"])
                    assert key not in found
                    found[key] = manifest
    return found


def validate(manifests):
    for (kind, _), manifest in manifests.items():
        if kind not in NOT_KUBERNETES:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


VARIANTS = {
    "as it comes": {},
    "with everything": EVERYTHING | {"externalSecrets": {"enabled": True}},
    "in another Grafana": {"alerting": {"ownPolicyTree": False}},
    "with little": {"alerting": {"enabled": False}, "networkPolicies": {"enabled": False}},
}


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_own_templates_are_valid_and_labelled(alone, values):
    manifests = rendered(alone, values)
    validate(manifests)
    for manifest in manifests.values():
        labels = manifest["metadata"]["labels"]
        for name in ("name", "instance", "component", "part-of", "version", "managed-by"):
            assert f"app.kubernetes.io/{name}" in labels
        assert manifest["metadata"]["namespace"] == "watching"


def test_dashboards_and_alerts_reach_the_sidecars_unchanged(alone):
    manifests = rendered(alone)
    for path in DASHBOARDS.glob("*.json"):
        made = manifests["ConfigMap", f"pumpwatch-dashboard-{path.stem}"]
        assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(made["data"][path.name]) == json.loads(path.read_text())
    made = manifests["ConfigMap", "pumpwatch-alerting"]
    assert made["metadata"]["labels"]["grafana_alert"] == "1"
    assert set(made["data"]) == {f"pumpwatch-{path.name}" for path in ALERTING.glob("*.yaml")}
    rules = yaml.safe_load(made["data"]["pumpwatch-rules-trading.yaml"])
    shipped = provisioning("rules-trading.yaml")
    assert len(rules["groups"][0]["rules"]) == len(shipped["groups"][0]["rules"])
    assert "https://RUNBOOKS" not in json.dumps(made)


def test_runbooks_lead_to_the_repository_that_is_named(alone):
    base = "https://git.example.com/me/pumpwatch/docs/runbooks"
    made = rendered(alone, {"runbookBaseUrl": f"{base}/"})["ConfigMap", "pumpwatch-alerting"]
    for text in made["data"].values():
        for group in yaml.safe_load(text).get("groups", []):
            for rule in group["rules"]:
                url = rule["annotations"]["runbook_url"]
                assert url == f"{base}/{rule['title'].lower()}.md"


def test_policy_tree_of_another_grafana_is_left_alone(alone):
    made = rendered(alone, VARIANTS["in another Grafana"])["ConfigMap", "pumpwatch-alerting"]
    assert "pumpwatch-policies.yaml" not in made["data"]


def test_scrape_of_pushed_metrics_honours_their_labels(alone):
    made = rendered(alone, {"pushgateway": {"user": "me"}})["ConfigMap", "pumpwatch-scrape"]
    config = yaml.safe_load(made["data"]["pumpwatch.yaml"])
    jobs = {one["job_name"]: one for one in config["scrape_configs"]}
    assert jobs["pushgateway"]["honor_labels"] is True
    assert jobs["pushgateway"]["basic_auth"] == {
        "username": "me",
        "password_file": "/etc/pumpwatch/pushgateway/password",
    }
    (nodes,) = jobs["node-exporter"]["kubernetes_sd_configs"]
    assert nodes["namespaces"]["names"] == ["watching"]


def test_network_is_closed_by_default(alone):
    manifests = rendered(alone)
    policies = {
        name: made["spec"] for (kind, name), made in manifests.items() if kind == "NetworkPolicy"
    }
    everything = policies.pop("pumpwatch-default-deny")
    assert everything == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }
    dns = policies.pop("pumpwatch-dns")
    assert {one["port"] for one in dns["egress"][0]["ports"]} == {53}
    for name, spec in policies.items():
        assert spec["podSelector"]["matchLabels"], f"{name} opens a door for every pod"
        for rule in spec["ingress"]:
            assert rule["from"], f"{name} lets everybody in"
            assert rule["ports"], name
        for rule in spec["egress"]:
            assert rule["ports"], f"{name} may connect to any port"
    assert policies["pumpwatch-pushgateway"]["egress"] == []
    named = {"kubernetes.io/metadata.name": "ingress-nginx"}
    for name in ("pumpwatch-pushgateway", "pumpwatch-grafana"):
        (rule,) = policies[name]["ingress"]
        assert {"namespaceSelector": {"matchLabels": named}} in rule["from"]
    (rule,) = policies["pumpwatch-prometheus"]["ingress"]
    assert not any("namespaceSelector" in one for one in rule["from"])


def test_pushgateway_s_ingress_has_tls_and_only_the_path_of_pushes(alone):
    made = rendered(alone, EVERYTHING)["Ingress", "pumpwatch-pushgateway"]
    assert made["spec"]["tls"] == [{"hosts": ["push.example.com"], "secretName": "push-tls"}]
    (rule,) = made["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/metrics/job"]
    assert made["metadata"]["annotations"]["nginx.ingress.kubernetes.io/force-ssl-redirect"]
    assert ("Ingress", "pumpwatch-pushgateway") not in rendered(alone)


def test_external_secrets_make_exactly_the_secrets_that_are_used(alone):
    manifests = rendered(alone, {"externalSecrets": {"enabled": True}})
    made = {name: one for (kind, name), one in manifests.items() if kind == "ExternalSecret"}
    assert set(made) == SECRETS
    keys = {
        name: {one["secretKey"] for one in manifest["spec"]["data"]}
        for name, manifest in made.items()
    }
    assert keys["pumpwatch-slack"] == {"critical", "warning", "info"}
    web = made["pumpwatch-pushgateway"]["spec"]["target"]["template"]["data"]["web-config.yaml"]
    assert "pumpwatch: {{ .password | bcrypt }}" in web
    assert not [key for key in rendered(alone) if key[0] == "ExternalSecret"]


WRONG = {
    "a host with a scheme": {
        "pushgateway": {"ingress": PUSH | {"host": "https://push.example.com"}}
    },
    "an ingress without a host": {
        "pushgateway": {"ingress": {"enabled": True, "tlsSecretName": "x"}}
    },
    "an ingress without TLS": {
        "pushgateway": {"ingress": {"enabled": True, "host": "push.example.com"}}
    },
    "a misspelt key": {"pushgatway": {"user": "me"}},
    "a misspelt key below": {"networkPolicies": {"enable": True}},
    "a number for a switch": {"alerting": {"enabled": 1}},
    "a user with a colon": {"pushgateway": {"user": "me:secret"}},
    "an address range without a length": {"networkPolicies": {"nodeCidr": "10.0.0.0"}},
    "an unknown kind of store": {"externalSecrets": {"store": {"kind": "Vault"}}},
    "a runbook address without a scheme": {"runbookBaseUrl": "docs/runbooks"},
    "Grafana's password in the values": {"grafana": {"adminPassword": "secret"}},
}


@pytest.mark.parametrize("values", WRONG.values(), ids=WRONG)
def test_wrong_values_are_refused_by_the_schema(alone, values):
    with pytest.raises(helm_python.HelmError) as caught:
        rendered(alone, values)
    assert "values" in str(caught.value).lower()


def test_refusal_names_the_value_and_what_is_wrong(alone):
    with pytest.raises(helm_python.HelmError, match=r"networkPolicies.*enable"):
        rendered(alone, WRONG["a misspelt key below"])


def test_every_value_of_ours_is_explained_in_the_schema():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(values) <= set(schema["properties"])
    assert set(schema["required"]) <= set(values)


def test_dependencies_are_pinned_and_come_from_where_they_live():
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())
    pins = {one["name"]: one for one in described["dependencies"]}
    assert pins["prometheus"]["version"].startswith("29.")
    assert pins["grafana"]["version"].startswith("12.")
    for one in pins.values():
        assert one["version"].replace(".", "").isdigit(), "a range is no pin"
    assert "prometheus-community" in pins["prometheus"]["repository"]
    assert "grafana-community" in pins["grafana"]["repository"]


# --- with the charts it depends on ---------------------------------------------------------


@with_charts
@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_whole_chart_is_valid(whole, values):
    validate(rendered(whole, values))


def pod_templates(manifests):
    for (kind, name), manifest in manifests.items():
        if kind in {"Deployment", "DaemonSet", "StatefulSet"}:
            yield name, manifest["spec"]["template"]


@with_charts
def test_what_was_asked_for_is_there(whole):
    manifests = rendered(whole)
    assert {name for name, _ in pod_templates(manifests)} == {
        "pumpwatch-prometheus",
        "pumpwatch-pushgateway",
        "pumpwatch-node-exporter",
        "pumpwatch-kube-state-metrics",
        "pumpwatch-grafana",
    }
    for name in ("pumpwatch-prometheus", "pumpwatch-pushgateway", "pumpwatch-grafana"):
        assert ("PersistentVolumeClaim", name) in manifests
        assert ("PodDisruptionBudget", name) in manifests
        assert manifests["Deployment", name]["spec"]["strategy"]["type"] == "Recreate"


@with_charts
def test_pods_are_not_root_read_only_and_bounded(whole):
    for name, template in pod_templates(rendered(whole)):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert not spec.get("initContainers"), name
        for container in spec["containers"]:
            where = f"{name} {container['name']}"
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, where
            assert security["allowPrivilegeEscalation"] is False, where
            assert container["resources"]["limits"]["memory"], where
            assert container["resources"]["requests"]["cpu"], where


@with_charts
def test_nobody_but_the_sidecars_may_read_secrets(whole):
    """Grafana's sidecars look for labelled objects in their own namespace."""
    for (kind, name), manifest in rendered(whole).items():
        if kind in {"ClusterRole", "Role"}:
            resources = {one for rule in manifest["rules"] for one in rule.get("resources", [])}
            assert "secrets" not in resources or (kind, name) == ("Role", "pumpwatch-grafana")
            assert "*" not in resources


@with_charts
def test_network_policies_select_the_pods_that_there_are(whole):
    manifests = rendered(whole)
    labels = [template["metadata"]["labels"] for _, template in pod_templates(manifests)]
    for (kind, name), manifest in manifests.items():
        if kind == "NetworkPolicy":
            wanted = manifest["spec"]["podSelector"].get("matchLabels", {})
            assert any(wanted.items() <= one.items() for one in labels), name


@with_charts
def test_services_that_are_scraped_and_asked_are_there(whole):
    manifests = rendered(whole)
    ports = {
        f"{name}:{port['port']}"
        for (kind, name), made in manifests.items()
        if kind == "Service"
        for port in made["spec"]["ports"]
    }
    config = yaml.safe_load(manifests["ConfigMap", "pumpwatch-scrape"]["data"]["pumpwatch.yaml"])
    for job in config["scrape_configs"]:
        for static in job.get("static_configs", []):
            for target in static["targets"]:
                assert target in ports | {"localhost:9090"}
    sources = manifests["ConfigMap", "pumpwatch-grafana"]["data"]["datasources.yaml"]
    (source,) = yaml.safe_load(sources)["datasources"]
    assert source["url"] == "http://pumpwatch-prometheus"
    assert "pumpwatch-prometheus:80" in ports


@with_charts
def test_prometheus_reads_our_scrape_config_and_nothing_else(whole):
    manifests = rendered(whole)
    config = yaml.safe_load(
        manifests["ConfigMap", "pumpwatch-prometheus"]["data"]["prometheus.yml"]
    )
    assert config["scrape_config_files"] == ["/etc/pumpwatch/scrape/*.yaml"]
    assert not config.get("scrape_configs")
    (server,) = (
        one
        for _, template in pod_templates(manifests)
        for one in template["spec"]["containers"]
        if one["name"] == "prometheus-server"
    )
    paths = {mount["mountPath"] for mount in server["volumeMounts"]}
    assert {"/etc/pumpwatch/scrape", "/etc/pumpwatch/pushgateway"} <= paths
    assert any("retention.time=30d" in one for one in server["args"])


@with_charts
def test_pushgateway_asks_for_a_password(whole):
    manifests = rendered(whole)
    (container,) = manifests["Deployment", "pumpwatch-pushgateway"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert any(one.startswith("--web.config.file=") for one in container["args"])
    assert "httpGet" not in container["livenessProbe"], "it would be refused without a password"


@with_charts
def test_no_secret_stands_in_a_config_map_and_the_chart_makes_none(whole):
    manifests = rendered(whole, EVERYTHING)
    assert not [name for kind, name in manifests if kind == "Secret"]
    for (kind, name), manifest in manifests.items():
        if kind == "ConfigMap":
            text = json.dumps(manifest["data"])
            assert "hooks.slack.com" not in text, name
            assert "admin_password" not in text, name
    used = {
        volume["secret"]["secretName"]
        for _, template in pod_templates(manifests)
        for volume in template["spec"].get("volumes", [])
        if "secret" in volume
    }
    used |= {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for _, template in pod_templates(manifests)
        for container in template["spec"]["containers"]
        for variable in container.get("env", [])
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert used == SECRETS
