"""`make monitoring`: `helm upgrade --install` with checks before it.

    python -m tools.install_monitoring [--namespace NAME] [--release NAME]
        [--values FILE ...] [--mirror URL] [--dry-run]

Charts that `k8s-monitoring/charts` holds as `Chart.lock` names them are not fetched. `helm
dependency build` is not used: it refuses charts whose repositories nobody has added.

Exit status 0: installed, 1: a check or Helm failed, 2: a program is missing or too old, or an
option is wrong.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

CHART = Path(__file__).resolve().parents[1] / "k8s-monitoring"
NEEDED = {
    "pumpwatch-slack": {"critical", "warning", "info"},
    "pumpwatch-grafana-admin": {"admin-user", "admin-password"},
    "pumpwatch-pushgateway": {"password", "web-config.yaml"},
}
"""The Secrets that the chart mounts, and their keys."""
OLDEST_HELM = (3, 17)
PROBLEM, BAD_INPUT = 1, 2
PATIENCE = "10m"
LOGGED = re.compile(r"[EIW]\d{4} |level=")

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
    mirror: Annotated[
        str | None, typer.Option(help="Fetch the charts from this repository (https: or oci:).")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Check and render, change nothing.")] = False,
) -> None:
    """Install or upgrade the monitoring cluster after checking what it needs."""
    files = list(values or [])
    try:
        _require_programs()
        given = [_read(path) for path in files]
    except InstallRefused as problem:
        _end(problem, BAD_INPUT)
    try:
        _say("Reaching the cluster ...")
        _run("kubectl", "version", "--output=json", hint="is kubectl's context the right one?")
        _say("Looking for the Secrets ...")
        if _enabled(given, "externalSecrets", default=False):
            path = "/apis/external-secrets.io/v1"
            _run("kubectl", "get", "--raw", path, hint="externalSecrets.enabled needs its operator")
        else:
            _require_secrets(namespace, given)
        _provide_charts(mirror)
        _say("Checking the values ...")
        options = [str(CHART), "--namespace", namespace, *_flags(files)]
        _run("helm", "template", release, *options, hint="see k8s-monitoring/values.yaml")
        _say("Installing ...")
        hint = f"kubectl -n {namespace} get pods,events says more"
        _run("helm", *_upgrade(release, options, dry_run=dry_run), hint=hint)
    except InstallRefused as problem:
        _end(problem, PROBLEM)
    _say("Done. What is next stands in docs/monitoring.md." if not dry_run else "Nothing changed.")


def _require_programs() -> None:
    for program, source in (("helm", "https://helm.sh"), ("kubectl", "https://kubernetes.io")):
        if shutil.which(program) is None:
            raise InstallRefused(f"{program} is not installed: get it from {source}")
    version = _run("helm", "version", "--short", hint="is it Helm 3 or 4?").strip()
    numbers = re.search(r"v(\d+)\.(\d+)", version)
    if numbers is None or tuple(map(int, numbers.groups())) < OLDEST_HELM:
        oldest = ".".join(map(str, OLDEST_HELM))
        raise InstallRefused(f"helm is {version}: get {oldest} or newer from https://helm.sh")


def _read(path: Path) -> dict[str, Any]:
    """Return a file of values."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())
        raise InstallRefused(f"--values {path} cannot be read as YAML: {told}") from None
    if not isinstance(given, dict):
        raise InstallRefused(f"--values {path} holds no keys: see k8s-monitoring/values.yaml")
    return given


def _enabled(
    given: Sequence[Mapping[str, Any]], section: str, *, default: bool, switch: str = "enabled"
) -> bool:
    """Return the switch of a section; the last file that names it decides."""
    sections = [values[section] for values in given if isinstance(values.get(section), dict)]
    return bool(([default] + [each[switch] for each in sections if switch in each])[-1])


def _require_secrets(namespace: str, given: Sequence[Mapping[str, Any]]) -> None:
    """Check names and keys; the values stay where they are."""
    calls = _enabled(given, "alerting", default=False, switch="deadManSwitch")
    slack = NEEDED["pumpwatch-slack"] | ({"deadman"} if calls else set())
    for name, keys in (NEEDED | {"pumpwatch-slack": slack}).items():
        reader = "prometheus" if name == "pumpwatch-pushgateway" else "grafana"
        if not _enabled(given, reader, default=True):
            continue
        answer = _call("kubectl", "-n", namespace, "get", "secret", name, "--output=json")
        if answer.returncode != 0 and "NotFound" not in answer.stderr:
            raise InstallRefused(
                f"the Secret {name} cannot be read (may you read Secrets in {namespace}?): "
                f"{_told(answer)}"
            )
        secret = json.loads(answer.stdout) if answer.returncode == 0 else {}
        missing = sorted(keys - set(secret.get("data") or {}))
        if missing:
            raise InstallRefused(
                f"the Secret {name} in namespace {namespace} lacks {', '.join(missing)}: "
                f"run k8s-monitoring/make-secrets {namespace}"
            )


def _provide_charts(mirror: str | None) -> None:
    """Fetch what `charts` does not hold as `Chart.lock` names it; all of it or nothing."""
    charts = CHART / "charts"
    pinned, locked = (
        yaml.safe_load((CHART / name).read_text())["dependencies"]
        for name in ("Chart.yaml", "Chart.lock")
    )
    if [{key: pin[key] for key in ("name", "version", "repository")} for pin in pinned] != locked:
        raise InstallRefused(
            f"Chart.lock does not fit Chart.yaml: run helm dependency update {CHART}"
        )
    missing = [chart for chart in locked if not _is_there(chart)]
    _say("Fetching the charts it depends on ..." if missing else "The charts are there.")
    with tempfile.TemporaryDirectory() as folder:
        for chart in missing:
            _pull(chart, mirror or chart["repository"], folder)
        shutil.copytree(folder, charts, dirs_exist_ok=True)
    for chart in locked:
        for other in charts.glob(f"{chart['name']}-[0-9]*.tgz"):
            if other.name != _archive(chart):
                other.unlink()


def _is_there(chart: Mapping[str, str]) -> bool:
    folder = CHART / "charts" / chart["name"]
    path = folder if folder.exists() else folder.with_name(_archive(chart))
    shown = _call("helm", "show", "chart", str(path))
    same = shown.returncode == 0 and yaml.safe_load(shown.stdout)["version"] == chart["version"]
    if folder.exists() and not same:
        raise InstallRefused(
            f"{folder} is not {chart['name']} {chart['version']} of Chart.lock: remove the folder"
        )
    return same


def _pull(chart: Mapping[str, str], source: str, folder: str) -> None:
    named = [chart["name"], "--repo", source]
    if source.startswith("oci://"):
        named = [f"{source.rstrip('/')}/{chart['name']}"]
    _run(
        *("helm", "pull", *named, "--version", chart["version"], "--destination", folder),
        hint=f"put {_archive(chart)} into {CHART / 'charts'}, or name your mirror with --mirror",
    )


def _archive(chart: Mapping[str, str]) -> str:
    return f"{chart['name']}-{chart['version']}.tgz"


def _flags(files: Sequence[Path]) -> list[str]:
    return [part for path in files for part in ("--values", str(path))]


def _upgrade(release: str, options: Sequence[str], *, dry_run: bool) -> list[str]:
    last = ["--dry-run=server"] if dry_run else ["--wait", "--timeout", PATIENCE]
    return ["upgrade", "--install", release, *options, "--create-namespace", *last]


def _run(*command: str, hint: str) -> str:
    done = _call(*command)
    if done.returncode != 0:
        raise InstallRefused(f"{' '.join(command[:2])} failed ({hint}): {_told(done)}")
    return done.stdout


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _told(done: subprocess.CompletedProcess[str]) -> str:
    """Return the program's reason, without what it logged on the way."""
    lines = [line for line in done.stderr.splitlines() if line and not LOGGED.match(line)]
    return "\n  ".join(line.removeprefix("Error: ") for line in lines[-12:]) or "no reason given"


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _end(problem: InstallRefused, status: int) -> None:
    _say(f"make monitoring: {problem}")
    raise typer.Exit(status)


if __name__ == "__main__":
    app()
