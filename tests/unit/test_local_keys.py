"""The key without AWS: where it may be, how it rotates, what is refused, and what is shown."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.shown import everything_shown

from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import BadCredentials, StoreUnavailable
from pumpwatch_workbench.local import keys
from pumpwatch_workbench.local.home import home
from pumpwatch_workbench.local.keys import key_source

KEY, SECRET = "Ab3dEf6hIj9lMn0pQr", "sEcReTsEcReTsEcReTsEcReTsEcReTsEcReT"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIBVQ==\n-----END PRIVATE KEY-----"
NAMED = {"BYBIT_API_KEY": KEY, "BYBIT_API_SECRET": SECRET}
GOOD = ExchangeKey(KEY, SECRET)


def of(file="", *, keyring=False, environment=None):
    given = {} if environment is None else environment
    secrets = key_source(file=file, keyring=keyring, environment=given)
    secrets.exchange_key()
    return secrets


def written(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def folder(path, parts):
    path.mkdir(exist_ok=True)
    for name, part in parts.items():
        written(path / name, part)
    return path


def test_the_folder_of_a_person_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("PUMPWATCH_HOME")
    assert home().name == ".pumpwatch"


@pytest.mark.parametrize(
    "text",
    [
        f"BYBIT_API_KEY={KEY}\nBYBIT_API_SECRET={SECRET}\n",
        f"# me\r\n export BYBIT_API_KEY = \"{KEY}\"\r\nOTHER=1\r\nBYBIT_API_SECRET='{SECRET}'\r\n",
        f"\ufeffBYBIT_API_KEY={KEY}\nBYBIT_API_SECRET={SECRET}",
        json.dumps({"api_key": KEY, "api_secret": SECRET}),
        json.dumps(NAMED, indent=1),
    ],
)
def test_a_file_holds_json_or_lines(tmp_path, text):
    assert of(written(tmp_path / "key", text)).exchange_key() == GOOD


def test_an_rsa_key_fits_into_a_line(tmp_path):
    line = PEM.replace("\n", "\\n")
    file = written(tmp_path / "key", f'BYBIT_API_KEY={KEY}\nBYBIT_RSA_PRIVATE_KEY="{line}"\n')
    assert of(file).exchange_key() == ExchangeKey(KEY, PEM, rsa=True)


@pytest.mark.parametrize(
    "parts",
    [NAMED, {"api_key": f"{KEY}\n", "api_secret": f"{SECRET}\n"}],
    ids=["as variables are named", "as in json, with line ends"],
)
def test_a_folder_holds_a_file_for_each_part(tmp_path, parts):
    secrets = of(folder(tmp_path / "keys", parts))
    assert secrets.exchange_key() == GOOD
    assert secrets.push_credentials() is None


def test_an_rsa_key_in_a_folder_goes_before_a_secret(tmp_path):
    parts = {**NAMED, "BYBIT_RSA_PRIVATE_KEY": PEM}
    assert of(folder(tmp_path / "keys", parts)).exchange_key() == ExchangeKey(KEY, PEM, rsa=True)


def mounted(root, generation, parts):
    """Put parts into a folder as Kubernetes mounts a Secret: one link changes all of them."""
    folder(root / f"..{generation}", parts)
    temporary = root / "..data_tmp"
    temporary.symlink_to(f"..{generation}")
    temporary.replace(root / "..data")
    for name in parts:
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"..data/{name}")


def test_a_mounted_secret_rotates(tmp_path):
    mounted(tmp_path, "2026_1", NAMED)
    secrets = of(tmp_path)
    assert secrets.exchange_key() == GOOD
    mounted(tmp_path, "2026_2", {"BYBIT_API_KEY": "another", "BYBIT_API_SECRET": "too"})
    assert secrets.exchange_key() == ExchangeKey("another", "too")


def test_both_parts_of_a_mounted_secret_come_from_the_same_generation(tmp_path, monkeypatch):
    mounted(tmp_path, "2026_1", NAMED)
    secrets = of(tmp_path)
    read = keys._text

    def rotating(path):
        text = read(path)
        if not (tmp_path / "..2026_2").exists():
            mounted(tmp_path, "2026_2", {"BYBIT_API_KEY": "another", "BYBIT_API_SECRET": "too"})
        return text

    monkeypatch.setattr(keys, "_text", rotating)
    assert secrets.exchange_key() == GOOD


@pytest.mark.parametrize("text", ["", '{"api_key": "Ab', f"BYBIT_API_KEY={KEY}\n", None, b"\xff"])
def test_a_file_that_was_good_is_unavailable_while_it_is_not(tmp_path, text):
    file = written(tmp_path / "key", json.dumps(NAMED))
    secrets = of(file)
    if text is None:
        file.unlink()
    else:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=str(file)):
            secrets.exchange_key()
        secrets.forget()
    written(file, json.dumps({**NAMED, "BYBIT_API_KEY": "another"}))
    assert secrets.exchange_key() == ExchangeKey("another", SECRET)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda path: path / "none",
            r"none cannot be read \(No such file.*api_secret.*BYBIT",
        ),
        (lambda path: folder(path / "keys", {}), "has no api_key: put the files BYBIT_API_KEY"),
        (lambda path: folder(path / "k", {"api_key": KEY}), "has no api_secret: put the files"),
        (lambda path: written(path / "f", "API_KEY=abc"), "has no api_key"),
        (
            lambda path: written(path / "f", f"BYBIT_API_KEY=\nBYBIT_API_SECRET={SECRET}"),
            "no api_key",
        ),
        (lambda path: written(path / "f", "BYBIT_API_KEY=<key>"), "placeholder as api_key"),
        (lambda path: written(path / "f", "[1]"), "is no JSON object"),
        (lambda path: "/dev/zero", "it is no plain file"),
    ],
)
def test_what_was_never_a_key_says_what_to_do(tmp_path, make, words):
    with pytest.raises(BadCredentials, match=words) as caught:
        of(Path(make(tmp_path)))
    assert "\n" not in str(caught.value)
    assert KEY not in everything_shown(caught.value)


def test_the_environment_is_read_once_and_emptied():
    environment = {**NAMED, "OTHER": "stays"}
    secrets = of(environment=environment)
    assert environment == {"OTHER": "stays"}
    assert secrets.exchange_key() == GOOD
    secrets.forget()
    assert secrets.exchange_key() == GOOD


def test_a_process_that_is_started_later_does_not_have_the_key():
    script = (
        "import os, subprocess, sys;"
        "from pumpwatch_workbench.local.keys import key_source;"
        "key_source(file='', keyring=False, environment=os.environ);"
        "print(subprocess.run([sys.executable, '-c', 'import os; print(os.environ)'],"
        " capture_output=True, text=True, check=True).stdout)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **NAMED, "PYTHONPATH": os.pathsep.join(sys.path), "KEPT": "kept"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "kept" in found
    assert KEY not in found
    assert SECRET not in found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"BYBIT_API_KEY": KEY}, "the environment has no api_secret: set BYBIT_API_KEY and"),
        ({"BYBIT_API_SECRET": SECRET}, "has no api_key"),
        ({**NAMED, "BYBIT_API_SECRET": f"{SECRET}\n"}, "with spaces or foreign letters"),
        ({"BYBIT_API_KEY": KEY, "BYBIT_RSA_PRIVATE_KEY": SECRET}, "not in PEM format"),
    ],
)
def test_a_key_in_the_environment_that_is_none_is_refused_and_not_shown(given, words):
    with pytest.raises(BadCredentials, match=words) as caught:
        of(environment=dict(given))
    shown = everything_shown(caught.value)
    assert KEY not in shown
    assert SECRET not in shown


@pytest.mark.parametrize("environment", [{}, {"BYBIT_API_KEY": ""}])
def test_without_any_key_the_three_ways_are_named(environment):
    words = r"no key was given: name a.*--key-file.*--keyring.*BYBIT_API_KEY"
    with pytest.raises(BadCredentials, match=words) as caught:
        of(environment=environment)
    assert "\n" not in str(caught.value)


def test_a_named_file_goes_before_the_environment_which_is_emptied_too(tmp_path, caplog):
    environment = {"BYBIT_API_KEY": "another", "BYBIT_API_SECRET": "too"}
    secrets = of(written(tmp_path / "key", json.dumps(NAMED)), environment=environment)
    assert secrets.exchange_key() == GOOD
    assert environment == {}
    assert "the key in the environment is not used" in caplog.text


def test_a_file_goes_before_a_keyring(tmp_path):
    assert of(folder(tmp_path / "keys", NAMED), keyring=True).exchange_key() == GOOD


def owned_by(monkeypatch, owner):
    """Let files belong to a user, whoever runs the test."""
    stat = Path.stat

    def changed(self, **options):
        numbers = list(stat(self, **options))
        return os.stat_result([*numbers[:4], owner, *numbers[5:]])

    monkeypatch.setattr(Path, "stat", changed)


def test_a_file_that_others_can_read_is_warned_of_once(tmp_path, caplog, monkeypatch):
    owned_by(monkeypatch, 1000)
    file = written(tmp_path / "key", json.dumps(NAMED))
    of(file)
    assert caplog.text == ""
    file.chmod(0o640)
    secrets = of(file)
    secrets.exchange_key()
    assert caplog.text.count(f"chmod 600 {file}") == 1


def test_a_file_that_root_has_mounted_is_not_warned_of(tmp_path, caplog, monkeypatch):
    owned_by(monkeypatch, 0)
    file = written(tmp_path / "key", json.dumps(NAMED))
    file.chmod(0o644)
    of(file)
    assert caplog.text == ""


@pytest.fixture
def ring(monkeypatch):
    """A keyring whose entries and trouble a test sets."""
    ring = SimpleNamespace(entries=dict(NAMED), trouble=None, asked=0)

    def get_password(service, name):
        assert service == "pumpwatch"
        ring.asked += 1
        if ring.trouble is not None:
            raise ring.trouble
        return ring.entries.get(name)

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))
    return ring


def test_the_keyring_is_asked_once_until_its_key_is_forgotten(ring):
    secrets = of(keyring=True)
    asked = ring.asked
    ring.entries["BYBIT_API_KEY"] = "another"
    assert secrets.exchange_key() == GOOD
    assert ring.asked == asked
    secrets.forget()
    assert secrets.exchange_key() == ExchangeKey("another", SECRET)
    secrets.forget()
    ring.trouble = RuntimeError("locked")
    with pytest.raises(StoreUnavailable, match=r"keyring cannot be read \(RuntimeError\)"):
        secrets.exchange_key()


def test_an_empty_keyring_says_how_to_fill_it(ring):
    ring.entries.clear()
    with pytest.raises(BadCredentials, match=r"keyring has no api_key.*keyring set pumpwatch"):
        of(keyring=True)


def test_without_the_library_of_the_keyring_its_name_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(BadCredentials, match="pip install keyring"):
        of(keyring=True)


def test_no_place_of_a_key_shows_it(tmp_path, ring):
    sources = [
        of(written(tmp_path / "key", json.dumps(NAMED))),
        of(folder(tmp_path / "keys", NAMED)),
        of(environment=dict(NAMED)),
        of(keyring=True),
    ]
    for source in sources:
        source.exchange_key()
        assert KEY not in repr(source) + str(source)
        assert SECRET not in repr(source) + str(source)
