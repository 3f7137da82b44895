"""Second pages that are asked for beside the first: sooner, and never another answer."""

import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from pumpwatch.adapters.bybit.answers import Answer
from pumpwatch.adapters.bybit.endpoints import POSITIONS
from pumpwatch.adapters.bybit.lists import SecondPages, all_rows
from pumpwatch.errors import ExchangeUnavailable, KeyRefused

PATIENCE = 20


class Pages:
    """A session whose list has these pages by cursor; `fail` names cursors that fail once."""

    def __init__(self, **pages):
        self.pages, self.asked, self.fail = pages, [], {}
        self.second_begun = threading.Event()
        self.waits_for_second = False

    def call(self, endpoint, *, category, limit, cursor="first"):
        self.asked.append(cursor)
        if cursor != "first":
            self.second_begun.set()
        elif self.waits_for_second:
            assert self.second_begun.wait(PATIENCE), "the second page was not asked for beside it"
        if cursor in self.fail:
            raise self.fail.pop(cursor)
        rows, following = self.pages[cursor]
        return Answer({"list": rows, "nextPageCursor": following}, 0)

    def read(self, ahead):
        self.asked.clear()
        return list(all_rows(self, POSITIONS, limit=200, ahead=ahead))


@pytest.fixture
def ahead():
    with ThreadPoolExecutor(2) as executor:
        yield SecondPages(executor)


def test_a_list_that_has_not_changed_takes_one_round(ahead):
    pages = Pages(first=(["a"], "one"), one=(["b"], "two"), two=([], ""))
    assert pages.read(ahead) == ["a", "b"]
    pages.second_begun.clear()
    pages.waits_for_second = True
    assert pages.read(ahead) == ["a", "b"]
    assert sorted(pages.asked) == ["first", "one", "two"]


def test_a_page_that_was_asked_for_by_an_old_cursor_does_not_count(ahead):
    pages = Pages(first=(["a"], "one"), one=(["old"], ""))
    assert pages.read(ahead) == ["a", "old"]
    pages.pages |= {"first": (["a"], "other"), "other": (["b"], "")}
    assert pages.read(ahead) == ["a", "b"]
    assert sorted(pages.asked) == ["first", "one", "other"]
    pages.pages["other"] = (["c"], "")
    assert pages.read(ahead) == ["a", "c"]


def test_a_list_that_has_become_empty_has_no_second_page(ahead):
    pages = Pages(first=(["a"], "one"), one=([], ""))
    pages.read(ahead)
    pages.pages["first"] = ([], "")
    assert pages.read(ahead) == []
    assert pages.read(ahead) == []
    assert pages.asked == ["first"]


def test_after_an_order_no_second_page_is_asked_for_in_vain(ahead):
    pages = Pages(first=(["a"], "one"), one=(["b"], ""))
    pages.read(ahead)
    ahead.forget()
    pages.pages["first"] = (["a"], "other")
    pages.pages["other"] = ([], "")
    assert pages.read(ahead) == ["a"]
    assert pages.asked == ["first", "other"]


def test_a_second_page_that_fails_is_asked_for_in_its_turn(ahead):
    pages = Pages(first=(["a"], "one"), one=(["b"], ""))
    pages.read(ahead)
    pages.fail["one"] = ExchangeUnavailable("params error: cursor invalid", code=10001)
    assert pages.read(ahead) == ["a", "b"]
    assert pages.asked.count("one") == 2


def test_what_stops_trading_is_not_taken_for_a_passing_failure(ahead):
    pages = Pages(first=(["a"], "one"), one=(["b"], ""))
    pages.read(ahead)
    pages.fail["one"] = KeyRefused("the key is not known")
    with pytest.raises(KeyRefused):
        pages.read(ahead)


def test_a_reading_never_waits_for_a_thread():
    class Busy(Executor):
        def submit(self, *_, **__):
            return Future()

    ahead = SecondPages(Busy())
    pages = Pages(first=(["a"], "one"), one=(["b"], ""))
    assert pages.read(ahead) == ["a", "b"]
    assert pages.read(ahead) == ["a", "b"]
    assert pages.asked == ["first", "one"]
