"""Who may look at the page and act there."""

import stat

import pytest
from support.watched import TOKEN, Visitor, a_store, watched

from pumpwatch.errors import BadInput
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
        {"X-Pumpwatch": None},
        {"Cookie": None},
    ],
)
def test_another_page_cannot_act(page, changes):
    assert page.act("halt", WHY, **changes).status == 403
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
