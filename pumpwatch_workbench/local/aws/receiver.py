"""A small Pushgateway for machines without the real one: groups, PUT, POST, `/metrics`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

LARGEST_BODY = 4 * 1024 * 1024
PUSH_TIME = "push_time_seconds"

Group = tuple[tuple[str, str], ...]
Families = dict[str, Metric]


class PushRefused(Exception):
    """The push is malformed, or contradicts what other groups pushed."""


class MetricsReceiver:
    """Keeps the groups as the Pushgateway does: PUT replaces a group, POST the metrics it names."""

    def __init__(self) -> None:
        self._groups: dict[Group, Families] = {}
        self._lock = threading.Lock()
        self.accepted = 0

    def push(self, path: str, body: str, *, replace: bool) -> None:
        """Take a push to `/metrics/job/...`. Raises `PushRefused`."""
        group = grouping_key(path)
        families = _parsed(body, dict(group))
        with self._lock:
            self._refuse_two_types(group, families)
            kept = {} if replace else self._groups.get(group, {})
            stamp = Metric(PUSH_TIME, "When the group was pushed last, Unix time.", "gauge")
            stamp.add_sample(PUSH_TIME, dict(group), time.time())
            self._groups[group] = {**kept, **families, PUSH_TIME: stamp}
            self.accepted += 1

    def text(self) -> str:
        """Return everything in the text format, each family once."""
        merged: Families = {}
        with self._lock:
            for families in self._groups.values():
                for name, family in families.items():
                    whole = merged.setdefault(
                        name, Metric(family.name, family.documentation, family.type)
                    )
                    whole.samples.extend(family.samples)
        return "".join(_lines(merged[name]) for name in sorted(merged))

    def _refuse_two_types(self, group: Group, families: Families) -> None:
        for other, known in self._groups.items():
            for name in families.keys() & known.keys():
                if other != group and known[name].type != families[name].type:
                    raise PushRefused(
                        f"{name} is a {known[name].type} in group {dict(other)}, "
                        f"not a {families[name].type}"
                    )


def grouping_key(path: str) -> Group:
    """Return the labels of `/metrics/job/<job>{/<label>/<value>}`. Raises `PushRefused`."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    pairs = parts[1:]
    if parts[0] != "metrics" or not pairs or len(pairs) % 2:
        raise PushRefused(f"{path} is not /metrics/job/<job>{{/<label>/<value>}}")
    labels = dict(zip(pairs[::2], pairs[1::2], strict=True))
    if not labels.get("job"):
        raise PushRefused("the label job is missing or empty")
    return tuple(sorted(labels.items()))


def _parsed(body: str, labels: Mapping[str, str]) -> Families:
    if body and not body.endswith("\n"):
        raise PushRefused("the last line does not end")
    families: Families = {}
    try:
        for family in text_string_to_metric_families(body):
            if any(sample.timestamp is not None for sample in family.samples):
                raise PushRefused(f"{family.name} carries a timestamp")
            family.samples = [
                Sample(sample.name, {"instance": "", **sample.labels, **labels}, sample.value)
                for sample in family.samples
            ]
            if family.name in families:
                raise PushRefused(f"{family.name} comes twice")
            families[family.name] = family
    except ValueError as error:
        raise PushRefused(f"not in the text format: {error}") from None
    return families


def _lines(family: Metric) -> str:
    name = family.name + ("_total" if family.type == "counter" else "")
    lines = [f"# HELP {name} {_escaped(family.documentation)}", f"# TYPE {name} {family.type}"]
    for sample in family.samples:
        labels = ",".join(
            f'{label}="{_escaped(value, quote=True)}"'
            for label, value in sorted(sample.labels.items())
        )
        lines.append(f"{sample.name}{{{labels}}} {sample.value!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str, *, quote: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quote else escaped


class _Server(ThreadingHTTPServer):
    """Does not write a traceback to the terminal for a client that went away."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave out what only says that the client is gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def serve(receiver: MetricsReceiver) -> ThreadingHTTPServer:
    """Return a server on a free loopback port that hands its requests to the receiver."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Keep the terminal for the run."""

        def do_GET(self) -> None:
            """Answer a scrape."""
            if self.path == "/metrics":
                self._answer(200, receiver.text())
            else:
                self._answer(404, "not found\n")

        def do_PUT(self) -> None:
            """Replace a group."""
            self._take(replace=True)

        def do_POST(self) -> None:
            """Replace a group's metrics of the same names."""
            self._take(replace=False)

        def _take(self, *, replace: bool) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LARGEST_BODY:
                self.close_connection = True
                self._answer(413, "no length given, or more than 4 MiB\n")
                return
            try:
                body = self.rfile.read(int(length)).decode()
                receiver.push(self.path, body, replace=replace)
            except (PushRefused, UnicodeDecodeError) as error:
                self._answer(400, f"{error}\n")
            else:
                self._answer(200, "")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return _Server(("127.0.0.1", 0), Handler)
