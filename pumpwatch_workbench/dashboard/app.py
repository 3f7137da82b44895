"""The page's server: one look at the source for all who watch, and only while somebody does."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from pumpwatch.errors import PumpwatchError
from pumpwatch_workbench.dashboard.access import Access
from pumpwatch_workbench.dashboard.sources import Source
from pumpwatch_workbench.operations.halting import SHORTEST_REASON, legible
from pumpwatch_workbench.pages.chart_script import base_style, chart_script, drawing_script

MOST_OF_A_CORE = 0.02
"""Share of a core that looking takes at most: a look that is dear is made more rarely."""
LOOK_ANYWAY = 10.0
"""Seconds after which the state is made anew although nothing was written: ages grow."""
LONGEST_REASON, LONGEST_BODY = 500, 100_000
BODY_SECONDS = 10.0
"""Longest wait for an action's body."""
SHARED: dict[str, Callable[[], str]] = {
    "base.css": base_style,
    "charts.js": drawing_script,
    "lightweight-charts.js": chart_script,
}


class Asked(msgspec.Struct):
    """What a person asks for, about trades by their ids."""

    reason: str
    trades: list[str] = []


class Watch:
    """The state as all who watch see it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._state: dict[str, Any] = {}
        self._watchers = 0
        self._looking: asyncio.Task[None] | None = None
        self._news, self._asked = asyncio.Event(), asyncio.Event()

    def look_now(self) -> None:
        """Look at once."""
        self._asked.set()

    async def stream(self) -> AsyncIterator[str]:
        """Yield server-sent events: every section at first, then what changed."""
        sent: dict[str, Any] = {}
        self._watchers += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        try:
            while True:
                news, state = self._news, self._state
                changed = {name: each for name, each in state.items() if sent.get(name) != each}
                candles, sent = changed.pop("candles", None), state
                if state:  # also where nothing has changed: the page hears that it is alive
                    yield f"event: state\ndata: {json.dumps(changed)}\n\n"
                if candles:
                    yield f"event: candles\ndata: {json.dumps(candles)}\n\n"
                await news.wait()
        finally:
            self._watchers -= 1
            self.look_now()  # which ends where nobody is left

    async def _look_on(self) -> None:
        anyway = 0.0
        while self._watchers:
            forced = self._asked.is_set() or time.monotonic() > anyway
            self._asked.clear()
            spent, state = await asyncio.to_thread(self._look, forced=forced)
            if state:
                anyway = time.monotonic() + LOOK_ANYWAY
                self._state = self._state | state
                news, self._news = self._news, asyncio.Event()
                news.set()
            with suppress(TimeoutError):
                pause = max(self._source.seconds, spent / MOST_OF_A_CORE)
                await asyncio.wait_for(self._asked.wait(), pause)
        self._looking, self._state = None, {}

    def _look(self, *, forced: bool) -> tuple[float, dict[str, Any]]:
        """Return the seconds of CPU it took, and the state, empty where nothing changed."""
        begin, state = time.thread_time(), {}
        try:
            if self._source.changed() or forced:
                state = self._source.read()
                ids = [event["id"] for event in state["events"]]
                state["candles"] = {"ids": ids, "time": state["market"]["time"]}
        except Exception as error:  # a bug here ends no more than this look
            worst = {"level": "bad", "sentence": f"It cannot be read: {_said(error)}"}
            state = {"safety": {**self._state.get("safety", {}), **worst}}
        return time.thread_time() - begin, state


def page_app(source: Source, *, token: str, address: str) -> ASGIApp:
    """Return the application."""
    watch, fetching = Watch(source), asyncio.Lock()

    async def stream(request: Request) -> Response:
        return StreamingResponse(watch.stream(), media_type="text/event-stream")

    async def candles(request: Request) -> Response:
        async with fetching:
            return await _answer(partial(source.chart, request.path_params["event"]))

    async def act(request: Request) -> Response:
        try:
            body = await asyncio.wait_for(_body(request), BODY_SECONDS)
            asked = msgspec.json.decode(body, type=Asked)
        except (msgspec.MsgspecError, RecursionError, ValueError, TimeoutError):
            asked = Asked("")
        reason = legible(asked.reason)[:LONGEST_REASON]
        if len(reason) < SHORTEST_REASON:
            return JSONResponse({"problem": "say why, for whoever looks at it next"}, 400)
        action = request.path_params["action"]
        answer = await _answer(lambda: {"said": source.act(action, reason, asked.trades)})
        watch.look_now()
        return answer

    routes = [Route(f"/{name}", _file) for name in ("", "page.js", "words.js", "page.css", *SHARED)]
    routes += [
        Route("/stream", stream),
        Route("/candles/{event}", candles),
        Route("/actions/{action}", act, methods=["POST"]),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware)])
    return Access(app, token=token, address=address)


async def _body(request: Request) -> bytes:
    """Return the body of a request. Raises `ValueError` for more than an action needs."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise ValueError("too long")
    return body


async def _answer(work: Callable[[], dict[str, Any]]) -> Response:
    """Do something in a thread, and answer with what it gives or why it does not."""
    try:
        return JSONResponse(await asyncio.to_thread(work))
    except Exception as error:  # the page says it
        return JSONResponse({"problem": _said(error)}, 400)


def _said(error: Exception) -> str:
    """Return what a person is told: the text of an unexpected error may hold what must not be."""
    known = isinstance(error, PumpwatchError)
    return str(error) if known else f"a bug in the page, {type(error).__name__}"


async def _file(request: Request) -> Response:
    name = request.url.path.strip("/") or "page.html"
    own = files("pumpwatch_workbench.dashboard") / "static" / name
    text = SHARED[name]() if name in SHARED else own.read_text(encoding="utf-8")
    return Response(text, media_type=mimetypes.guess_type(name)[0])
