"""`make monitoring` and `make-secrets`, with programs that note what they were asked."""

import base64
import json
import os
import shutil
import subprocess

import pytest
import yaml
from support.monitoring import CHART, read_yaml
from typer.testing import CliRunner

from tools import install_monitoring
from tools.install_monitoring import NEEDED, app

WEBHOOK = "https://hooks.slack.com/services/T0/B0/very-secret"
PASSWORD = "a-long-admin-password"
PUSH = "push-password"

PROGRAMS = {
    "kubectl": """
case "$*" in
    *"get secret"*)
        [ -z "${FORBIDDEN:-}" ] || { echo "Error from server ($FORBIDDEN)" >&2; exit 1; }
        cat "$SECRETS/$5" || { echo "Error from server (NotFound)" >&2; exit 1; } ;;
    "apply -f -") cat >> "$APPLIED" ;;
    "version"*) exit "${UNREACHABLE:-0}" ;;
esac
""",
    "helm": """
case "$1" in
    version) echo "${HELM_VERSION:-v4.1.4+g05fa379}" ;;
    show) cat "$3" ;;
    template) [ -z "${REFUSED:-}" ] || { echo "Error: $REFUSED" >&2; exit 1; } ;;
esac
""",
    "aws": """
case "$*" in
    *describe-stacks*) echo "${ARN:-}" ;;
    *put-secret-value*) cat > "$STORED" ;;
esac
""",
    "htpasswd": """read -r given; echo "pumpwatch:\\$2y\\$05\\$hash-of-${#given}"\n""",
}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put the programs on the PATH and return the folder of their notes."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "secrets").mkdir()
    for name, does in PROGRAMS.items():
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/sh\nprintf \'%s\\n\' "{name} $*" >> "$CALLS"\n{does}')
        path.chmod(0o755)
    for name in ("CALLS", "APPLIED", "STORED", "SECRETS"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "charts").mkdir()
    for chart in read_yaml(CHART / "Chart.lock")["dependencies"]:
        archive = tmp_path / "charts" / f"{chart['name']}-{chart['version']}.tgz"
        archive.write_text(f"version: {chart['version']}\n")
    for name in ("Chart.yaml", "Chart.lock"):
        shutil.copy(CHART / name, tmp_path)
    monkeypatch.setattr(install_monitoring, "CHART", tmp_path)
    return tmp_path


def have_secrets(folder, *, without=""):
    for name, keys in NEEDED.items():
        data = {key: "eA==" for key in keys if key != without}
        (folder / "secrets" / name).write_text(json.dumps({"data": data}))


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def calls(folder):
    return (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


def helm_calls(folder):
    return [call for call in calls(folder) if call.startswith("helm")]


def test_install_checks_and_upgrades_with_the_charts_that_are_there(programs):
    have_secrets(programs)
    values = programs / "mine.yaml"
    values.write_text("alerting: {enabled: true}\n")
    done = run("-f", str(values), "--namespace", "watching")
    assert done.exit_code == 0, done.output
    *before, upgrade = helm_calls(programs)
    assert [call.split()[1] for call in before] == ["version", "show", "show", "template"]
    install = f"upgrade --install monitoring {programs} --namespace watching"
    assert install in upgrade
    assert "--create-namespace" in upgrade
    assert f"--values {values}" in upgrade
    assert "--dry-run" not in upgrade
    assert run("--dry-run").exit_code == 0
    assert calls(programs)[-1].endswith("--dry-run=server")


@pytest.mark.parametrize("key", ["web-config.yaml", "critical", "admin-password"])
def test_missing_key_of_a_secret_is_named_with_what_to_do(programs, key):
    have_secrets(programs, without=key)
    done = run()
    assert done.exit_code == 1
    assert key in done.output
    assert "make-secrets" in done.output
    assert not [call for call in helm_calls(programs) if "version" not in call]


def test_secret_that_may_not_be_read_is_not_called_missing(programs, monkeypatch):
    have_secrets(programs)
    monkeypatch.setenv("FORBIDDEN", "Forbidden")
    done = run()
    assert done.exit_code == 1
    assert "may you read Secrets in monitoring?" in done.output
    assert "make-secrets" not in done.output


def test_a_dead_man_s_switch_needs_its_address(programs):
    """Without the file Grafana would not start."""
    have_secrets(programs)
    values = programs / "mine.yaml"
    values.write_text("alerting: {deadManSwitch: true}\n")
    done = run("-f", str(values))
    assert done.exit_code == 1
    assert "pumpwatch-slack in namespace monitoring lacks deadman:" in done.output


def test_external_secrets_need_not_be_there_yet(programs):
    values = programs / "mine.yaml"
    values.write_text("externalSecrets: {enabled: true}\n")
    assert run("-f", str(values)).exit_code == 0


def test_secrets_of_what_is_switched_off_are_not_needed(programs):
    have_secrets(programs)
    for name in ("pumpwatch-slack", "pumpwatch-grafana-admin"):
        (programs / "secrets" / name).unlink()
    values = programs / "mine.yaml"
    values.write_text("grafana: {enabled: false}\n")
    assert run("-f", str(values)).exit_code == 0
    (programs / "secrets" / "pumpwatch-pushgateway").unlink()
    assert "pumpwatch-pushgateway" in run("-f", str(values)).output


def test_pin_that_is_not_locked_is_refused(programs):
    have_secrets(programs)
    pins = programs / "Chart.yaml"
    pins.write_text(pins.read_text().replace("version: 29.", "version: 28."))
    done = run()
    assert done.exit_code == 1
    assert "Chart.lock does not fit Chart.yaml: run helm dependency update" in done.output


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("REFUSED", "additional properties 'enable' not allowed", "'enable' not allowed"),
        ("UNREACHABLE", "1", "context"),
    ],
)
def test_refused_values_or_no_cluster_install_nothing(programs, monkeypatch, variable, value, says):
    have_secrets(programs)
    monkeypatch.setenv(variable, value)
    done = run()
    assert done.exit_code == 1
    assert says in done.output
    assert not [call for call in helm_calls(programs) if "upgrade" in call]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"alerting: [", "line 1"),
        (b"- alerting", "holds no keys"),
        (b"\xff\xfe", "cannot be read as YAML"),
    ],
    ids=["broken", "a list", "not UTF-8"],
)
def test_wrong_values_file_is_bad_input(programs, text, says):
    (programs / "mine.yaml").write_bytes(text)
    done = run("-f", str(programs / "mine.yaml"))
    assert done.exit_code == 2
    assert says in done.output
    assert len(done.output.splitlines()) == 1


def test_missing_program_or_file_is_bad_input(programs, monkeypatch):
    assert run("-f", "/nowhere/values.yaml").exit_code == 2
    monkeypatch.setenv("PATH", os.devnull)
    done = run()
    assert done.exit_code == 2
    assert "helm is not installed" in done.output


@pytest.mark.parametrize("version", ["v3.16.4+g7877b45", "Client: v2.17.0+ga690bad", "unknown"])
def test_helm_that_is_too_old_is_bad_input(programs, monkeypatch, version):
    monkeypatch.setenv("HELM_VERSION", version)
    done = run()
    assert done.exit_code == 2
    assert f"helm is {version}: get 3.17 or newer" in done.output


def make_secrets(*arguments, answers):
    return subprocess.run(
        [CHART / "make-secrets", *arguments],
        input="".join(f"{answer}\n" for answer in answers),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


ANSWERS = [f"{WEBHOOK}1", f"{WEBHOOK}2", f"{WEBHOOK}3", PASSWORD, PUSH, ""]


def applied(folder):
    return {
        secret["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in secret["data"].items()
        }
        for secret in yaml.safe_load_all((folder / "applied").read_text())
        if secret
    }


def test_secrets_are_made_and_never_shown(programs, monkeypatch):
    arn = "arn:aws:secretsmanager:eu-central-1:1:secret:push"
    monkeypatch.setenv("ARN", arn)
    done = make_secrets("watching", "the-stack", answers=ANSWERS)
    assert done.returncode == 0, done.stderr
    made = applied(programs)
    assert {name: set(data) for name, data in made.items()} == NEEDED
    assert made["pumpwatch-slack"]["warning"] == f"{WEBHOOK}2"
    assert made["pumpwatch-grafana-admin"]["admin-password"] == PASSWORD
    web = yaml.safe_load(made["pumpwatch-pushgateway"]["web-config.yaml"])
    assert web == {"basic_auth_users": {"pumpwatch": f"$2y$05$hash-of-{len(PUSH)}"}}
    stored = json.loads((programs / "stored").read_text())
    assert stored == {"user": "pumpwatch", "password": PUSH}
    seen = done.stdout + done.stderr + "\n".join(calls(programs))
    for secret in (WEBHOOK, PASSWORD, PUSH):
        assert secret not in seen


def test_password_of_the_pushgateway_is_made_when_none_is_given(programs):
    assert make_secrets(answers=[*ANSWERS[:4], "", ""]).returncode == 0
    assert len(applied(programs)["pumpwatch-pushgateway"]["password"]) == 48


def test_address_of_a_dead_man_s_switch_is_kept_beside_the_webhooks(programs):
    address = "https://ping.example.com/secret"
    assert make_secrets(answers=[*ANSWERS[:5], address]).returncode == 0
    assert applied(programs)["pumpwatch-slack"]["deadman"] == address


@pytest.mark.parametrize(
    ("answer", "position", "words"),
    [
        ("http://example.com", 0, "hooks.slack.com"),
        ("short", 3, "12 characters"),
        ('with"quote', 4, "quotes"),
        ("http://ping.example.com", 5, "https://"),
    ],
)
def test_wrong_answers_are_refused_before_anything_is_made(programs, answer, position, words):
    done = make_secrets(answers=[*ANSWERS[:position], answer, *ANSWERS[position + 1 :]])
    assert done.returncode == 2
    assert words in done.stderr
    assert not (programs / "applied").exists()
