"""`make monitoring`: `helm upgrade --install` with checks before it.

    python -m tools.install_monitoring [--namespace NAME] [--release NAME]
        [--values FILE ...] [--dry-run]

Exit status 0: installed, 1: a check or Helm failed, 2: a program is missing or an option is wrong.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
import yaml

CHART = Path(__file__).resolve().parents[1] / "k8s-monitoring"
NEEDED = {
    "pumpwatch-slack": {"critical", "warning", "info"},
    "pumpwatch-grafana-admin": {"admin-user", "admin-password"},
    "pumpwatch-pushgateway": {"password", "web-config.yaml"},
}
"""The Secrets that the chart mounts, and their keys."""
PROBLEM, BAD_INPUT = 1, 2
PATIENCE = "10m"

app = typer.Typer(add_completion=False)


class InstallRefused(Exception):
    """The problem and its remedy."""


@app.command()
def install(
    *,
    namespace: Annotated[str, typer.Option(help="Kubernetes namespace.")] = "monitoring",
    release: Annotated[str, typer.Option(help="Name of the Helm release.")] = "monitoring",
    values: Annotated[
        list[Path] | None, typer.Option("--values", "-f", help="A file of your own values.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Check and render, change nothing.")] = False,
) -> None:
    """Install or upgrade the monitoring cluster after checking what it needs."""
    files = list(values or [])
    try:
        _require_programs(files)
    except InstallRefused as problem:
        _end(problem, BAD_INPUT)
    try:
        _say("Reaching the cluster ...")
        _run("kubectl", "version", "--output=json", hint="is kubectl's context the right one?")
        # What External Secrets makes may not be there yet.
        if not _is_enabled(files, "externalSecrets", "enabled"):
            _say("Looking for the Secrets ...")
            calls = _is_enabled(files, "alerting", "deadManSwitch")
            slack = NEEDED["pumpwatch-slack"] | ({"deadman"} if calls else set())
            _require_secrets(namespace, NEEDED | {"pumpwatch-slack": slack})
        _say("Fetching the charts it depends on ...")
        _run("helm", "dependency", "update", str(CHART), hint="the chart repositories are named")
        _say("Checking the values ...")
        _run("helm", "lint", str(CHART), *_flags(files), hint="see k8s-monitoring/values.yaml")
        _say("Installing ...")
        _run("helm", *_upgrade(release, namespace, files, dry_run=dry_run), hint="see the message")
    except InstallRefused as problem:
        _end(problem, PROBLEM)
    _say("Done. What is next stands in docs/monitoring.md." if not dry_run else "Nothing changed.")


def _require_programs(files: Sequence[Path]) -> None:
    for program, source in (("helm", "https://helm.sh"), ("kubectl", "https://kubernetes.io")):
        if shutil.which(program) is None:
            raise InstallRefused(f"{program} is not installed: get it from {source}")
    for path in files:
        if not path.is_file():
            raise InstallRefused(f"--values {path}: there is no such file")


def _is_enabled(files: Sequence[Path], section: str, switch: str) -> bool:
    """Return whether the files switch something on, which is off without them."""
    enabled = False
    for path in files:
        try:
            given = yaml.safe_load(path.read_text()) or {}
        except yaml.YAMLError as error:
            raise InstallRefused(f"{path} is no YAML: {str(error).splitlines()[0]}") from None
        values = given.get(section) if isinstance(given, dict) else None
        if isinstance(values, dict):
            enabled = bool(values.get(switch, enabled))
    return enabled


def _require_secrets(namespace: str, needed: Mapping[str, set[str]]) -> None:
    """Check names and keys; the values stay where they are."""
    for name, keys in needed.items():
        answer = subprocess.run(
            ["kubectl", "-n", namespace, "get", "secret", name, "--output=json"],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        there = (
            set(json.loads(answer.stdout).get("data") or {}) if answer.returncode == 0 else set()
        )
        missing = sorted(keys - there)
        if missing:
            raise InstallRefused(
                f"the Secret {name} in namespace {namespace} lacks {', '.join(missing)}: "
                f"run k8s-monitoring/make-secrets {namespace}"
            )


def _flags(files: Sequence[Path]) -> list[str]:
    return [part for path in files for part in ("--values", str(path))]


def _upgrade(release: str, namespace: str, files: Sequence[Path], *, dry_run: bool) -> list[str]:
    last = ["--dry-run"] if dry_run else ["--wait", "--timeout", PATIENCE]
    named = ["upgrade", "--install", release, str(CHART), "--namespace", namespace]
    return [*named, "--create-namespace", *_flags(files), *last]


def _run(*command: str, hint: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        told = "\n  ".join(lines[-12:])
        raise InstallRefused(f"{' '.join(command[:2])} failed ({hint}):\n  {told}")


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _end(problem: InstallRefused, status: int) -> None:
    _say(f"make monitoring: {problem}")
    raise typer.Exit(status)


if __name__ == "__main__":
    app()
