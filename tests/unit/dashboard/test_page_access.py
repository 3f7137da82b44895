"""Who may look at the page and act there."""

import socket
import stat
from contextlib import ExitStack, suppress

import pytest
from support.watched import TOKEN, Visitor, a_store, watched

from pumpwatch.errors import BadInput
from pumpwatch_workbench.dashboard import app, serve
from pumpwatch_workbench.dashboard.access import token_for
from pumpwatch_workbench.dashboard.serve import serving
from pumpwatch_workbench.dashboard.sources import StoreSource

WHY = {"reason": "odd fills"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("access") / "paper.db"
    with a_store(path) as database, watched(StoreSource(path)) as visitor:
        visitor.database = database
        yield visitor


def halts(page):
    return page.database.rows("SELECT body FROM halts")


def test_a_stranger_gets_a_sentence_and_nothing_else(page):
    stranger = Visitor(page.url, token="guessed")
    for path in ("/", "/?token=guessed", "/?token=é", "/page.js", "/stream", "/candles/x", "/nope"):
        answer = stranger.get(path)
        assert answer.status == 403
        assert b"needs its token" in answer.data
        assert "set-cookie" not in answer.headers
    assert stranger.act("halt", WHY).status == 403
    assert halts(page) == []


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_have(page):
    stranger = Visitor(page.url, token="")
    answer = stranger.get(f"/?token={TOKEN}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert page.get("/").status == 200
    assert page.pool.request("HEAD", page.url, headers=page.own).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "["])
def test_a_name_that_was_bent_to_this_machine_is_refused(page, host):
    assert page.get("/", Host=host).status == 403
    assert page.act("halt", WHY, Host=host, Origin=f"http://{host}").status == 403
    assert page.get("/", Host="localhost:1234").status == 200, "a forwarded port"
    assert halts(page) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"X-Pumpwatch": None},
        {"Cookie": None},
    ],
)
def test_another_page_cannot_act(page, changes):
    assert page.act("halt", WHY, **changes).status == 403
    assert halts(page) == []


def test_a_proxy_in_front_may_speak_tls(page):
    """The browser's origin is https then, and the host what it typed."""
    behind = {"Host": "localhost:8443", "Origin": "https://localhost:8443"}
    assert page.act("sell-everything", WHY, **behind).status == 400, "it came as far as the action"
    assert halts(page) == []


@pytest.mark.parametrize("body", [{}, [], "x", {"reason": "  a "}, {"reason": "abc", "trades": 1}])
def test_an_action_without_a_reason_is_refused(page, body):
    answer = page.act("halt", body)
    assert answer.status == 400
    assert "say why" in answer.json()["problem"]
    assert page.act("sell-everything", WHY).status == 400
    assert page.act("close", {"reason": "abc", "trades": ["x'; DROP TABLE trades"]}).status == 400
    assert halts(page) == []
    assert page.get("/actions/halt").status == 405


@pytest.mark.parametrize("reason", [None, 12345, ["a", "b", "c"], {"a": 1}, "\u200b\x1b\u202e"])
def test_a_reason_that_nobody_can_read_is_none(page, reason):
    answer = page.act("halt", {"reason": reason})
    assert (answer.status, halts(page)) == (400, [])
    assert "say why" in answer.json()["problem"]


def test_a_body_without_end_is_not_read(page, monkeypatch):
    monkeypatch.setattr(app, "LONGEST_BODY", 1_000)
    assert page.act("halt", {"reason": "x" * 1_000}).status == 400
    monkeypatch.setattr(app, "BODY_SECONDS", 0.1)
    liar = Visitor(page.url)
    assert liar.act("halt", WHY, **{"Content-Length": "1000000000"}).status == 400
    assert halts(page) == []


def test_what_a_terminal_obeys_does_not_reach_the_journal(tmp_path):
    path = tmp_path / "paper.db"
    with a_store(path) as database, watched(StoreSource(path)) as page:
        assert page.act("halt", {"reason": "odd\x1b[31m\nfills\u202e\x00"}).status == 200
        assert '"odd [31m fills"' in database.rows("SELECT body FROM halts")[0][0]


def test_connections_that_ask_nothing_are_few_and_end(page, monkeypatch):
    """Or strangers would take every open file of a process that trades."""
    monkeypatch.setattr(serve, "MOST_CONNECTIONS", 4)
    monkeypatch.setattr(serve, "LONGEST_SILENCE", 0.3)
    address = ("127.0.0.1", int(page.url.rpartition(":")[2]))
    with ExitStack() as opened:
        idle = [opened.enter_context(socket.create_connection(address, 10)) for _ in range(8)]
        for each in idle:
            with suppress(OSError):
                each.sendall(b"GET / HTTP/1.1\r\nX: ")
        for each in idle:
            with suppress(ConnectionResetError):
                assert each.recv(1) == b"", "it ended"
        assert page.get("/").status == 200


def test_what_is_sent_stays_on_this_page(page):
    for path in ("/", "/stream-of-nothing", "/charts.js"):
        headers = page.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
    assert page.get("/charts.js").headers["content-type"].startswith("text/javascript")


def test_the_token_is_made_once_and_only_its_owner_reads_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path / "home"))
    token = token_for("127.0.0.1", "", {})
    path = tmp_path / "home" / "dashboard-token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token_for("localhost", "", {}) == token == path.read_text()
    path.write_bytes(b"\xff")
    path.chmod(0o644)
    assert token_for("::1", "", {}) not in ("", token)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_address_that_others_reach_needs_a_token_of_ones_own():
    with pytest.raises(BadInput, match=r"others reach 192\.168\.1\.5"):
        token_for("192.168.1.5", "", {})
    assert token_for("192.168.1.5", "T", {"T": TOKEN}) == TOKEN
    for value in ("", "short", "ä" * 20):
        with pytest.raises(BadInput, match="the variable T holds no token") as error:
            token_for("127.0.0.1", "T", {"T": value})
        assert not value or value not in str(error.value)


def test_a_taken_port_is_named(page):
    port = int(page.url.rpartition(":")[2])
    with (
        pytest.raises(BadInput, match=f"--web {port} cannot be opened: address already in use"),
        serving(lambda *_: None, "127.0.0.1", port, option="--web"),
    ):
        pass
