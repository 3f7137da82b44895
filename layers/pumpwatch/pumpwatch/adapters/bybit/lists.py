"""The exchange's lists, all pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial

from pumpwatch.errors import ExchangeUnavailable, RetryLater

from .answers import Answer
from .endpoints import Endpoint
from .fields import entries, object_in, optional_text, unreadable
from .session import BybitSession

MOST_PAGES = 200


class SecondPages:
    """Second pages, asked for beside the first: the last page names a cursor as well.

    A list that has not changed names the same cursor again. So the one that its last reading was
    given is asked for at once, and the answer counts only where the first page names it too.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._cursors: dict[str, str] = {}

    def forget(self) -> None:
        """Forget the cursors: the lists are about to change."""
        self._cursors.clear()

    def ask(self, path: str, ask: Callable[..., Answer]) -> Callable[[str], Answer | None]:
        """Ask for the page; the return value gives its answer for the cursor that names it."""
        expected = self._cursors.pop(path, "")
        asked = self._executor.submit(ask, cursor=expected) if expected else None

        def answer(cursor: str) -> Answer | None:
            self._cursors[path] = cursor
            # A thread that waits for others must not wait for what has not begun.
            if asked is None or cursor != expected or asked.cancel():
                return None
            try:
                return asked.result()
            except RetryLater:  # it is asked for again, in its turn
                return None

        return answer


def all_rows(
    session: BybitSession,
    endpoint: Endpoint,
    *,
    limit: int,
    ahead: SecondPages | None = None,
    **parameters: object,
) -> Iterator[object]:
    """Yield what every page of a linear list holds, until there is no cursor any more.

    A short page ends nothing: the exchange may cap or filter pages. An empty one that repeats the
    cursor it was asked with is the end. Raises `ExchangeUnavailable` for a list that does not end.
    """
    ask = partial(session.call, endpoint, category="linear", limit=limit, **parameters)
    second = ahead.ask(endpoint.path, ask) if ahead is not None else None
    seen, cursor, answer = {""}, "", None
    for _ in range(MOST_PAGES):
        answer = answer or (ask(cursor=cursor) if cursor else ask())
        listed = entries(answer.result, endpoint.path)
        yield from listed
        page = object_in(answer.result, endpoint.path)
        before, cursor = cursor, optional_text(page, "nextPageCursor", endpoint.path)
        if not cursor or (not listed and cursor == before):
            return
        answer = second(cursor) if second is not None and not before else None
        if cursor in seen:
            why = "came before: the list does not end"
            raise unreadable(page, "nextPageCursor", endpoint.path, why)
        seen.add(cursor)
    raise ExchangeUnavailable(f"{endpoint.path}: the list does not end")
