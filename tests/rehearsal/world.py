"""A deployed installation and everything around it: exchange, monitoring, Slack."""

import math
import shutil
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
from pumpwatch_workbench.local.aws import Pushgateway
from pumpwatch_workbench.operations.costs.model import (
    RING_SECONDS,
    SENT_TOGETHER,
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
DEPLOYED = ("template.yaml", "functions", "layers")


FIGURES = []
"""What was measured, a sentence each; shown when the rehearsal is over."""


class World:
    """What the steps of a rehearsal act on and look at."""

    def __init__(self, cloud, market, quiet, gateway, server, slack, source):
        self.cloud, self.market, self.quiet, self.gateway = cloud, market, quiet, gateway
        self.server, self.slack, self.source = server, slack, source
        self.messages = []
        self.disturbed = []

    def deploy(self, stack=STACK, stage=STAGE, **parameters):
        """Deploy what was last built, in paper mode unless told otherwise."""
        given = {
            "Stage": stage,
            "BybitBaseUrl": self.market.server.url,
            "PushgatewayUrl": self.gateway.url,
            "PushgatewayPort": self.gateway.url.rpartition(":")[2],
            "AlarmEmail": "operator@example.com",
            "ScanIntervalSeconds": int(INTERVAL),
            "Strategy": "ride",
        }
        return self.cloud.deploy(self.source, stack, **given | parameters)

    def table(self, stack=STACK):
        """Return a stack's table."""
        return Table(self.cloud.outputs(stack)["StateTable"], self.cloud.client("dynamodb"))

    def trades(self, since=0):
        """Return the journal's trades that began since then (milliseconds UTC)."""
        return DynamoJournal(self.table()).trades_since(since)

    def signals(self):
        """Return the signals of the last hour."""
        return DynamoSignalStore(self.table()).since(int((time.time() - 3600) * 1000))

    def told(self):
        """Return every message that Slack has got: (webhook, title, text)."""
        while not self.slack.sent.empty():
            self.messages.append(self.slack.sent.get())
        return self.messages

    def about(self, words):
        """Return the messages with these words in their title or text."""
        return [message for message in self.told() if words in message[1] + message[2]]

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

    def expected(self):
        """Return the same as docs/costs.md counts it, at the same interval."""
        uses = tick_uses(RESULTS, 200)
        scans = scans_in_a_minute(int(INTERVAL))
        saved = min(scans, MINUTES / RING_SECONDS)
        per_minute, scan = uses["detect"], uses["scan"]
        return {
            "invocations": 1 + scans,
            "table reads": per_minute.table_reads + scans * scan.table_reads,
            "table writes": per_minute.table_writes + scans * scan.table_writes,
            "bucket reads": per_minute.bucket_reads,
            "bucket writes": per_minute.bucket_writes + saved,
            "messages sent": math.ceil(scans / SENT_TOGETHER),
        }

    def pauses(self, allowed):
        """Return the pauses (seconds) between two scans in which this much was allowed."""
        scans = self.market.exchange.scans()
        return [
            after - before
            for before, after in pairwise(scans)
            if self._allowed(before, after) == allowed
        ]

    def _allowed(self, before, after):
        longer = [
            allowed for begin, end, allowed in self.disturbed if before < end and after > begin
        ]
        return max([2 * INTERVAL, *longer])


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
def world(folder):
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
                folder, jobs, interval="1s", rules=every_rule(),
                alertmanager=messenger.url.removeprefix("http://"),
            )
        )
        yield World(aws, market, quiet, gateway, server, messenger.slack, source)
