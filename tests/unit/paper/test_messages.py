"""Messages to people, against messengers on this machine that behave as they are told."""

import json
import logging
import socketserver
import time
from threading import Thread
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.servers import Handler, served

from pumpwatch.errors import BadInput
from pumpwatch_workbench.play.messages.line import IN_A_POST, LONGEST_PAUSE, MOST_WAITING, Line
from pumpwatch_workbench.play.messages.message import (
    BLOCKS,
    HEADER,
    SECTION,
    SINGLY,
    Kind,
    Message,
    grouped,
    payload,
)
from pumpwatch_workbench.play.messages.messenger import Answer, messengers_from

SECRET = "very-secret"


@pytest.fixture(scope="module")
def server():
    """A messenger that answers with the statuses in `answers`, then with 200."""
    seen = SimpleNamespace(posts=[], answers=[])

    class Hook(Handler):
        def do_POST(self):
            body = json.loads(self.body())
            status, headers = seen.answers.pop(0) if seen.answers else (200, {})
            if status == 200:
                seen.posts.append(body)
            self.answer(status=status, headers=headers)

    with served(Hook) as address:
        seen.address = address
        yield seen


@pytest.fixture
def hook(server):
    server.posts.clear()
    server.answers.clear()
    return server


class Fake:
    """A messenger that keeps what it gets, and answers as it is told."""

    label = "address 1 of NOTIFY (Fake)"

    def __init__(self):
        self.posts, self.answer = [], Answer(200)

    def send(self, stage, messages):
        if self.answer.status == 200:
            self.posts.append(list(messages))
        return self.answer


class Stepped:
    """A line whose thread does not run: time is stepped."""

    def __init__(self):
        self.now, self.told, self.fake, self.posts = 1_000.0, [], Fake(), 0
        self.line = Line(self.fake, "paper", self.told.append, lambda: self.now)

    def run_for(self, seconds):
        """Let time pass, and post whenever something is due."""
        end = self.now + seconds
        while (due := self.line.due()) <= end - self.now:
            self.now += max(0.0, due)
            self.line.post()
            self.posts += 1
        self.now = end


@pytest.fixture
def stepped():
    return Stepped()


def pump(number, rise=0.1):
    return Message(Kind.PUMP, f"X{number}USDT +{rise:.0%}", "It pumps.", f"X{number}USDT", rise)


def care(number=1, kind=Kind.CARE):
    return Message(kind, f"care {number}")


def test_posts_are_paced_and_hold_so_many_messages(stepped):
    stepped.line.say([care(number, Kind.TRADE) for number in range(IN_A_POST + 3)])
    stepped.run_for(4.9)
    assert [len(post) for post in stepped.fake.posts] == [IN_A_POST]
    stepped.run_for(0.2)
    assert [len(post) for post in stepped.fake.posts] == [IN_A_POST, 3]
    assert stepped.line.take_counts() == (IN_A_POST + 3, IN_A_POST + 3)
    assert stepped.line.take_counts() == (0, 0)


def test_what_is_said_at_once_is_one_post(stepped):
    stepped.line.say([pump(1), care(1, Kind.NOTICE), care(2)])
    stepped.run_for(0)
    assert stepped.fake.posts == [[care(1, Kind.NOTICE), care(2), pump(1)]]


def test_a_hundred_pumps_of_a_moment_are_one_message(stepped):
    stepped.line.say([pump(number, number / 100) for number in range(100)])
    stepped.run_for(60)
    ((message,),) = stepped.fake.posts
    assert message.title == "100 pumps and signals"
    assert message.text.splitlines()[1:3] == ["X99USDT +99%", "X98USDT +98%"]
    assert len(message.text.splitlines()) == 1 + SINGLY
    assert stepped.line.take_counts() == (100, 100)


def test_of_a_hundred_pumps_over_a_minute_the_first_goes_at_once_the_others_together(stepped):
    for number in range(100):
        stepped.line.say([pump(number)])
        stepped.run_for(0.59)
        assert stepped.fake.posts == [[pump(0)]]
    stepped.line.say([care()])
    stepped.run_for(0.1)
    assert stepped.fake.posts[1:] == [[care()]], "nothing else waits"
    stepped.run_for(60)
    ((message,),) = stepped.fake.posts[2:]
    assert message.title == "99 pumps and signals"
    assert stepped.line.take_counts() == (101, 101)


def test_a_messenger_that_is_down_for_a_day_is_told_of_what_was_lost(stepped):
    stepped.fake.answer = Answer(0)
    stepped.line.say([care()])
    for number in range(24 * 60):
        stepped.line.say([pump(number)])
        stepped.run_for(60)
    assert stepped.told == [
        "address 1 of NOTIFY (Fake) takes no messages (no answer); trading goes on"
    ]
    assert stepped.posts <= 24 * 3600 / LONGEST_PAUSE + 10, "the pause grows"
    assert len(stepped.line._pumps) + len(stepped.line._others) == MOST_WAITING
    stepped.fake.answer = Answer(200)
    stepped.run_for(LONGEST_PAUSE)
    (messages,) = stepped.fake.posts
    lost = 24 * 60 + 1 - MOST_WAITING
    assert messages[0].title.startswith(f"{lost:,} messages could not be delivered since ")
    assert messages[1:] == [care(), messages[-1]], "what is important is not dropped"
    assert messages[-1].title == f"{MOST_WAITING - 1} pumps and signals"
    assert stepped.line.take_counts() == (24 * 60 + 1, MOST_WAITING)
    assert stepped.told[1:] == ["address 1 of NOTIFY (Fake) takes them again; trading goes on"]
    stepped.line.say([care(2)])
    stepped.run_for(10)
    assert stepped.fake.posts[-1] == [care(2)], "told once"


def test_a_post_that_is_refused_holds_up_no_other(stepped):
    stepped.fake.answer = Answer(400)
    stepped.line.say([care(1)])
    stepped.run_for(5)
    stepped.fake.answer = Answer(200)
    stepped.line.say([care(2)])
    stepped.run_for(30)
    ((lost, message),) = stepped.fake.posts
    assert lost.title.startswith("1 message could not be delivered since ")
    assert message == care(2)


def test_a_messenger_says_itself_how_long_to_wait(stepped):
    stepped.fake.answer = Answer(429, 100.0)
    stepped.line.say([care()])
    stepped.run_for(3)
    stepped.fake.answer = Answer(200)
    stepped.run_for(96)
    assert not stepped.fake.posts
    stepped.run_for(2)
    assert stepped.fake.posts == [[care()]]


def test_a_thread_sends_and_the_last_messages_go_out_at_the_end(hook):
    (messenger,) = messengers_from("N", {"N": f"http://{hook.address}/services/{SECRET}"})
    line = Line(messenger, "paper", print)
    line.thread.start()
    begin = time.monotonic()
    line.say([care()])
    line.ending.set()
    line.news.set()
    line.thread.join(30)
    assert time.monotonic() - begin < 30
    (post,) = hook.posts
    assert post["text"] == "paper · care 1"
    assert post["blocks"][0]["text"]["text"] == "paper · care 1"


PIECES = st.text(alphabet="a<>&\n…é", min_size=1, max_size=6)
TEXTS = st.builds(
    lambda piece, times: piece * times, PIECES, st.sampled_from([0, 1, 30, 900, 4_000])
)
SYMBOLS = st.sampled_from(["", "XUSDT", "<!here>"])
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(Kind), TEXTS, TEXTS, SYMBOLS), min_size=1, max_size=20
)
FEW = settings(max_examples=40, deadline=None)


@FEW
@given(messages=MESSAGES)
def test_posts_keep_to_the_limits_of_slack(messages):
    body = payload("paper", messages)
    assert len(body["blocks"]) <= BLOCKS
    shown = [body["text"]]
    for block in body["blocks"]:
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= HEADER
        else:
            assert 1 <= len(block["text"]["text"]) <= SECTION
            shown.append(block["text"]["text"])
    for text in shown:
        for ours in ("https://www.bybit.com", "https://www.tradingview.com"):
            text = text.replace(f"<{ours}", "")  # noqa: PLW2901
        assert "<" not in text
        assert not set(text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")) & {"&"}


@FEW
@given(messages=MESSAGES)
def test_grouping_loses_nothing_but_pumps(messages):
    kept = grouped(messages)
    important = [each for each in messages if each.kind is not Kind.PUMP]
    assert [each for each in kept if each.kind is not Kind.PUMP] == important
    assert sum(each.kind is Kind.PUMP for each in kept) <= SINGLY


def test_symbols_are_linked_to_charts_and_text_is_not():
    assert pump(1).links["TradingView"] == (
        "https://www.tradingview.com/chart/?symbol=BYBIT:X1USDT.P"
    )
    assert not Message(Kind.PUMP, "", symbol="X|<!channel>").links


def test_other_messengers_get_plain_text_by_apprise(hook, caplog):
    given = f"json://user:{SECRET}@{hook.address}/{SECRET},\n http://{hook.address}/x ,"
    other, slack = messengers_from("NOTIFY", {"NOTIFY": given})
    assert (other.label, slack.label) == (
        "address 1 of NOTIFY (JSON)",
        "address 2 of NOTIFY (Slack)",
    )
    told = [pump(1), Message(Kind.CARE, "a_b", "@everyone *c*")]
    with caplog.at_level(logging.INFO):
        assert other.send("paper", told).status == 200
        hook.answers.append((404, {}))
        assert other.send("paper", [care()]).status == 404
    assert SECRET not in caplog.text
    (post,) = hook.posts
    assert post["title"] == "paper · X1USDT +10%"
    links = [f"{name}: {address}" for name, address in pump(1).links.items()]
    assert post["message"].splitlines() == [
        *("X1USDT +10%", "It pumps.", *links, ""),
        *("a_b", "@\N{ZERO WIDTH SPACE}everyone *c*"),
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "which is not set"),
        (" ,\n", "which is not set"),
        (f"nonsense://{SECRET}", "address 1 of NOTIFY cannot be used"),
        (f"http://127.0.0.1/x tgram://{SECRET}", "address 2 of NOTIFY cannot be used"),
        (f"http://example.com/{SECRET}", "address 1 of NOTIFY cannot be used"),
        (SECRET, "address 1 of NOTIFY cannot be used"),
        (f"https://[{SECRET}", "address 1 of NOTIFY cannot be used"),
    ],
)
def test_an_address_that_none_understands_is_named_by_number(value, said):
    with pytest.raises(BadInput) as caught:
        messengers_from("NOTIFY", {"NOTIFY": value})
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


class Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes to be handed one mail."""

    mails = []  # noqa: RUF012

    def handle(self):
        self.say("220 here")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.say("354 go on")
                self.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            self.say("221 bye" if line.upper().startswith(b"QUIT") else "250 fine")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


def test_mail_is_a_messenger_too():
    with socketserver.TCPServer(("127.0.0.1", 0), Mailbox) as server:
        Thread(target=server.handle_request, daemon=True).start()
        host = f"127.0.0.1:{server.server_address[1]}"
        given = f"mailto://{host}?from=desk@example.com&to=me@example.com&format=text"
        (mail,) = messengers_from("N", {"N": given})
        assert mail.send("paper", [pump(1)]).status == 200
    (text,) = Mailbox.mails
    assert "To: me@example.com" in text
    assert "https://www.bybit.com/trade/usdt/X1USDT" in text


def test_a_post_that_cannot_be_made_holds_up_no_other(hook):
    (slack,) = messengers_from("N", {"N": f"http://{hook.address}/x"})
    assert slack.send("paper", [Message(Kind.PUMP, "\ud800")]).status == 400


@pytest.mark.parametrize("address", ["json://127.0.0.1:9/{}", "http://127.0.0.1:9/{}"])
def test_a_failure_shows_no_address(address, caplog, capsys):
    (messenger,) = messengers_from("N", {"N": address.format(SECRET)})
    told = []
    line = Line(messenger, "paper", told.append)
    with caplog.at_level(logging.DEBUG):
        line.say([care()])
        assert not line.post(at_once=True)
    assert told == [f"{messenger.label} takes no messages (no answer); trading goes on"]
    seen = caplog.text + repr(messenger) + repr(line) + "".join(capsys.readouterr())
    assert SECRET not in seen
