"""`pumpwatch doctor` of a desk, against the simulator."""

import json

import pytest
from support.command_line import type_in
from support.paper_trading import PumpedExchange

from pumpwatch.domain.trading.halt import Halt
from pumpwatch_workbench.local import budget
from pumpwatch_workbench.local.budget import SharedBudget
from pumpwatch_workbench.local.store import Database, SqliteHaltStore
from pumpwatch_workbench.operations import doctor_desk


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("PUMPWATCH_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    for name in ("BYBIT_API_KEY", "BYBIT_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="module")
def world():
    made = PumpedExchange()
    yield made
    made.close()


def examine(*arguments):
    answer = type_in("doctor", "--json", *arguments)
    return answer.status, {one["name"]: one for one in json.loads(answer.output)}


def bad(findings):
    return {name for name, one in findings.items() if one["level"] != "ok"}


def test_a_desk_that_may_start_has_nothing_to_mend(home, world, monkeypatch):
    monkeypatch.setenv("HOOK", "json://127.0.0.1:9/secret")
    asked = ("--mode", "paper", "--base-url", world.url, "--notify-env", "HOOK")
    status, findings = examine(*asked)
    assert (status, bad(findings)) == (0, set())
    assert "is made at the first start" in findings["store"]["detail"]
    assert findings["symbols"]["detail"] == f"watched {len(world.symbols)}"
    shown = type_in("doctor", *asked)
    assert shown.output.startswith("paper on this machine (")
    assert "ok    messengers: address 1 of HOOK (JSON)" in shown.output
    assert "secret" not in shown.output


def test_a_key_is_checked_as_at_the_start(home, world, monkeypatch):
    (credentials,) = world.exchange.credentials.values()
    live = ("--mode", "live", "--base-url", world.url)
    status, findings = examine(*live)
    assert (status, list(findings)) == (1, ["options"])
    assert "--confirm UID" in findings["options"]["detail"]
    status, findings = examine(*live, "--confirm", credentials.user_id)
    assert (status, bad(findings)) == (1, {"key"})
    assert "no key was given" in findings["key"]["detail"]
    monkeypatch.setenv("BYBIT_API_KEY", credentials.api_key)
    monkeypatch.setenv("BYBIT_API_SECRET", credentials.api_secret)
    assert examine(*live, "--confirm", credentials.user_id)[0] == 0
    monkeypatch.setenv("BYBIT_API_KEY", credentials.api_key)
    monkeypatch.setenv("BYBIT_API_SECRET", credentials.api_secret)
    status, findings = examine(*live, "--confirm", "1")
    assert (status, bad(findings)) == (1, {"key"})
    assert credentials.api_secret not in json.dumps(findings)


def test_what_is_wrong_with_store_disk_symbols_and_messengers_is_said(home, world, monkeypatch):
    database = Database(home / "live.db")
    database.write("INSERT INTO notes VALUES ('mode', 'paper')")
    database.write("INSERT INTO notes VALUES ('base_url', ?)", (world.url,))
    SqliteHaltStore(database).halt(Halt("a look", 1, by="ann"))
    monkeypatch.setenv("SYMBOLS", f"{world.pumped},NOSUCHUSDT")
    status, findings = examine()
    assert (status, bad(findings)) == (0, set()), "a warning is followed by its check's own line"
    monkeypatch.setenv("HOOK", "nonsense://secret")
    status, findings = examine("--notify-env", "HOOK")
    assert (status, bad(findings)) == (1, {"messengers"})
    assert "address 1 of HOOK cannot be used" in findings["messengers"]["detail"]
    shown = type_in("doctor").output
    assert "halted by ann: a look" in shown
    assert "NOSUCHUSDT fits no symbol" in shown
    assert "used by process" in shown
    database.close()
    monkeypatch.setenv("SYMBOLS", "NOSUCHUSDT")
    monkeypatch.setattr(doctor_desk, "LEAST_MIB", 2**60)
    status, findings = examine("--store", home / "live.db", "--base-url", world.url)
    assert (status, bad(findings)) == (1, {"disk", "symbols"})
    (home / "live.db").write_bytes(b"SQLite format 3\x00 and nothing")
    _, findings = examine("--store", home / "live.db", "--base-url", world.url)
    assert "store" in bad(findings)


def test_a_host_that_is_away_a_clock_that_is_off_and_a_ban_are_said(home, world, monkeypatch):
    _, findings = examine("--mode", "paper", "--base-url", "http://127.0.0.1:9")
    assert bad(findings) == {"exchange", "symbols"}
    assert "network" in findings["exchange"]["advice"]
    monkeypatch.setattr(doctor_desk, "MarketTime", type(None))  # as if it were real
    _, findings = examine("--mode", "paper", "--base-url", world.url)
    assert bad(findings) == {"exchange"}
    assert "set it by NTP" in findings["exchange"]["detail"]
    monkeypatch.setattr(budget, "LOOPBACK", ())
    SharedBudget("127.0.0.1").note_ban()
    _, findings = examine("--mode", "paper", "--base-url", world.url)
    assert bad(findings) == {"exchange", "symbols"}
    assert "another program" in findings["exchange"]["detail"]
