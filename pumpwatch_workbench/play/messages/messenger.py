"""Messengers by their address: Slack's webhook, and whatever else Apprise can reach.

Addresses are secrets: neither texts nor `repr` show them, and Apprise's logger is silenced.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3

from pumpwatch.errors import BadInput
from pumpwatch.settings.shared import LOOPBACK
from pumpwatch_workbench.play.messages.message import Message, payload

SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
SEPARATOR = re.compile(r"\s+|,+(?=\s|$|[A-Za-z][A-Za-z0-9+.-]*://)")
STATUS = re.compile(r"\berror=(\d{3})\b")
"""What Apprise's services log of an answer; its result says only that they failed."""
GOOD, TOO_MANY = range(200, 300), 429
REFUSALS = {*range(400, 500)} - {408, 425, TOO_MANY}
"""Answers that the same post would get again."""


class Answer(NamedTuple):
    """HTTP's status of a post, 0 for none, and the seconds to wait that were asked for."""

    status: int
    wait: float = 0.0

    def __str__(self) -> str:
        return f"HTTP {self.status}" if self.status else "no answer"


class Messenger:
    """Takes messages for one address; `label` names it without showing it."""

    def __init__(self, label: str, address: str, service: Any = None) -> None:
        self.label, self._address, self._service = label, address, service

    def send(self, stage: str, messages: Sequence[Message]) -> Answer:
        """Deliver all in one post."""
        try:
            return (self._post if self._service is None else self._notify)(stage, messages)
        except urllib3.exceptions.HTTPError:  # its text would show the address
            return Answer(0)
        except Exception:  # whatever a service does: the same post would do it again
            return Answer(min(REFUSALS))

    def _post(self, stage: str, messages: Sequence[Message]) -> Answer:
        body, timeout = payload(stage, messages), urllib3.Timeout(connect=3.0, read=5.0)
        with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
            answer = pool.request("POST", self._address, json=body, redirect=False)
        wait = answer.headers.get("Retry-After", "") if answer.status == TOO_MANY else ""
        return Answer(answer.status, float(wait) if wait.isdigit() else 0.0)

    def _notify(self, stage: str, messages: Sequence[Message]) -> Answer:
        """Hand over plain text, which no service takes for markup and in which nobody is named."""
        texts = []
        for message in messages:
            links = (f"{name}: {address}" for name, address in message.links.items())
            texts.append("\n".join(filter(None, (message.title, message.text, *links))))
        title, body = f"{stage} · {messages[0].title}", "\n\n".join(texts)
        title, body = (text.replace("@", "@\N{ZERO WIDTH SPACE}") for text in (title, body))
        sent = self._service.notify(title=title, body=body, body_format="text")
        logged = " ".join(str(line) for result in sent.results for line in result.logs())
        status = STATUS.search(logged)
        return Answer(200 if sent else int(status[1]) if status else 0)


def messengers_from(name: str, environment: Mapping[str, str]) -> tuple[Messenger, ...]:
    """Return the messengers of a variable's addresses, without ever showing one; no name, none.

    Raises `BadInput` for a variable that is not set, and an address that none understands.
    """
    if not name:
        return ()
    addresses = list(filter(None, SEPARATOR.split(environment.get(name, ""))))
    if not addresses:
        raise BadInput(f"--notify-env names {name}, which is not set: export {name}=...")
    numbered = enumerate(addresses, start=1)
    return tuple(_messenger(f"address {number} of {name}", each) for number, each in numbered)


def _messenger(label: str, address: str) -> Messenger:
    with suppress(ValueError):
        parts = urlsplit(address)
        is_slack = parts.scheme == "https" and parts.hostname in SLACK_HOSTS
        if is_slack or (parts.scheme == "http" and parts.hostname in LOOPBACK):
            return Messenger(f"{label} (Slack)", address)
        if services := _services(address):
            return Messenger(f"{label} ({services[0].service_name})", address, services)
    raise BadInput(
        f"{label} cannot be used: give Slack's incoming webhook or an address as in"
        " https://appriseit.com/services"
    )


def _services(address: str) -> Any:
    """Return what Apprise makes of an address, empty if it is none."""
    logger = logging.getLogger("apprise")  # before the import: that logs too
    logger.propagate, logger.handlers = False, [logging.NullHandler()]
    with warnings.catch_warnings():  # it imports a module that newer Pythons do not have
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise, AppriseAsset, OverflowMode  # noqa: PLC0415 (heavy)

        asset = AppriseAsset(
            async_mode=False, app_id="Pumpwatch", image_url_mask="", image_url_logo=""
        )
        services = Apprise(asset=asset)
        services.add(address)
    for service in services:
        service.overflow_mode = OverflowMode.SPLIT
    return services
