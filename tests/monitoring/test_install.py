"""`make monitoring` and `make-secrets`, with programs that note what they were asked."""

import base64
import json
import os
import stat
import subprocess

import pytest
import yaml
from support.monitoring import CHART
from typer.testing import CliRunner

from tools.install_monitoring import NEEDED, app

WEBHOOK = "https://hooks.slack.com/services/T0/B0/very-secret"
PASSWORD = "a-long-admin-password"
PUSH = "push-password"

NOTE = """#!/bin/sh
printf '%s\\n' "$(basename "$0") $*" >> "$CALLS"
"""
KUBECTL = (
    NOTE
    + """
case "$*" in
    *"get secret"*) [ -f "$SECRETS/$5" ] && cat "$SECRETS/$5" ;;
    "apply -f -") cat >> "$APPLIED" ;;
    "version"*) exit "${UNREACHABLE:-0}" ;;
esac
"""
)
HELM = (
    NOTE
    + """
case "$1" in lint) [ -z "${REFUSED:-}" ] || { echo "$REFUSED" >&2; exit 1; } ;; esac
"""
)
AWS = (
    NOTE
    + """
case "$*" in
    *describe-stacks*) echo "${ARN:-}" ;;
    *put-secret-value*) cat > "$STORED" ;;
esac
"""
)
HTPASSWD = NOTE + """read -r given; echo "pumpwatch:\\$2y\\$05\\$hash-of-${#given}"\n"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put the programs on the PATH and return the folder of their notes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (
        ("kubectl", KUBECTL),
        ("helm", HELM),
        ("aws", AWS),
        ("htpasswd", HTPASSWD),
    ):
        path = folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "secrets").mkdir()
    for name, target in (
        ("CALLS", "calls"), ("APPLIED", "applied"), ("STORED", "stored"), ("SECRETS", "secrets"),
    ):  # fmt: skip
        monkeypatch.setenv(name, str(tmp_path / target))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def have_secrets(folder, *, without=""):
    for name, keys in NEEDED.items():
        data = {key: "eA==" for key in keys if key != without}
        (folder / "secrets" / name).write_text(json.dumps({"data": data}))


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def calls(folder):
    return (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


def test_install_checks_fetches_and_upgrades(programs):
    have_secrets(programs)
    values = programs / "mine.yaml"
    values.write_text("alerting: {enabled: true}\n")
    done = run("-f", str(values), "--namespace", "watching")
    assert done.exit_code == 0, done.output
    asked = calls(programs)
    helm = [one for one in asked if one.startswith("helm")]
    assert [one.split()[1] for one in helm] == ["dependency", "lint", "upgrade"]
    assert f"--install monitoring {CHART} --namespace watching --create-namespace" in helm[-1]
    assert f"--values {values}" in helm[-1]


def test_dry_run_changes_nothing(programs):
    have_secrets(programs)
    done = run("--dry-run")
    assert done.exit_code == 0
    assert calls(programs)[-1].endswith("--dry-run")


@pytest.mark.parametrize("key", ["web-config.yaml", "critical", "admin-password"])
def test_missing_key_of_a_secret_is_named_with_what_to_do(programs, key):
    have_secrets(programs, without=key)
    done = run()
    assert done.exit_code == 1
    assert key in done.output
    assert "make-secrets" in done.output
    assert not [one for one in calls(programs) if one.startswith("helm")]


def test_external_secrets_need_not_be_there_yet(programs):
    values = programs / "mine.yaml"
    values.write_text("externalSecrets: {enabled: true}\n")
    assert run("-f", str(values)).exit_code == 0


def test_refused_values_are_told_and_nothing_is_installed(programs, monkeypatch):
    have_secrets(programs)
    monkeypatch.setenv("REFUSED", "networkPolicies: additional properties 'enable' not allowed")
    done = run()
    assert done.exit_code == 1
    assert "'enable' not allowed" in done.output
    assert not [one for one in calls(programs) if "upgrade" in one]


def test_cluster_that_cannot_be_reached(programs, monkeypatch):
    monkeypatch.setenv("UNREACHABLE", "1")
    done = run()
    assert done.exit_code == 1
    assert "context" in done.output


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


ANSWERS = [f"{WEBHOOK}1", f"{WEBHOOK}2", f"{WEBHOOK}3", PASSWORD, PUSH]


def applied(folder):
    documents = yaml.safe_load_all((folder / "applied").read_text())
    return {
        one["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in one["data"].items()
        }
        for one in documents
        if one
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
    assert make_secrets(answers=[*ANSWERS[:4], ""]).returncode == 0
    assert len(applied(programs)["pumpwatch-pushgateway"]["password"]) == 48


@pytest.mark.parametrize(
    ("position", "answer", "words"),
    [
        (0, "http://example.com", "hooks.slack.com"),
        (3, "short", "12 characters"),
        (4, 'with"quote', "quotes"),
    ],
)
def test_wrong_answers_are_refused_before_anything_is_made(programs, position, answer, words):
    answers = list(ANSWERS)
    answers[position] = answer
    done = make_secrets(answers=answers)
    assert done.returncode == 2
    assert words in done.stderr
    assert not (programs / "applied").exists()
