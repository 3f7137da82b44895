"""A deployed installation and everything around it: exchange, monitoring, Slack."""

import math
import shutil
import statistics
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from itertools import pairwise

from rehearsal.cloud import REPOSITORY, cloud
from rehearsal.market import PUMPS, Market
from support.alertmanager import alertmanager, annotations_of, with_route
from support.monitoring import rules, to_prometheus_rules
from support.prometheus import prometheus, wait_until
from support.servers import free_port

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch_workbench.local.aws.pushgateway import Pushgateway
from pumpwatch_workbench.operations.costs.model import (
    RING_SECONDS,
    SENT_TOGETHER,
    SETTINGS_READS,
    TURN_OBJECTS,
    TURN_QUERIES,
    scans_in_a_minute,
)
from pumpwatch_workbench.operations.costs.usage import tick_uses

INTERVAL = 5.0
"""ScanIntervalSeconds of the rehearsed stack."""
MINUTES = 60.0
RESULTS = REPOSITORY / "benchmarks" / "results.json"
KINDS = {
    "dynamodb:GetItem": "table reads",
    "dynamodb:Query": "table reads",
    "dynamodb:PutItem": "table writes",
    "dynamodb:UpdateItem": "table writes",
    "dynamodb:DeleteItem": "table writes",
    "s3:GetObject": "bucket reads",
    "s3:ListBucket": "bucket reads",
    "s3:PutObject": "bucket writes",
    "sqs:SendMessage": "messages sent",
}
"""What an action counts as on the bill."""
STACK, STAGE = "pumpwatch", "rehearsal"
NEW = "scanned, new version"
"""What the new version of detect logs."""
CHANGES = (
    ("functions/detect/app.py", '"scanned"', f'"{NEW}"'),
    ("layers/pumpwatch/pumpwatch/__init__.py", '"""', '"""New version: '),
)
DEPLOYED = ("template.yaml", "functions", "layers")
FIGURES = {}
"""What was measured; shown when the rehearsal is over."""


class World:
    """What the steps of a rehearsal act on and look at."""

    def __init__(self, cloud, market, quiet, gateway, server, slack, source):
        self.cloud, self.market, self.quiet, self.gateway = cloud, market, quiet, gateway
        self.server, self.slack, self.source = server, slack, source
        self.new_version = source.with_name("new-version")
        self.messages = []
        self.disturbed = []

    def build(self):
        """Build the present version, and one with a change in function and layer."""
        self.cloud.build(self.source)
        shutil.copytree(self.source, self.new_version)
        for path, before, after in CHANGES:
            changed = self.new_version / path
            changed.write_text(changed.read_text().replace(before, after, 1))
        self.cloud.build(self.new_version)

    def deploy(self, stack=STACK, stage=STAGE, source=None, **parameters):
        """Deploy a version that was built, in paper mode unless told otherwise."""
        given = {
            "Stage": stage,
            "BybitBaseUrl": self.market.server.url,
            "PushgatewayUrl": self.gateway.url,
            "PushgatewayPort": self.gateway.url.rpartition(":")[2],
            "AlarmEmail": "operator@example.com",
            "ScanIntervalSeconds": int(INTERVAL),
            "Strategy": "ride",
            # So many pumps in so few minutes end in losses, which would pause it.
            "LosingStreakTrades": 0,
            "DrawdownPauseFraction": 0.5,
            "DrawdownHaltFraction": 0.5,
        }
        return self.cloud.deploy(source or self.source, stack, **given | parameters)

    def table(self, stack=STACK):
        """Return a stack's table."""
        return Table(self.cloud.outputs(stack)["StateTable"], self.cloud.client("dynamodb"))

    def trades(self):
        """Return the journal's trades."""
        return DynamoJournal(self.table()).trades_since(0)

    def signals(self):
        """Return the signals of the last hour."""
        return DynamoSignalStore(self.table()).since(int((time.time() - 3600) * 1000))

    def scheduled(self, stack, function):
        """Return the invocations of a function by its schedule."""
        calls = self.cloud.invocations(stack, function)
        return [call for call in calls if "scheduled_time" in call["event"]]

    def woken(self, stack, function):
        """Return the invocations of a function by a batch of messages or stream records."""
        return [
            call for call in self.cloud.invocations(stack, function) if "Records" in call["event"]
        ]

    def shown(self, series):
        """Return what Prometheus has seen of a series in the last ten minutes."""
        return self.server.query(f"max_over_time({series}[10m])")

    def kill_when(self, path, function):
        """Kill a function just before the next answer on a path; return an event that says so."""
        killed = threading.Event()

        def act():
            if self.cloud.kill(function):
                killed.set()
            else:
                self.market.exchange.before_answer[path] = act

        self.market.exchange.before_answer[path] = act
        return killed

    def wait_for_scans(self, count):
        """Wait until the market was scanned so many times more."""
        before = len(self.market.exchange.scans())
        wait_for(lambda: len(self.market.exchange.scans()) >= before + count)

    def told(self):
        """Return every message that Slack has got: (webhook, title, text)."""
        while not self.slack.sent.empty():
            message = self.slack.sent.get()
            self.messages.append(message)
            with (self.cloud.folder / "messages.txt").open("a") as read:
                read.write("\n".join(message) + "\n\n")
        return self.messages

    def about(self, *words, webhook="info"):
        """Return the texts of messages to a webhook that hold all the words."""
        texts = [f"{title}\n{text}" for sent_to, title, text in self.told() if sent_to == webhook]
        return [text for text in texts if all(word in text for word in words)]

    def about_any(self, symbol, *words):
        """Return the texts of messages that hold a symbol and one of the words."""
        return [text for text in self.about(symbol) if any(word in text for word in words)]

    @contextmanager
    def disturbance(self, allowed):
        """Note that scans may be so many seconds apart until a while after the block."""
        begin = time.time()
        try:
            yield
        finally:
            self.disturbed.append((begin, time.time() + allowed, allowed))

    def counted(self, stack, begin, end):
        """Return what detect and its scans used a minute, between two times (Unix seconds)."""
        calls = [c for c in self.cloud.invocations(stack, "detect") if begin <= c["started"] < end]
        used = Counter({"invocations": len(calls)})
        for (role, action, _), count in self.cloud.decisions(begin, end).items():
            if role.startswith(f"{stack}-Detect"):
                used[KINDS[action]] += count
        return {what: count * MINUTES / (end - begin) for what, count in used.items()}

    def billed(self, stack, begin, end):
        """Return the median milliseconds of a scan and of a minute's run of detect."""
        calls = [c for c in self.cloud.invocations(stack, "detect") if begin <= c["started"] < end]
        return {
            name: statistics.median(c["milliseconds"] for c in calls if (key in c["event"]))
            for name, key in (("scan", "Records"), ("minute", "scheduled_time"))
        }

    def expected(self):
        """Return the same as docs/costs.md counts it, at the same interval."""
        uses = tick_uses(RESULTS, 200)
        scans = scans_in_a_minute(int(INTERVAL))
        saved = min(scans, MINUTES / RING_SECONDS)
        per_minute, scan = uses["detect"], uses["scan"]
        return {
            "invocations": 1 + scans,
            "table reads": per_minute.table_reads + scans * scan.table_reads + TURN_QUERIES,
            "table writes": per_minute.table_writes + scans * scan.table_writes,
            "bucket reads": per_minute.bucket_reads + TURN_OBJECTS + SETTINGS_READS,
            "bucket writes": per_minute.bucket_writes + saved,
            "messages sent": math.ceil(scans / SENT_TOGETHER),
        }

    def pauses(self, allowed):
        """Return the pauses between two scans in which this much was allowed, seconds: in all, and
        without what runs took beyond a second, which is this machine's pace and not the queue's.
        """
        calls = self.cloud.invocations(STACK, "detect")
        runs = [(call["started"], call["milliseconds"] / 1_000) for call in calls]
        return [
            (after - before, after - before - _slowness(runs, before, after))
            for before, after in pairwise(self.market.exchange.scans())
            if self._allowed(before, after) == allowed
        ]

    def _allowed(self, before, after):
        longer = [
            allowed for begin, end, allowed in self.disturbed if before < end and after > begin
        ]
        return max([2 * INTERVAL, *longer])


def _slowness(runs, before, after):
    return sum(
        seconds - 1
        for started, seconds in runs
        if seconds > 1 and started < after and started + seconds > before
    )


def wait_for(condition, seconds=4 * MINUTES):
    """Wait until something is so and return it; fail otherwise."""
    answer = wait_until(condition, seconds)
    assert answer, f"{condition} did not come true within {seconds:.0f} s"
    return answer


def every_rule():
    """Return the shipped alerts as Prometheus evaluates them, with whole texts and their routes."""
    for rule in rules():
        for number, translated in enumerate(to_prometheus_rules(rule)):
            texts = annotations_of(rule, data=number == 0)
            labels, annotations = with_route(rule, (translated["labels"], texts))
            yield translated | {"labels": labels, "annotations": annotations}


@contextmanager
def running_world(folder):
    """Run everything until the block ends; nothing is deployed yet."""
    source = folder / "source"
    source.mkdir()
    for name in DEPLOYED:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, source / name)
    with ExitStack() as stack:
        aws = stack.enter_context(cloud(folder))
        market, quiet = Market(free_port(), PUMPS), Market(free_port(), 0)
        for exchange in (market, quiet):
            stack.enter_context(exchange.server)
        gateway = stack.enter_context(Pushgateway(real=True))
        messenger = stack.enter_context(alertmanager(folder))
        jobs = {"pushgateway": (gateway.url.removeprefix("http://"), {"honor_labels": True})}
        server = stack.enter_context(
            prometheus(
                folder,
                jobs,
                interval="1s",
                rules=every_rule(),
                alertmanager=messenger.url.removeprefix("http://"),
            )
        )
        yield World(aws, market, quiet, gateway, server, messenger.slack, source)
