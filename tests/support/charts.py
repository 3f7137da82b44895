"""Real Helm and the charts that ours depends on: the real ones where they are, or stand-ins."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from support.monitoring import CHART, REPOSITORY, read_yaml

BOT = REPOSITORY / "k8s-bot"
LOCKED = read_yaml(CHART / "Chart.lock")["dependencies"]
HOSTS = ["prometheus-community.github.io", "grafana-community.github.io"]
PROGRAMS = REPOSITORY / ".venv-cluster"
HELMS = {"3": PROGRAMS / "v30" / "helm", "4": PROGRAMS / "v35" / "helm"}
"""The folders of the programs, by major version."""
ARCHIVES = [f"{chart['name']}-{chart['version']}.tgz" for chart in LOCKED]
UPSTREAM = Path(os.environ.get("PUMPWATCH_CHARTS") or CHART / "charts")

NEEDED = os.environ.get("PUMPWATCH_REQUIRE_SERVERS") == "1"
needs_helm = pytest.mark.skipif(
    not NEEDED and (platform.machine() != "x86_64" or not all(map(Path.is_dir, HELMS.values()))),
    reason="Helm is not in .venv-cluster: `make cluster-check` puts it there (Linux on x86_64)",
)


def charts_in(folder):
    """Return what the folder holds of the locked charts, packed or unpacked."""
    packed = [folder / archive for archive in ARCHIVES]
    unpacked = [folder / chart["name"] for chart in LOCKED]
    return [path for path in packed + unpacked if path.exists()]


needs_upstream = pytest.mark.skipif(
    len(charts_in(UPSTREAM)) != len(LOCKED),
    reason=f"k8s-monitoring/charts (or PUMPWATCH_CHARTS) does not hold {' and '.join(ARCHIVES)}",
)


def call(program, *arguments, env=None):
    """Run a program and return how it ended, with what it wrote."""
    return subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=env,
        timeout=300,
        check=False,
    )


def helm(major, *arguments, env=None):
    """Run Helm of this major version; it keeps what it knows in the folders of `env`."""
    return call(HELMS[major] / "helm", *arguments, env=env)


def copy_of_the_chart(folder, archives=None):
    """Return a copy of the chart, with the charts of a folder or without any."""
    chart = folder / "chart"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("charts"))
    if archives is not None:
        (chart / "charts").mkdir()
        for path in charts_in(archives):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, chart / "charts" / path.name)
    return chart


def make_stand_ins(folder):
    """Pack charts with the locked names and versions and a single ConfigMap each."""
    for locked in LOCKED:
        name = locked["name"]
        source = folder / "sources" / name
        (source / "templates").mkdir(parents=True)
        described = {"apiVersion": "v2", "name": name, "version": locked["version"]}
        (source / "Chart.yaml").write_text(yaml.safe_dump(described))
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-chart"}}
        (source / "templates" / "map.yaml").write_text(yaml.safe_dump(manifest))
        packed = helm("4", "package", source, "--destination", folder)
        assert packed.returncode == 0, packed.stderr
    return folder


def homes_of_helm(folder):
    """Return an environment in which Helm knows no repository and reaches no network."""
    homes = {f"HELM_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "", "NO_PROXY": "127.0.0.1"}
    return {**os.environ, **homes, **nowhere, "KUBECONFIG": str(folder / "no-cluster")}
