"""The bot's image: built without a registry, looked into, and run as a cluster would run it."""

import json
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from support.bot import PumpedExchange
from support.containers import Storage, why_not
from support.monitoring import REPOSITORY
from support.prometheus import wait_until
from support.servers import answers, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no containers here: {why_not()}"),
]

TAG = "pumpwatch:check"
MOST_BYTES = 225e6
"""What the image may add to its base."""
UNWANTED = ("pip", "setuptools", "tests", "polars", "moto", "hatchling")
SCANS = 3


@pytest.fixture(scope="module")
def base_name():
    (name,) = set(re.findall(r"^FROM (\S+/\S+)", (REPOSITORY / "Dockerfile").read_text(), re.M))
    return name


@pytest.fixture(scope="module")
def storage(base_name):
    folder = Path(tempfile.mkdtemp(prefix="pumpwatch-image-", dir="/var/tmp"))
    storage = Storage(folder)
    storage.make_base(base_name)
    storage.build(TAG)
    yield storage
    storage.buildah("rm", "--all")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def container(storage):
    return storage.container(TAG)


@pytest.fixture
def volume(tmp_path):
    folder = tmp_path / "volume"
    folder.mkdir()
    shutil.chown(folder, 10001, 10001)
    for path in (tmp_path, *tmp_path.parents[:-1]):
        assert path.is_dir()
    return folder


def test_base_has_a_dated_name(base_name):
    assert re.fullmatch(r"docker\.io/library/debian:bookworm-\d{8}-slim", base_name)


def test_image_says_how_it_wants_to_run(container):
    config = container.config
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["pumpwatch"]
    assert config["Cmd"] == ["desk", "--json"]
    assert set(config["Volumes"]) == {"/data"}
    assert {"METRICS_ADDRESS=0.0.0.0", "METRICS_PORT=8000", "PUMPWATCH_HOME=/data"} <= set(
        config["Env"]
    )
    assert config["Labels"]["org.opencontainers.image.revision"] != "unknown"
    assert "healthz" in " ".join(config["Healthcheck"]["Test"])


def test_image_holds_the_bot_and_little_else(storage, container, base_name):
    added = storage.size(TAG) - storage.size(base_name)
    assert added <= MOST_BYTES
    (packages,) = container.root.glob("opt/pumpwatch/lib/python3*/site-packages")
    assert (packages / "pumpwatch").is_dir()
    names = {path.name for path in container.root.glob("opt/pumpwatch/**/*") if path.is_dir()}
    assert not names.intersection(UNWANTED)
    for program in ("pip3", "gcc", "git", "curl"):
        assert not list(container.root.glob(f"usr/bin/{program}*"))


def test_nothing_of_the_build_stays(container):
    root = container.root
    for place in ("root", "tmp", "var/lib/apt/lists", "var/cache/apt", "data", "source"):
        left = [path for path in (root / place).rglob("*") if path.is_file()]
        assert not [path for path in left if path.name not in (".bashrc", ".profile")], place
    assert not (root / "etc" / "pip.conf").exists()
    told = json.dumps([container.history, container.config])
    assert "index-url" not in told
    assert "PIP_" not in json.dumps(container.config)


def test_commands_of_an_operator_are_there(container, volume):
    shown = container.run(volume, "pumpwatch", "--version")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("pumpwatch ")
    for command in ("desk", "paper", "status", "halt", "resume", "close", "doctor", "config"):
        done = container.run(volume, "pumpwatch", command, "--help")
        assert done.returncode == 0, done.stderr
    refused = container.run(volume, "pumpwatch", "backtest")
    assert refused.returncode == 2
    assert "polars" in refused.stderr


def last_tick(output):
    """Return the time of the last tick that the bot told of."""
    told = [json.loads(line) for line in output.read_text().splitlines() if line[:1] == "{"]
    return max((line["time"] for line in told if line["kind"] == "tick"), default=0)


def metrics_at(address):
    """Return what Prometheus would read."""
    with urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_bot_runs_closed_in_and_goes_on_after_a_kill(container, volume, tmp_path):
    output, port = tmp_path / "output", free_port()
    address = f"127.0.0.1:{port}"
    exchange = PumpedExchange()
    with exchange.serve() as url:
        chosen = {
            "BYBIT_BASE_URL": url,
            "METRICS_ADDRESS": "127.0.0.1",
            "METRICS_PORT": str(port),
        }
        probe = f"http://{address}/healthz"
        with container.start(volume, output, **chosen) as bot:
            wait_until(lambda: bot.has_ended or (answers(probe) and exchange.scans() >= SCANS))
            assert not bot.has_ended, output.read_text()
            assert exchange.scans() >= SCANS
            labels = 'job="pumpwatch_detect",stage="paper"'
            assert wait_until(lambda: labels in metrics_at(address))
            about = bot.status()
            assert set(about["Uid"].split()) == {"10001"}
            assert int(about["CapEff"], 16) == int(about["CapBnd"], 16) == 0
            check = container.run(volume, *container.config["Healthcheck"]["Test"][1:], **chosen)
            assert check.returncode == 0, check.stderr
            halted = container.run(volume, "pumpwatch", "halt", "--reason", "a test")
            assert halted.returncode == 0, halted.stderr
            first = last_tick(output)
            assert bot.signal(signal.SIGKILL) != 0
        refused = container.run(volume, *container.config["Healthcheck"]["Test"][1:], **chosen)
        assert refused.returncode != 0
        with container.start(volume, output, **chosen) as bot:
            wait_until(lambda: bot.has_ended or last_tick(output) > first)
            assert last_tick(output) > first, output.read_text()
            shown = container.run(volume, "pumpwatch", "status")
            assert "a test" in shown.stdout, shown.stderr
            began = time.monotonic()
            assert bot.signal(signal.SIGTERM) == 0
            assert time.monotonic() - began < 15
    kept = {path.name for path in volume.iterdir()}
    assert "paper.db" in kept
    assert not (volume / ".cache").exists()


def test_root_is_read_only(container, volume):
    script = "for place in / /opt /etc /var/tmp /data; do touch $place/a && echo $place; done"
    assert container.run(volume, "sh", "-c", script).stdout.split() == ["/data"]
