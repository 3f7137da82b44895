"""A real Prometheus on loopback, and a client of what speaks like it."""

import json
import time
from contextlib import contextmanager
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml
from support.servers import Handler, answers, program, served

PATIENCE = 60.0
"""Seconds to wait for what must come: never used up on a machine that works, however busy."""


def wait_until(condition, seconds=PATIENCE):
    """Ask until the answer is true or the time is up; return the last answer."""
    ends = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < ends:
        time.sleep(0.1)
    return answer


class Prometheus:
    """A client of a Prometheus, or of what speaks like one."""

    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        """Return an answer's data; parameters are sent as a form, as Grafana does."""
        form = urlencode(parameters).encode() if parameters else None
        with urlopen(Request(f"{self.url}/api/v1/{path}", data=form), timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def query(self, expr, **parameters):
        """Return the result of an instant query."""
        return self.get("query", query=expr, **parameters)["result"]

    def value(self, expr, **parameters):
        """Return the value of an instant query that gives a single sample."""
        (sample,) = self.query(expr, **parameters)
        return float(sample["value"][1])

    def samples(self, selector, seconds):
        """Return the raw samples (time, value) of a single series."""
        (series,) = self.query(f"{selector}[{seconds}s]")
        return [(float(at), float(value)) for at, value in series["values"]]

    def wait_for(self, expr):
        """Wait until a query returns something, and return it."""
        return wait_until(lambda: self.query(expr))

    def wait_for_scrapes(self, count=2):
        """Wait until every target was scraped so many times more: what it shows now is seen then.

        A busy machine misses scrapes; only those that came through are counted.
        """
        good = "min(sum_over_time(up[30m]))"
        before = self.value(good) if self.query(good) else 0
        assert self.wait_for(f"{good} >= {before + count}"), "targets were not scraped"

    def wait_until_firing(self, *titles, quiet=()):
        """Wait until alerts fire and others do not; return the titles of all that fire."""
        firing = set()

        def as_wanted():
            firing.clear()
            for alert in self.get("alerts")["alerts"]:
                if alert["state"] == "firing":
                    firing.add(alert["labels"]["alertname"])
            return set(titles) <= firing and not firing & set(quiet)

        wait_until(as_wanted)
        return firing


@contextmanager
def prometheus(folder, jobs, *, interval="200ms", rules=(), alertmanager=None):
    """Run Prometheus; `jobs` maps a job to its target's address and further keys of its config.

    `alertmanager` is the address that alerts are sent to.
    """
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}], **more}
            for job, (target, more) in jobs.items()
        ],
    }
    if alertmanager is not None:
        targets = [{"targets": [alertmanager]}]
        config["alerting"] = {"alertmanagers": [{"static_configs": targets}]}
    group = {"name": "all", "interval": "1s", "rules": list(rules)}
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def arguments(port):
        return [
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]

    def is_ready(port):
        return answers(f"http://127.0.0.1:{port}/-/ready")

    with program("prometheus", folder / "prometheus.log", arguments, is_ready) as port:
        yield Prometheus(f"http://127.0.0.1:{port}")


def pages(texts):
    """Serve texts as /name/metrics; `texts` maps a name to a function that makes its page."""

    class Page(Handler):
        def do_GET(self):
            self.answer(texts[self.path.split("/")[1]]())

    return served(Page)
