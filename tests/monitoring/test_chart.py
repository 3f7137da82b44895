"""The chart, rendered by Helm's own engine: alone, and with the charts it depends on."""

import json
import re

import helm_python
import kubernetes_validate
import pytest
import yaml
from helm_python import Chart
from support.charts import UPSTREAM, copy_of_the_chart, needs_upstream
from support.monitoring import ALERTING, CHART, DASHBOARDS, FAST, panels, provisioning, read_yaml

KUBERNETES = "1.34"
SECRETS = {"pumpwatch-slack", "pumpwatch-grafana-admin", "pumpwatch-pushgateway"}
PUSH = {"enabled": True, "host": "push.example.com", "tlsSecretName": "push-tls"}
NOT_KUBERNETES = {"ExternalSecret"}
"""Kinds of others, whose schemas are not Kubernetes' own."""
EVERYTHING = {"pushgateway": {"ingress": PUSH}, "grafanaIngress": PUSH | {"host": "g.example.com"}}


def chart_alone(folder):
    """Return our chart without those that it depends on."""
    chart = copy_of_the_chart(folder)
    described = yaml.safe_load((chart / "Chart.yaml").read_text())
    del described["dependencies"]
    (chart / "Chart.yaml").write_text(yaml.safe_dump(described))
    (chart / "Chart.lock").unlink()
    return Chart.load(chart)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return chart_alone(tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def plain(alone):
    """The manifests of our own templates with the values that ship."""
    return rendered(alone)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Chart.load(copy_of_the_chart(tmp_path_factory.mktemp("whole"), UPSTREAM))


@pytest.fixture(scope="module")
def everything(whole):
    """The manifests of all charts together with the values that ship."""
    return rendered(whole)


def rendered(chart, values=None):
    """Return the manifests by (kind, name)."""
    manifests = {}
    texts = chart.render(values or {}, name="monitoring", namespace="watching")
    for path, text in texts.items():
        if path.endswith(".yaml"):
            for manifest in yaml.load_all(text, Loader=FAST):
                if manifest:
                    key = (manifest["kind"], manifest["metadata"]["name"])
                    assert key not in manifests
                    manifests[key] = manifest
    return manifests


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
        if not manifest["kind"].startswith("ClusterRole"):
            assert manifest["metadata"]["namespace"] == "watching"


def test_dashboards_and_alerts_reach_the_sidecars_unchanged(plain):
    for path in DASHBOARDS.glob("*.json"):
        shipped = plain["ConfigMap", f"pumpwatch-dashboard-{path.stem}"]
        assert shipped["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(shipped["data"][path.name]) == json.loads(path.read_text())
    alerting = plain["ConfigMap", "pumpwatch-alerting"]
    assert alerting["metadata"]["labels"]["grafana_alert"] == "1"
    files = {f"pumpwatch-{path.name}" for path in ALERTING.glob("*.yaml")}
    assert set(alerting["data"]) == files - {"pumpwatch-rules-deadman.yaml"}
    rules = yaml.safe_load(alerting["data"]["pumpwatch-rules-trading.yaml"])
    shipped = provisioning("rules-trading.yaml")
    assert len(rules["groups"][0]["rules"]) == len(shipped["groups"][0]["rules"])
    assert "https://RUNBOOKS" not in json.dumps(alerting)


def test_a_dead_man_s_switch_is_shipped_when_it_is_wanted(alone):
    values = {"alerting": {"deadManSwitch": True}, "externalSecrets": {"enabled": True}}
    manifests = rendered(alone, values)
    assert "pumpwatch-rules-deadman.yaml" in manifests["ConfigMap", "pumpwatch-alerting"]["data"]
    secret = manifests["ExternalSecret", "pumpwatch-slack"]
    keys = [entry["secretKey"] for entry in secret["spec"]["data"]]
    assert keys == ["critical", "warning", "info", "deadman"]


def test_runbooks_lead_to_the_repository_that_is_named(alone):
    base = "https://git.example.com/me/pumpwatch/docs/runbooks"
    manifests = rendered(alone, {"runbookBaseUrl": f"{base}/"})
    (trading,) = manifests["ConfigMap", "pumpwatch-dashboard-trading"]["data"].values()
    links = [
        link["url"] for panel in panels(json.loads(trading)) for link in panel.get("links", ())
    ]
    assert links
    assert all(re.fullmatch(rf"{base}/[a-z]+\.md", link) for link in links)
    for text in manifests["ConfigMap", "pumpwatch-alerting"]["data"].values():
        for group in yaml.safe_load(text).get("groups", []):
            for rule in group["rules"]:
                url = rule["annotations"]["runbook_url"]
                assert url == f"{base}/{rule['title'].lower()}.md"


def test_policy_tree_of_another_grafana_is_left_alone(alone):
    manifests = rendered(alone, VARIANTS["in another Grafana"])
    assert "pumpwatch-policies.yaml" not in manifests["ConfigMap", "pumpwatch-alerting"]["data"]


def test_bots_are_scraped_where_they_are_said_to_run(alone):
    manifests = rendered(alone, {"botNamespaces": ["bots", "watching"]})
    config = yaml.safe_load(manifests["ConfigMap", "pumpwatch-scrape"]["data"]["pumpwatch.yaml"])
    (job,) = (job for job in config["scrape_configs"] if job["job_name"] == "pumpwatch-bot")
    (pods,) = job["kubernetes_sd_configs"]
    assert pods["namespaces"]["names"] == ["watching", "bots"]
    assert job["honor_labels"] is True
    policy = manifests["NetworkPolicy", "pumpwatch-prometheus"]["spec"]
    (opened,) = (rule for rule in policy["egress"] if rule["ports"] == [{"port": 8000}])
    namespaces = [peer.get("namespaceSelector", {}).get("matchLabels") for peer in opened["to"]]
    assert {"kubernetes.io/metadata.name": "bots"} in namespaces
    assert all(
        peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "pumpwatch-bot"}
        for peer in opened["to"]
    )


def test_scrape_of_pushed_metrics_honours_their_labels(alone):
    manifests = rendered(alone, {"pushgateway": {"user": "me"}})
    config = yaml.safe_load(manifests["ConfigMap", "pumpwatch-scrape"]["data"]["pumpwatch.yaml"])
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["pushgateway"]["honor_labels"] is True
    assert jobs["pushgateway"]["basic_auth"] == {
        "username": "me",
        "password_file": "/etc/pumpwatch/pushgateway/password",
    }
    (nodes,) = jobs["node-exporter"]["kubernetes_sd_configs"]
    assert nodes["namespaces"]["names"] == ["watching"]


def test_network_is_closed_by_default(plain):
    policies = {
        name: manifest["spec"]
        for (kind, name), manifest in plain.items()
        if kind == "NetworkPolicy"
    }
    assert policies.pop("pumpwatch-default-deny") == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }
    dns = policies.pop("pumpwatch-dns")
    assert dns["podSelector"]["matchExpressions"][0]["values"] == ["prometheus", "grafana"]
    assert {port["port"] for port in dns["egress"][0]["ports"]} == {53}
    for name, spec in policies.items():
        assert spec["podSelector"]["matchLabels"], f"{name} opens a door for every pod"
        assert all(rule["from"] for rule in spec["ingress"]), f"{name} lets everybody in"
        assert all(rule["ports"] for rule in spec["ingress"] + spec["egress"]), name
    anywhere = [
        (name, [port["port"] for port in rule["ports"]])
        for name, spec in (policies | {"pumpwatch-dns": dns}).items()
        for rule in spec["egress"]
        if not rule.get("to")
    ]
    assert anywhere == [("pumpwatch-grafana", [443])], "Slack has no fixed addresses"
    assert policies["pumpwatch-pushgateway"]["egress"] == []
    ingress = {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}
    for name in ("pumpwatch-pushgateway", "pumpwatch-grafana"):
        (rule,) = policies[name]["ingress"]
        assert {"namespaceSelector": ingress} in rule["from"]
    (rule,) = policies["pumpwatch-prometheus"]["ingress"]
    assert not any("namespaceSelector" in source for source in rule["from"])


def test_network_opens_to_what_the_values_name(alone):
    values = {
        "nodeCidrs": ["10.1.0.0/16"],
        "apiServerCidrs": ["10.2.0.1/32"],
        "dnsNamespaces": ["names"],
    }
    manifests = rendered(alone, {"networkPolicies": values})
    doors = {
        port["port"]: rule["to"]
        for name in ("prometheus", "dns")
        for rule in manifests["NetworkPolicy", f"pumpwatch-{name}"]["spec"]["egress"]
        for port in rule["ports"]
    }
    for port in (9100, 10250):
        assert doors[port] == [{"ipBlock": {"cidr": "10.1.0.0/16"}}]
    for port in (443, 6443):
        assert doors[port] == [{"ipBlock": {"cidr": "10.2.0.1/32"}}]
    named = {"matchLabels": {"kubernetes.io/metadata.name": "names"}}
    assert {"namespaceSelector": named} in doors[53]


def granted(manifests):
    """Return the verbs by resource, of each role."""
    return {
        (kind, name): {
            resource: set(rule["verbs"])
            for rule in manifest["rules"]
            for resource in rule.get("resources", [])
        }
        for (kind, name), manifest in manifests.items()
        if kind in {"ClusterRole", "Role"}
    }


def test_our_roles_read_only_what_is_needed(plain):
    read = {"get", "list", "watch"}
    assert granted(plain) == {
        ("ClusterRole", "pumpwatch-prometheus"): {"nodes": read, "nodes/metrics": {"get"}},
        ("Role", "pumpwatch-prometheus"): {"pods": read},
        ("Role", "pumpwatch-grafana"): {"configmaps": read},
    }


def test_another_grafana_is_not_scraped(alone, plain):
    assert "grafana.yaml" in plain["ConfigMap", "pumpwatch-scrape"]["data"]
    manifests = rendered(alone, {"grafana": {"enabled": False}})
    assert "grafana.yaml" not in manifests["ConfigMap", "pumpwatch-scrape"]["data"]


def test_pushgateway_s_ingress_has_tls_and_only_the_path_of_pushes(alone, plain):
    ingress = rendered(alone, EVERYTHING)["Ingress", "pumpwatch-pushgateway"]
    assert ingress["spec"]["tls"] == [{"hosts": ["push.example.com"], "secretName": "push-tls"}]
    (rule,) = ingress["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/metrics/job"]
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/force-ssl-redirect"]
    assert ("Ingress", "pumpwatch-pushgateway") not in plain


def test_external_secrets_make_exactly_the_secrets_that_are_used(alone, plain):
    manifests = rendered(alone, {"externalSecrets": {"enabled": True}})
    secrets = {
        name: manifest["spec"]
        for (kind, name), manifest in manifests.items()
        if kind == "ExternalSecret"
    }
    assert set(secrets) == SECRETS
    keys = {entry["secretKey"] for entry in secrets["pumpwatch-slack"]["data"]}
    assert keys == {"critical", "warning", "info"}
    web = secrets["pumpwatch-pushgateway"]["target"]["template"]["data"]["web-config.yaml"]
    assert "pumpwatch: {{ .password | bcrypt }}" in web
    assert not [kind for kind, _ in plain if kind == "ExternalSecret"]


WRONG = {
    "a host with a scheme": {"pushgateway": {"ingress": PUSH | {"host": "https://push.org"}}},
    "an ingress without a host": {"pushgateway": {"ingress": {**PUSH, "host": ""}}},
    "an ingress without TLS": {"pushgateway": {"ingress": {**PUSH, "tlsSecretName": ""}}},
    "a misspelt key": {"pushgatway": {"user": "me"}},
    "a misspelt key below": {"networkPolicies": {"enable": True}},
    "a number for a switch": {"alerting": {"enabled": 1}},
    "a user with a colon": {"pushgateway": {"user": "me:secret"}},
    "an address range without a length": {"networkPolicies": {"nodeCidrs": ["10.0.0.0"]}},
    "no range for the API server": {"networkPolicies": {"apiServerCidrs": []}},
    "an unknown kind of store": {"externalSecrets": {"store": {"kind": "Vault"}}},
    "a runbook address without a scheme": {"runbookBaseUrl": "docs/runbooks"},
    "Grafana's password in the values": {"grafana": {"adminPassword": "secret"}},
}


@pytest.mark.parametrize("values", WRONG.values(), ids=WRONG)
def test_wrong_values_are_refused_by_name(alone, values):
    (name,) = values
    with pytest.raises(helm_python.HelmError, match=f"(?s)values.*{name}"):
        rendered(alone, values)


def test_every_value_of_ours_is_explained_in_the_schema():
    values = read_yaml(CHART / "values.yaml")
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["required"]) <= set(values) <= set(schema["properties"])


def test_grafana_does_not_exchange_its_plugins_at_its_start():
    """On a read-only file system that unloads the data source, and every alert fails."""
    grafana = read_yaml(CHART / "values.yaml")["grafana"]
    assert grafana["containerSecurityContext"]["readOnlyRootFilesystem"] is True
    assert grafana["grafana.ini"]["plugins"] == {"preinstall_disabled": True}


def test_dependencies_are_pinned_and_come_from_where_they_live():
    pins = {
        chart["name"]: (chart["version"], chart["repository"])
        for chart in read_yaml(CHART / "Chart.yaml")["dependencies"]
    }
    for name, major in (("prometheus", "29"), ("grafana", "12")):
        version, repository = pins[name]
        assert version.startswith(f"{major}.")
        assert version.replace(".", "").isdigit(), "a range is no pin"
        assert f"{name}-community" in repository


# --- with the charts it depends on ---------------------------------------------------------


@needs_upstream
@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_whole_chart_is_valid(whole, values):
    validate(rendered(whole, values))


def pod_templates(manifests):
    for (kind, name), manifest in manifests.items():
        if kind in {"Deployment", "DaemonSet", "StatefulSet"}:
            yield name, manifest["spec"]["template"]


@needs_upstream
def test_what_was_asked_for_is_there(everything):
    assert {name for name, _ in pod_templates(everything)} == {
        "pumpwatch-prometheus",
        "pumpwatch-pushgateway",
        "pumpwatch-node-exporter",
        "pumpwatch-kube-state-metrics",
        "pumpwatch-grafana",
    }
    for name in ("pumpwatch-prometheus", "pumpwatch-pushgateway", "pumpwatch-grafana"):
        assert ("PersistentVolumeClaim", name) in everything
        assert ("PodDisruptionBudget", name) in everything
        assert everything["Deployment", name]["spec"]["strategy"]["type"] == "Recreate"


@needs_upstream
def test_pods_are_not_root_read_only_and_bounded(everything):
    for name, template in pod_templates(everything):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        assert not spec.get("initContainers"), name
        for container in spec["containers"]:
            where = f"{name} {container['name']}"
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, where
            assert security["allowPrivilegeEscalation"] is False, where
            assert security["capabilities"]["drop"] == ["ALL"], where
            assert container["resources"]["limits"]["memory"], where
            assert container["resources"]["requests"]["cpu"], where


@needs_upstream
def test_nobody_has_a_role_beyond_ours_but_the_one_who_counts_pods(everything, plain):
    roles = granted(everything)
    described = roles.pop(("ClusterRole", "pumpwatch-kube-state-metrics"))
    assert all(verbs == {"list", "watch"} for verbs in described.values())
    assert not {"secrets", "configmaps"} & set(described)
    assert roles == granted(plain)


@needs_upstream
def test_bindings_name_roles_and_accounts_that_there_are(everything):
    bindings = [manifest for (kind, _), manifest in everything.items() if "Binding" in kind]
    assert len(bindings) == 4
    for binding in bindings:
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in everything
        (subject,) = binding["subjects"]
        assert ("ServiceAccount", subject["name"]) in everything
        assert subject["namespace"] == "watching"


@needs_upstream
def test_images_are_pinned_to_a_version(everything):
    for name, template in pod_templates(everything):
        for container in template["spec"]["containers"]:
            tag = container["image"].rpartition(":")[2]
            assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), f"{name}: {container['image']}"


@needs_upstream
def test_network_policies_select_the_pods_that_there_are(everything):
    labels = [template["metadata"]["labels"] for _, template in pod_templates(everything)]
    for (kind, name), manifest in everything.items():
        if kind == "NetworkPolicy":
            wanted = manifest["spec"]["podSelector"].get("matchLabels", {})
            assert any(wanted.items() <= pod.items() for pod in labels), name


@needs_upstream
def test_services_that_are_scraped_and_asked_are_there(everything):
    ports = {
        f"{name}:{port['port']}"
        for (kind, name), service in everything.items()
        if kind == "Service"
        for port in service["spec"]["ports"]
    }
    targets = {
        target
        for text in everything["ConfigMap", "pumpwatch-scrape"]["data"].values()
        for job in yaml.safe_load(text)["scrape_configs"]
        for static in job.get("static_configs", [])
        for target in static["targets"]
    }
    assert len(targets) == 4
    assert targets <= ports | {"localhost:9090"}
    sources = everything["ConfigMap", "pumpwatch-grafana"]["data"]["datasources.yaml"]
    (source,) = yaml.safe_load(sources)["datasources"]
    assert source["url"] == "http://pumpwatch-prometheus"
    assert "pumpwatch-prometheus:80" in ports


@needs_upstream
def test_prometheus_reads_our_scrape_config_and_nothing_else(everything):
    data = everything["ConfigMap", "pumpwatch-prometheus"]["data"]
    config = yaml.safe_load(data["prometheus.yml"])
    assert config["scrape_config_files"] == ["/etc/pumpwatch/scrape/*.yaml"]
    assert not config.get("scrape_configs")
    (server,) = (
        container
        for _, template in pod_templates(everything)
        for container in template["spec"]["containers"]
        if container["name"] == "prometheus-server"
    )
    paths = {mount["mountPath"] for mount in server["volumeMounts"]}
    assert {"/etc/pumpwatch/scrape", "/etc/pumpwatch/pushgateway"} <= paths
    assert any("retention.time=30d" in argument for argument in server["args"])


@needs_upstream
def test_pushgateway_asks_for_a_password(everything):
    deployment = everything["Deployment", "pumpwatch-pushgateway"]["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    assert any(argument.startswith("--web.config.file=") for argument in container["args"])
    assert "httpGet" not in container["livenessProbe"], "it would be refused without a password"


@needs_upstream
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
