"""The bot's chart under Helm 3 and 4: what it makes, and what it refuses."""

import re
import tomllib

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate.utils import all_versions, major_minor
from support.charts import BOT, HELMS, helm, homes_of_helm, needs_helm
from support.monitoring import CHART, FAST, query_of, read_yaml, rule_named

pytestmark = [pytest.mark.slow, needs_helm]

KUBERNETES = [major_minor(version) for version in all_versions()]
LIVE = {"mode": "live", "strategy": "ride", "confirm": "123456789"}
VARIANTS = {
    "paper": {},
    "demo, with variables": {"mode": "demo", "keys": {"as": "environment"}},
    "live, with everything": LIVE
    | {
        "settings": {"symbols": ["*USDT"], "max_open_positions": 2, "fade_target_retrace": 0.7},
        "notify": {"secretName": "notify"},
        "storage": {"accessMode": "ReadWriteOncePod", "storageClassName": "fast"},
        "image": {"repository": "registry.example.com:5000/me/pumpwatch", "tag": "1.2.3"},
        "imagePullSecrets": [{"name": "registry"}],
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "podAnnotations": {"a": "b"},
    },
    "with little": {
        "monitoring": {"namespace": ""},
        "networkPolicy": {"enabled": False},
        "storage": {"existingClaim": "mine"},
        "replicas": 0,
    },
}
by_variant = pytest.mark.parametrize("variant", VARIANTS)
by_helm = pytest.mark.parametrize("major", HELMS)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return homes_of_helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture
def render(tmp_path, environment):
    """Return how Helm ends with these values."""

    def rendered(values, major="4", version=KUBERNETES[-1], release="paper"):
        path = tmp_path / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        options = ["--namespace", "bots", "--values", path, "--kube-version", version]
        return helm(major, "template", release, BOT, *options, env=environment)

    return rendered


@pytest.fixture
def manifests(render):
    """Return what Helm makes of these values, by kind."""

    def made(values, **options):
        done = render(values, **options)
        assert done.returncode == 0, done.stderr
        return {manifest["kind"]: manifest for manifest in yaml.load_all(done.stdout, FAST)}

    return made


@by_variant
@by_helm
def test_lint_finds_nothing(tmp_path, environment, variant, major):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(VARIANTS[variant]))
    done = helm(major, "lint", "--strict", BOT, "--values", path, env=environment)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@by_variant
def test_helm_3_and_4_write_what_every_kubernetes_takes(render, manifests, variant):
    values = VARIANTS[variant]
    third, fourth = (render(values, major=major).stdout for major in HELMS)
    assert third == fourth
    for version in KUBERNETES:
        for manifest in manifests(values, version=version).values():
            kubernetes_validate.validate(manifest, version, strict=True)
            assert manifest["metadata"]["namespace"] == "bots"
    assert read_yaml(BOT / "Chart.yaml")["kubeVersion"] == f">={KUBERNETES[0]}.0-0"


REFUSED = {
    "replicas is 2, but a second bot on the same account would open": {"replicas": 2},
    "confirm it with the account's UID": LIVE | {"confirm": ""},
    "needs a strategy by name": LIVE | {"strategy": ""},
    "mode live needs the account's keys": LIVE | {"keys": {"secretName": ""}},
    "mode demo needs the account's keys": {"mode": "demo", "keys": {"secretName": ""}},
    "settings.bybit_api_key: anybody may read settings": {"settings": {"bybit_api_key": "secret"}},
    "settings.mode: the chart sets it": {"settings": {"mode": "live"}},
    "mode": {"mode": "real"},
    "symbols": {"settings": {"symbols": {"a": 1}}},
    "MODE": {"settings": {"MODE": "live"}},
    "replica": {"replica": 1},
    "accessMode": {"storage": {"accessMode": "ReadWriteMany"}},
    "terminationGracePeriodSeconds": {"terminationGracePeriodSeconds": 10},
}


@by_helm
@pytest.mark.parametrize("reason", REFUSED)
def test_wrong_values_are_refused_with_the_reason(render, reason, major):
    done = render(REFUSED[reason], major=major)
    assert done.returncode != 0
    assert reason in done.stderr


def pod_of(made):
    return made["Deployment"]["spec"]["template"]["spec"]


def variables_of(made):
    (container,) = pod_of(made)["containers"]
    return {entry["name"]: entry for entry in container["env"]}


def test_paper_needs_no_secret(manifests):
    pod = pod_of(manifests({}))
    assert "secret" not in yaml.safe_dump(pod).lower()


def test_live_takes_its_keys_from_files_or_variables(manifests):
    pod = pod_of(manifests(LIVE))
    secret = {"secretName": "api-keys", "defaultMode": 0o400}
    assert {"name": "keys", "secret": secret} in pod["volumes"]
    (container,) = pod["containers"]
    assert {"name": "keys", "mountPath": "/keys", "readOnly": True} in container["volumeMounts"]
    named = variables_of(manifests(LIVE | {"keys": {"as": "environment", "secretName": "mine"}}))
    assert "KEY_FILE" not in named
    source = named["BYBIT_API_KEY"]["valueFrom"]["secretKeyRef"]
    assert source == {"name": "mine", "key": "BYBIT_API_KEY", "optional": False}
    assert named["BYBIT_API_SECRET"]["valueFrom"]["secretKeyRef"]["optional"] is True


def test_uid_stays_a_whole_number(manifests):
    for uid in ("123456789", 123456789):
        named = variables_of(manifests(LIVE | {"confirm": uid}))
        assert named["LIVE_TRADING_CONFIRMATION"]["value"] == "123456789"


def test_settings_are_toml_and_roll_the_pod(manifests):
    settings = {
        "symbols": ["*USDT"], "symbols_excluded": ['a"b<\\'], "max_open_positions": 1_000_000,
        "fade_target_retrace": 0.7, "trailing": True,
    }  # fmt: skip
    first, second = manifests({"settings": settings}), manifests({})
    assert tomllib.loads(first["ConfigMap"]["data"]["pumpwatch.toml"]) == settings
    assert tomllib.loads(second["ConfigMap"]["data"]["pumpwatch.toml"]) == {}
    annotations = [made["Deployment"]["spec"]["template"]["metadata"] for made in (first, second)]
    assert annotations[0]["annotations"] != annotations[1]["annotations"]


def test_pod_is_closed(manifests):
    made = manifests(LIVE)
    pod, strategy = pod_of(made), made["Deployment"]["spec"]["strategy"]
    assert strategy == {"type": "Recreate"}
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert made["PersistentVolumeClaim"]["metadata"]["annotations"] == {
        "helm.sh/resource-policy": "keep"
    }
    rules = made["NetworkPolicy"]["spec"]["egress"]
    assert {port["port"] for rule in rules for port in rule["ports"]} == {53, 443}
    (opened,) = made["NetworkPolicy"]["spec"]["ingress"]
    assert opened["ports"] == [{"port": 8000}]


def test_exchange_that_is_away_for_minutes_kills_no_bot(manifests):
    (container,) = pod_of(manifests({}))["containers"]
    probe = container["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 20 * 60
    assert {container[f"{name}Probe"]["httpGet"]["path"] for name in ("liveness", "readiness")} == {
        "/healthz"
    }


def test_monitoring_lets_this_prometheus_in(manifests, environment):
    """Names, labels and ports of the two charts agree, for an odd release name too."""
    for release in ("paper", "pumpwatch-bot-live"):
        made = manifests({}, release=release)
        name = made["Deployment"]["metadata"]["name"]
        pattern = re.search(r'deployment=~"([^"]+)"', query_of(rule_named("BotDown"))).group(1)
        assert re.fullmatch(pattern, name)
        scraped = read_yaml(CHART / "scrape" / "pumpwatch.yaml")["scrape_configs"]
        (job,) = (job for job in scraped if job["job_name"] == "pumpwatch-bot")
        keep, instance = job["relabel_configs"]
        labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
        assert keep["source_labels"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_name"]
        assert labels["app.kubernetes.io/name"] == keep["regex"]
        assert instance["source_labels"][1].endswith("label_app_kubernetes_io_instance")
    (subject,) = made["RoleBinding"]["subjects"]
    server = read_yaml(CHART / "values.yaml")["prometheus"]["server"]
    assert subject["name"] == server["fullnameOverride"]


def test_notes_name_the_pod_and_what_stays(environment, manifests):
    done = helm("4", "install", "paper", BOT, "--dry-run=client", "-n", "bots", env=environment)
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    name = manifests({})["Deployment"]["metadata"]["name"]
    assert f"kubectl -n bots exec deployment/{name} -- pumpwatch status" in notes
    assert f"The volume {name} stays" in notes
