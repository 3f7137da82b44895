"""Who may look and act: a token, the page's own address, nothing for a stranger."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pumpwatch.errors import BadInput
from pumpwatch.settings.shared import LOOPBACK
from pumpwatch_workbench.local.home import home

TOKEN_FILE, SHORTEST_TOKEN = "dashboard-token", 16
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only compared
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
STRANGER = (
    "This page needs its token: open the address that pumpwatch said when it started, or add"
    " ?token= and the token to this one.\n"
)
FOREIGN = "This request does not come from the page itself: nothing was done.\n"


def token_for(address: str, variable: str, environment: Mapping[str, str]) -> str:
    """Return the token in a variable, or that of this machine, which is made once.

    Raises `BadInput` for a variable without a good one, and for an address that strangers reach.
    """
    if variable:
        token = environment.get(variable, "").strip()
        if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            raise BadInput(
                f"the variable {variable} holds no token of {SHORTEST_TOKEN} or more letters"
            )
        return token
    if address not in LOOPBACK:
        raise BadInput(
            f"others reach {address}: put a token into a variable and name it with --token-env"
        )
    path = home() / TOKEN_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            path.chmod(0o600)
            token = path.read_text().strip()
            if len(token) >= SHORTEST_TOKEN and token.isalnum():
                return token
            path.unlink()
        token = secrets.token_hex(20)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
    except (OSError, UnicodeDecodeError):
        # An open page does not outlive a restart then.
        return secrets.token_hex(20)
    return token


class Access:
    """Lets through what comes from the page itself, with the token. ASGI middleware."""

    def __init__(self, app: ASGIApp, *, token: str, address: str) -> None:
        self._app, self._token, self._address = app, token, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers, served = Headers(scope=scope), scope["server"][1]

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                sent.update(HEADERS)
                sent.setdefault("cache-control", "no-store")
            await send(message)

        answer: ASGIApp = self._app
        host = headers.get("host", "")
        cookie, asked = f"pumpwatch-{served}", parse_qs(scope["query_string"].decode("latin-1"))
        if not self._is_ours(host):
            answer = PlainTextResponse(FOREIGN, 403)
        elif scope["path"] == "/" and self._fits(asked.get("token", [""])[0]):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(cookie, self._token, httponly=True, samesite="strict")
        elif not self._fits(_cookie(headers, cookie)):
            answer = PlainTextResponse(STRANGER, 403)
        elif scope["method"] not in ("GET", "HEAD") and not _from_page(headers, host):
            answer = PlainTextResponse(FOREIGN, 403)
        await answer(scope, receive, guarded)

    def _fits(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self._token.encode())

    def _is_ours(self, host: str) -> bool:
        """Return whether the browser means this machine, not a name that was bent to it."""
        with suppress(ValueError):
            name = urlsplit(f"//{host}").hostname
            return name in {*LOOPBACK, self._address} or self._address in EVERYWHERE
        return False


def _cookie(headers: Headers, name: str) -> str:
    with suppress(CookieError, KeyError):
        return SimpleCookie(headers.get("cookie", ""))[name].value
    return ""


def _from_page(headers: Headers, host: str) -> bool:
    with suppress(ValueError):
        same = urlsplit(headers.get("origin", "")).netloc == host
        return same and headers.get("x-pumpwatch") == "1"
    return False
