"""`pumpwatch doctor`: everything about a deployed stack that can be checked from a laptop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.errors import PumpwatchError
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.settings.shared import REFUSED_REGIONS

from .findings import Finding, Level, advice_for, findings_of
from .halting import describe, halting_trades
from .stack import AwsRefused, DeployedStack, FunctionBusy, aws_call
from .stack_status import has_functions, judge_status

FUNCTIONS = {"DetectFunction": DETECT, "TradeFunction": TRADE}
SCHEDULES = {"DetectSchedule": "DetectFunction", "TradeSchedule": "TradeFunction"}
"""Outputs of the schedules, and of the functions that they call."""
QUEUES = ("FailedDeliveriesUrl", "FailedRunsUrl")
NEEDED = ("StateTable", "HistoryBucket", "ExchangeKeyArn", *FUNCTIONS, *SCHEDULES, "Stage")
MOST_SKEW_SECONDS = 5.0
LATEST_SUCCESS_SECONDS = 180
BUSY_TRIES, BUSY_PAUSE = 15, 4.0
"""A run lasts a minute at most; a probe waits for it to end."""

Check = Callable[[], Iterator[Finding]]


class Doctor:
    """Checks one stack. No check can stop the others; each says what to do."""

    def __init__(
        self,
        stack: DeployedStack,
        *,
        wall: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._stack = stack
        self._wall = wall
        self._wait = wait

    def examine(self) -> Iterator[Finding]:
        """Yield the findings, one check after the other."""
        checks: dict[str, Check] = {"region": self._region, "stack": self._whole}
        if has_functions(self._stack):
            checks |= self._of_what_runs()
        for name, check in checks.items():
            try:
                yield from check()
            except PumpwatchError as error:
                advice = "Your own AWS rights may be missing: see docs/operations.md."
                if not isinstance(error, AwsRefused):
                    advice = advice_for(type(error).__name__)
                yield Finding(name, Level.FAIL, str(error), advice)

    def _of_what_runs(self) -> dict[str, Check]:
        return {
            "outputs": self._outputs,
            "your clock": self._clock,
            "versions": self._versions,
            **{f"{name} probe": self._probe_of(name) for name in FUNCTIONS},
            "schedules": self._schedules,
            "last success": self._last_success,
            "halt": self._halt,
            "queues": self._queues,
            "alarms": self._alarms,
        }

    def _region(self) -> Iterator[Finding]:
        region = self._stack.region
        if REFUSED_REGIONS.match(region):
            advice = "Bybit refuses its addresses: deploy to eu-central-1 for example."
            yield Finding("region", Level.FAIL, f"{region} is not served by Bybit", advice)
        else:
            yield Finding("region", Level.OK, region)

    def _whole(self) -> Iterator[Finding]:
        status = f"{self._stack.name}: {self._stack.status}"
        yield judge_status(self._stack) or Finding("stack", Level.OK, status)

    def _outputs(self) -> Iterator[Finding]:
        missing = [name for name in NEEDED if name not in self._stack.outputs]
        if missing:
            detail, advice = ", ".join(missing), "Deploy the present version of the template."
            yield Finding("outputs", Level.FAIL, f"outputs are missing: {detail}", advice)

    def _versions(self) -> Iterator[Finding]:
        """Compare the layers of both functions: a deployment replaces them together."""
        client, layers = self._stack.clients("lambda"), []
        for function in FUNCTIONS:
            name = self._stack.output(function)
            read = aws_call(function, client.get_function_configuration, FunctionName=name)
            layers.append([layer["Arn"] for layer in read.get("Layers", ())])
        if layers[0] != layers[1]:
            detail = f"the functions run different layers: {layers[0]} and {layers[1]}"
            yield Finding("versions", Level.FAIL, detail, "Deploy again: it replaces both.")
        else:
            yield Finding("versions", Level.OK, "both functions run the same layers")

    def _clock(self) -> Iterator[Finding]:
        client = self._stack.clients("sts")
        answer = aws_call("the time of AWS", client.get_caller_identity)
        stated = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        now = datetime.fromtimestamp(self._wall(), UTC)
        skew = (now - parsedate_to_datetime(stated)).total_seconds() if stated else 0.0
        if abs(skew) > MOST_SKEW_SECONDS:
            advice = "Set this machine's clock by NTP; what it signs is refused otherwise."
            yield Finding("your clock", Level.WARN, f"it is off by {skew:.0f} s", advice)
        else:
            yield Finding("your clock", Level.OK, "right")

    def _probe_of(self, function: str) -> Check:
        def probe() -> Iterator[Finding]:
            answer = self._ask(function)
            if answer.error is not None:
                kind = str(answer.error.get("errorType", ""))
                detail = str(answer.error.get("errorMessage", answer.error))
                yield Finding(f"{function} probe", Level.FAIL, detail, advice_for(kind))
                return
            checks: Mapping[str, Mapping[str, Any]] = answer.payload["checks"]
            for name, facts in checks.items():
                yield from findings_of(f"{function}: {name}", facts)

        return probe

    def _ask(self, function: str) -> Any:
        for left in range(BUSY_TRIES, 0, -1):
            try:
                return self._stack.invoke(function, {"action": "probe"})
            except FunctionBusy:
                if left == 1:
                    raise
                self._wait(BUSY_PAUSE)
        raise AssertionError("the loop returns or raises")

    def _schedules(self) -> Iterator[Finding]:
        client = self._stack.clients("scheduler")
        for output, function in SCHEDULES.items():
            name, called = self._stack.output(output), self._stack.output(function)
            read = aws_call(f"schedule {name}", client.get_schedule, Name=name)
            target = read["Target"]["Arn"].rpartition(":function:")[2]
            if target != called:
                advice = "Deploy again; if another stack uses the schedule, delete that one first."
                detail = f"schedule {name} calls {target}, not this stack's {called}"
                yield Finding(output, Level.FAIL, detail, advice)
            elif read["State"] == "ENABLED":
                yield Finding(output, Level.OK, read["ScheduleExpression"])
            else:
                advice = "Nothing runs until it is enabled again: deploy, or enable it by hand."
                yield Finding(output, Level.FAIL, f"it is {read['State'].lower()}", advice)

    def _last_success(self) -> Iterator[Finding]:
        totals = DynamoTotalsStore(self._stack.table())
        for function, job in FUNCTIONS.items():
            name, last = f"{function}: last success", totals.last_runs(job).succeeded
            if last is None:
                advice = "Wait for two minutes after a deployment, then look into its log group."
                yield Finding(name, Level.FAIL, "it never succeeded", advice)
                continue
            age = self._wall() - last
            late = age > LATEST_SUCCESS_SECONDS
            advice = "Look into its log group, and at the findings above." if late else ""
            yield Finding(name, Level.FAIL if late else Level.OK, f"{age:.0f} s ago", advice)

    def _halt(self) -> Iterator[Finding]:
        table = self._stack.table()
        halts = DynamoHaltStore(table)
        journal = DynamoJournal(table)
        for row in journal.live_trades().unreadable:
            advice = "Its stop lies at the exchange; care for it by hand until it can be read."
            yield Finding("journal", Level.FAIL, row.reason, advice)
        halt, halting = halts.current(), halting_trades(journal, halts)
        if halt is None and not halting:
            yield Finding("halt", Level.OK, "entries are allowed")
        advice = 'When the reason is gone: pumpwatch resume --reason "what was mended"'
        if halt is not None:
            yield Finding("halt", Level.WARN, f"halted by {halt.by}: {halt.reason}", advice)
        for line in describe(halting):
            yield Finding("halt", Level.WARN, f"a trade halts entries: {line}", advice)

    def _queues(self) -> Iterator[Finding]:
        client, name = self._stack.clients("sqs"), "ApproximateNumberOfMessages"
        for output in QUEUES:
            url = self._stack.output(output)
            read = aws_call(
                f"queue {output}",
                client.get_queue_attributes,
                QueueUrl=url,
                AttributeNames=[name],
            )
            count = int(read["Attributes"][name])
            advice = "Look at the messages, put right what they show, then purge the queue."
            level = Level.WARN if count else Level.OK
            yield Finding(output, level, f"{count} messages", advice if count else "")

    def _alarms(self) -> Iterator[Finding]:
        topic = self._stack.output("Alarms")
        client = self._stack.clients("sns")
        read = aws_call("subscriptions", client.list_subscriptions_by_topic, TopicArn=topic)
        confirmed = [
            subscription
            for subscription in read["Subscriptions"]
            if subscription["SubscriptionArn"].startswith("arn:")
        ]
        advice = "Subscribe to the topic of the output Alarms and confirm the mail."
        if confirmed:
            yield Finding("alarms", Level.OK, f"{len(confirmed)} confirmed subscriptions")
        else:
            yield Finding("alarms", Level.WARN, "nobody would be told of an alarm", advice)
        watch = self._stack.clients("cloudwatch")
        ringing = aws_call(
            "alarms",
            watch.describe_alarms,
            AlarmNamePrefix=f"{self._stack.name}-",
            StateValue="ALARM",
        )["MetricAlarms"]
        # Another stack's name may begin with this one's.
        for alarm in (alarm for alarm in ringing if topic in alarm["AlarmActions"]):
            text = str(alarm.get("AlarmDescription", alarm["AlarmName"]))
            yield Finding("alarms", Level.WARN, text, "docs/incidents.md says what each means.")
