"""Messages to Slack against a webhook on this machine that behaves as it is told."""

import json
import time
from types import SimpleNamespace

import pytest
from support.servers import Handler, served

from pumpwatch_workbench.play.desk.slack import (
    LINES_IN_A_MESSAGE,
    MOST_WAITING,
    SlackMessages,
    escaped,
)

QUICK = {"grouping": 0.05, "pace": 0.1, "first_pause": 0.1}


@pytest.fixture
def hook():
    """A webhook that answers with the statuses in `answers`, then with 200."""
    hook = SimpleNamespace(posts=[], times=[], answers=[])

    class Webhook(Handler):
        def do_POST(self):
            body = self.body()
            hook.times.append(time.monotonic())
            status, headers = hook.answers.pop(0) if hook.answers else (200, {})
            if status == 200:
                hook.posts.append(json.loads(body)["text"])
            self.answer(status=status, headers=headers)

    with served(Webhook) as address:
        hook.url = f"http://{address}/services/T0/B0/secret"
        yield hook


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def test_lines_of_one_moment_are_one_message(hook):
    slack = SlackMessages(hook.url, complain=print, **QUICK)
    for number in range(3):
        slack.say(f"line {number}")
    with slack:
        wait_for(lambda: hook.posts)
    assert hook.posts == ["line 0\nline 1\nline 2"]
    assert slack.take_counts() == (3, 3)
    assert slack.take_counts() == (0, 0)


def test_a_burst_is_split_and_paced(hook):
    slack = SlackMessages(hook.url, complain=print, **QUICK)
    for number in range(2 * LINES_IN_A_MESSAGE + 1):
        slack.say(f"line {number}")
    with slack:
        wait_for(lambda: len(hook.posts) == 3)
    assert [post.count("\n") + 1 for post in hook.posts] == [20, 20, 1]
    assert all(
        late - early >= 0.09 for early, late in zip(hook.times, hook.times[1:], strict=False)
    )


def test_retry_after_is_honoured_and_nothing_is_said_twice(hook):
    complaints = []
    hook.answers = [(429, {"Retry-After": "0.5"})]
    with SlackMessages(hook.url, complain=complaints.append, **QUICK) as slack:
        slack.say("only once")
        wait_for(lambda: hook.posts)
    assert hook.times[1] - hook.times[0] >= 0.5
    assert hook.posts == ["only once"]
    assert slack.take_counts() == (1, 1)
    assert len(complaints) == 2
    assert "HTTP 429" in complaints[0]


def test_a_failure_is_no_message_and_shows_no_address(hook):
    complaints = []
    hook.answers = [(500, {})] * 3
    with SlackMessages(hook.url, complain=complaints.append, **QUICK) as slack:
        slack.say("hello")
        wait_for(lambda: hook.posts)
    assert hook.posts == ["hello"]
    assert slack.take_counts() == (1, 1)
    assert complaints == [
        "Slack takes no messages (HTTP 500); they wait, trading goes on",
        "Slack takes messages again",
    ]
    assert "secret" not in repr(slack)


def test_a_dead_line_costs_who_speaks_no_time_and_drops_the_oldest():
    complaints = []
    slack = SlackMessages("http://127.0.0.1:9/secret", complain=complaints.append, **QUICK)
    begin = time.monotonic()
    with slack:
        for number in range(MOST_WAITING + 5):
            slack.say(f"line {number}")
        assert time.monotonic() - begin < 20
        wait_for(lambda: complaints)
    assert slack.take_counts() == (MOST_WAITING + 5, 0)
    assert "secret" not in complaints[0]


def test_what_was_dropped_is_counted_in_the_message(hook):
    slack = SlackMessages(hook.url, complain=print, **QUICK)
    for number in range(MOST_WAITING + 2):
        slack.say(f"line {number}")
    with slack:
        wait_for(lambda: hook.posts)
    assert hook.posts[0].startswith("(2 earlier messages were dropped)\nline 2\n")


def test_the_last_lines_go_out_at_the_end(hook):
    with SlackMessages(hook.url, complain=print, grouping=60) as slack:
        slack.say("the end")
    assert hook.posts == ["the end"]


def test_text_cannot_mention_anybody():
    assert escaped("<!channel> & co") == "&lt;!channel&gt; &amp; co"
