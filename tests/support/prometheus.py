"""Real servers on loopback for tests: Prometheus, the Pushgateway with a web config, stand-ins."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

READY_SECONDS = 60.0
PORTS_TRIED = 3
PATIENCE = 60.0
"""Seconds to wait for what must come: never used up on a machine that works, however busy."""


class ServerFailed(Exception):
    """The server did not start; the text is what it wrote."""


def free_port():
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(name, arguments, log, is_ready):
    """Run a server by name until the block ends; `is_ready` is asked until it says so."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [shutil.which(name) or name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        ends = time.monotonic() + READY_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > ends:
                raise ServerFailed(log.read_text()[-2000:])
            time.sleep(0.05)
        if process.poll() is not None:
            raise ServerFailed(f"another server has its port: {log.read_text()[-2000:]}")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def server_on_a_port(name, log, arguments, is_ready):
    """Run a server on a free port and give the port; `arguments` and `is_ready` are told it.

    Somebody else can take the port between the look and the start: then another is tried.
    """
    with ExitStack() as stack:
        for left in range(PORTS_TRIED, 0, -1):
            port = free_port()
            try:
                ready = partial(is_ready, port)
                stack.enter_context(server(name, arguments(port), log, ready))
                break
            except ServerFailed:
                if left == 1:
                    raise
        yield port


def answers(url):
    """Return whether a GET succeeds."""
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


def get_json(url, **parameters):
    """Ask with a form, as Grafana does, and return the answer's data."""
    with urlopen(Request(url, data=urlencode(parameters).encode()), timeout=PATIENCE) as answer:
        return json.load(answer)["data"]


class Prometheus:
    """A client of a Prometheus, or of what speaks like one."""

    def __init__(self, url):
        self.url = url

    def query(self, expr, **parameters):
        """Return the result of an instant query."""
        return get_json(f"{self.url}/api/v1/query", query=expr, **parameters)["result"]

    def value(self, expr, **parameters):
        """Return the one value of an instant query."""
        (sample,) = self.query(expr, **parameters)
        return float(sample["value"][1])

    def samples(self, selector, seconds):
        """Return the raw samples (time, value) of one series."""
        (series,) = self.query(f"{selector}[{seconds}s]")
        return [(float(at), float(value)) for at, value in series["values"]]

    def firing(self):
        """Return the titles of the alerts that fire."""
        with urlopen(f"{self.url}/api/v1/alerts", timeout=PATIENCE) as answer:
            found = json.load(answer)["data"]["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == "firing"}

    def wait_for(self, expr, seconds=PATIENCE):
        """Wait until a query returns something, and return it."""
        ends = time.monotonic() + seconds
        while True:
            found = self.query(expr)
            if found or time.monotonic() > ends:
                return found
            time.sleep(0.1)

    def wait_for_scrapes(self, count=2):
        """Wait until every target was scraped so many times more: what it shows now is seen then.

        A busy machine misses scrapes; only those that came through are counted.
        """
        good = "min(sum_over_time(up[30m]))"
        before = float(found[0]["value"][1]) if (found := self.query(good)) else 0
        assert self.wait_for(f"{good} >= {before + count}"), "targets were not scraped"

    def wait_until_firing(self, *titles, quiet=()):
        """Wait until alerts fire and others do not; return all that fire."""
        ends = time.monotonic() + PATIENCE
        while True:
            firing = self.firing()
            if (set(titles) <= firing and not firing & set(quiet)) or time.monotonic() > ends:
                return firing
            time.sleep(0.2)


@contextmanager
def prometheus(folder: Path, jobs, *, interval="200ms", rules=()):
    """Run Prometheus; `jobs` maps a job to the URL of its target and further keys of its config."""
    (folder / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "all", "interval": "1s", "rules": list(rules)}]})
    )
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}], **more}
            for job, (target, more) in jobs.items()
        ],
    }
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))

    def arguments(port):
        return [
            f"--config.file={path}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]

    def is_ready(port):
        return answers(f"http://127.0.0.1:{port}/-/ready")

    with server_on_a_port("prometheus", folder / "prometheus.log", arguments, is_ready) as port:
        yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def pages(texts):
    """Serve texts as /name/metrics; `texts` maps a name to a function that makes its page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made = texts[self.path.split("/")[1]]().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            self.wfile.write(made)

        def log_message(self, *_):
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
