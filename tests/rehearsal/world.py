"""A deployed installation and everything around it: exchange, monitoring, Slack."""

import shutil
import threading
import time
from contextlib import ExitStack, contextmanager
from itertools import pairwise

from rehearsal.cloud import REPOSITORY, cloud
from rehearsal.market import Market
from support.alertmanager import alertmanager, annotations_of, shipped_rules
from support.monitoring import to_prometheus_rules
from support.prometheus import prometheus, wait_until
from support.servers import free_port

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch_workbench.local.aws import Pushgateway

INTERVAL = 5.0
"""ScanIntervalSeconds of the rehearsed stack."""
MINUTES = 60.0
STACK, STAGE = "pumpwatch", "rehearsal"
DEPLOYED = ("template.yaml", "functions", "layers")


class World:
    """What the steps of a rehearsal act on and look at."""

    def __init__(self, cloud, market, gateway, server, slack, source):
        self.cloud, self.market, self.gateway = cloud, market, gateway
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

    def gaps(self):
        """Return (when, seconds, allowed) of each pause between two scans."""
        return [
            (before, after - before, self.allowed(before, after))
            for before, after in pairwise(self.market.exchange.scans())
        ]

    def allowed(self, before, after):
        """Return how long a pause may be: two intervals, unless something was done to the stack."""
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
    """Return the shipped alerts as Prometheus evaluates them, with whole texts."""
    return [
        translated
        | {"annotations": annotations_of(rule, data=number == 0)}
        | {"labels": translated["labels"] | {"rule_uid": rule["uid"]}}
        for rule in shipped_rules()
        for number, translated in enumerate(to_prometheus_rules(rule))
    ]


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
        market = Market(free_port())
        stack.enter_context(market.server)
        gateway = stack.enter_context(Pushgateway(real=True))
        messenger = stack.enter_context(alertmanager(folder))
        jobs = {"pushgateway": (gateway.url.removeprefix("http://"), {"honor_labels": True})}
        server = stack.enter_context(
            prometheus(
                folder, jobs, interval="1s", rules=every_rule(),
                alertmanager=messenger.url.removeprefix("http://"),
            )
        )
        yield World(aws, market, gateway, server, messenger.slack, source)
