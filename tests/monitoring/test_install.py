"""`make monitoring` and `make-secrets`, with programs that note what they were asked."""

import base64
import json
import os
import subprocess

import pytest
import yaml
from support.monitoring import CHART
from typer.testing import CliRunner

from tools.install_monitoring import NEEDED, app

WEBHOOK = "https://hooks.slack.com/services/T0/B0/very-secret"
PASSWORD = "a-long-admin-password"
PUSH = "push-password"

PROGRAMS = {
    "kubectl": """
case "$*" in
    *"get secret"*) [ -f "$SECRETS/$5" ] && cat "$SECRETS/$5" ;;
    "apply -f -") cat >> "$APPLIED" ;;
    "version"*) exit "${UNREACHABLE:-0}" ;;
esac
""",
    "helm": """
case "$1" in lint) [ -z "${REFUSED:-}" ] || { echo "$REFUSED" >&2; exit 1; } ;; esac
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


def test_install_checks_fetches_and_upgrades(programs):
    have_secrets(programs)
    values = programs / "mine.yaml"
    values.write_text("alerting: {enabled: true}\n")
    done = run("-f", str(values), "--namespace", "watching")
    assert done.exit_code == 0, done.output
    *before, upgrade = helm_calls(programs)
    assert [call.split()[1] for call in before] == ["dependency", "lint"]
    install = f"upgrade --install monitoring {CHART} --namespace watching --create-namespace"
    assert install in upgrade
    assert f"--values {values}" in upgrade
    assert "--dry-run" not in upgrade
    assert run("--dry-run").exit_code == 0
    assert calls(programs)[-1].endswith("--dry-run")


@pytest.mark.parametrize("key", ["web-config.yaml", "critical", "admin-password"])
def test_missing_key_of_a_secret_is_named_with_what_to_do(programs, key):
    have_secrets(programs, without=key)
    done = run()
    assert done.exit_code == 1
    assert key in done.output
    assert "make-secrets" in done.output
    assert helm_calls(programs) == []


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


def test_missing_program_or_file_is_bad_input(programs, monkeypatch):
    assert run("-f", "/nowhere/values.yaml").exit_code == 2
    monkeypatch.setenv("PATH", os.devnull)
    done = run()
    assert done.exit_code == 2
    assert "helm is not installed" in done.output


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
