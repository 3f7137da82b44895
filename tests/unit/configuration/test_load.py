"""A person's configuration: which source wins, and what is said of what is wrong."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.configuration.load import KNOWN, load
from pumpwatch_workbench.configuration.toml_file import merge_lines

CLUSTER = {
    "PATH": "/bin",
    "HOME": "/root",
    "SYMBOLS_PORT_80_TCP": "tcp://10.0.0.1:80",
    "STRATEGY_SERVICE_HOST": "10.0.0.1",
    "STRATEGY_SERVICE_PORT": "80",
    "METRICS_PORT": "tcp://10.0.0.1:8000",
    "KUBERNETES_SERVICE_HOST": "10.0.0.1",
}


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No file of this machine is found."""
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PUMPWATCH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def written(text, name="pumpwatch.toml"):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text, **more):
    with pytest.raises(PumpwatchError) as caught:
        load({}, file=written(text), environment={}, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_options_win_over_the_environment_and_that_over_the_file():
    written('leverage = 1\nmax_spread = 0.02\nstrategy = "ride"\nrisk_fraction = 0.001\n')
    loaded = load(
        {"strategy": "alert", "detector": None},
        pairs={"leverage": "4"},
        environment={"LEVERAGE": "3", "STRATEGY": "fade", "MAX_SPREAD": "0.03"},
    )
    trade = loaded.trade
    assert (trade.strategy, trade.leverage) == ("alert", 4)
    assert (str(trade.max_spread), str(trade.risk_fraction)) == ("0.03", "0.001")
    shown = {name: given.shown for name, given in loaded.given.items()}
    assert shown == {
        "strategy": "--strategy",
        "leverage": "--set leverage",
        "max_spread": "MAX_SPREAD",
        "risk_fraction": "pumpwatch.toml line 4: risk_fraction",
    }


def test_the_file_is_looked_for_in_four_places(tmp_path, monkeypatch):
    home = written("leverage = 4", f"{tmp_path}/home/pumpwatch.toml")
    environment = {"PATH": "/bin"}
    assert load({}, environment=environment).file == home
    written("leverage = 3")
    assert load({}, environment=environment).trade.leverage == 3
    named = str(written("leverage = 2", "named.toml"))
    environment["PUMPWATCH_CONFIG"] = named
    assert load({}, environment=environment).trade.leverage == 2
    option = written("leverage = 1.5", "option.toml")
    assert str(load({}, file=option, environment=environment).trade.leverage) == "1.5"
    environment["PUMPWATCH_CONFIG"] = "none.toml"
    with pytest.raises(BadInput, match=r"no configuration none.toml: pumpwatch config init"):
        load({}, environment=environment)
    # What is reproduced must not depend on the folder in which it is typed.
    assert load({}, environment={}).file is None


def test_lists_texts_and_numbers_are_taken():
    text = 'symbols = ["*usdt", "BTC*"]\nsymbols_excluded = "x*, yusdt"\nkeyring = true\n'
    loaded = load({}, file=written(f"\ufeff{text}risk_fraction = 1e-3"), environment={})
    assert (loaded.detect.symbols, loaded.detect.symbols_excluded) == ("*USDT,BTC*", "X*,YUSDT")
    assert (loaded.desk.keyring, str(loaded.trade.risk_fraction)) == (True, "0.001")


def test_mode_stage_and_host_follow_each_other():
    assert load({}, environment={}).trade.stage == "paper"
    loaded = load({"mode": "demo"}, environment={"STAGE": ""})
    assert (loaded.trade.trading_mode, loaded.detect.stage) == ("demo", "demo")
    assert loaded.trade.bybit_base_url == "https://api-demo.bybit.com"
    with pytest.raises(BadInput, match="live trading needs the account's UID: give --confirm"):
        load({"mode": "live", "strategy": "fade"}, environment={})
    with pytest.raises(BadInput, match="live trading needs a strategy's name"):
        load({"mode": "live", "live_trading_confirmation": "1"}, environment={})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_open_position = 3", "line 2: there is no setting max_open_position; did you mean"),
        ("Leverage = 2", "no setting Leverage; did you mean leverage?"),
        ("zzz = 2", "line 2: there is no setting zzz; see docs/configuration.md"),
        ("[trade]\nleverage = 2", "line 2: there is no setting trade"),
        ("leverage = 9", "line 2: leverage='9' is not allowed: it must be a number, at least 1"),
        ("trading_hours = 'soon'", "line 2: trading_hours: TRADING_HOURS or"),
        ("metrics_port = 70000", "line 2: metrics_port='70000' is not allowed"),
        ("symbols = [1]", "line 2: symbols is no plain value"),
        ("leverage = 2026-01-01", "line 2: leverage is no plain value"),
        ("table_name = 'x'", "line 2: table_name belongs to a deployed stack: leave it out"),
        ("trading_mode = 'live'", "belongs to a deployed stack: use mode"),
        ("leverage = ", "not valid TOML: Invalid value (at line 2, the end)"),
        ("leverage 2\n", "(at line 2, column 10)"),
        ("leverage = 1\nleverage = 2", "not valid TOML"),
        ("zzz = 1\nyyy = 2", "line 2: there is no setting zzz; see docs/configuration.md; pump"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(text, words):
    assert words in refusal(f"# mine\n{text}")


@pytest.mark.parametrize(
    "line",
    [
        "api_key = 'topsecret1'",
        "api_secret = 'topsecret1'",
        "bybit_api_key = 'topsecret1'",
        "pushgateway_secret_arn = 'topsecret1'",
        "rsa_private_key = 'topsecret1'",
        "slack_webhook = 'https://x.example/topsecret1'",
        "notify_env = 'https://x.example/topsecret1'",
    ],
)
def test_a_secret_is_refused_and_never_shown(line):
    text = refusal(line)
    name = line.partition(" ")[0]
    said = "is not allowed" if name == "notify_env" else "looks like a secret"
    assert name in text
    assert said in text
    assert "topsecret1" not in text


def test_a_wrong_variable_or_option_is_named_as_it_was_given():
    for given, words in (
        ({"environment": {"MAX_SPREAD": "1"}}, "MAX_SPREAD='1' is not allowed: it must be"),
        ({"environment": {}, "pairs": {"leverage": "x"}}, "--set leverage='x' is not allowed"),
        ({"environment": {}, "pairs": {"levrage": "1"}}, "did you mean leverage?"),
    ):
        with pytest.raises(PumpwatchError) as caught:
            load({}, **given)
        assert words in str(caught.value)
    with pytest.raises(BadInput, match="--symbols is empty"):
        load({"symbols": ""}, environment={})


def test_a_cluster_s_own_variables_neither_stop_nor_warn():
    loaded = load({}, environment=CLUSTER)
    assert (loaded.warnings, loaded.given) == ((), {})


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("MAX_OPEN_POSITION", "MAX_OPEN_POSITIONS"),
        ("FADE_TARGET_RETRACES", "FADE_TARGET_RETRACE"),
        ("SYMBOL", "SYMBOLS"),
        ("DRAWDOWN_HALT_FRACTIONS", "DRAWDOWN_HALT_FRACTION"),
    ],
)
def test_a_misspelt_variable_is_warned_of_and_stops_nothing(variable, meant):
    (warning,) = load({}, environment={**CLUSTER, variable: "1"}).warnings
    assert variable in warning
    assert warning.endswith(f"{meant} is")


def typed(*arguments):
    result = CliRunner().invoke(app, ["config", *arguments])
    return result.exit_code, result.output, str(result.exception or "")


def test_init_writes_every_setting_with_its_default_and_overwrites_nothing():
    assert typed("init")[0] == 0
    path = Path("pumpwatch.toml")
    text = path.read_text(encoding="utf-8")
    assert load({}, file=path, environment={}).given == {}
    uncommented = [
        line.removeprefix("# ")
        for line in text.splitlines()
        if line[2:].partition(" = ")[0] in KNOWN
    ]
    assert {line.partition(" = ")[0] for line in uncommented} == KNOWN
    path.write_text("\n".join(uncommented), encoding="utf-8")
    assert load({}, file=path, environment={}).trade == load({"stage": "dev"}, environment={}).trade
    assert "exists" in typed("init")[2]


def test_show_says_where_each_value_comes_from_and_check_what_is_wrong(monkeypatch):
    written('leverage = 2\nnotify_env = "HOOK"')
    monkeypatch.setenv("MAX_SPREAD", "0.02")
    monkeypatch.setenv("HOOK", "https://hooks.example/topsecret1")
    status, shown, _ = typed("show")
    assert status == 0
    assert "leverage = 2  (pumpwatch.toml line 1)" in shown
    assert "max_spread = 0.02  (MAX_SPREAD)" in shown
    assert "fade_min_gain = 0.015  (default)" in shown
    assert "topsecret1" not in shown
    assert "2 settings, nothing is wrong" in typed("check", "pumpwatch.toml")[1]
    written("levrage = 2")
    assert "did you mean leverage?" in typed("check", "pumpwatch.toml")[2]


def test_lines_are_merged_and_others_stay():
    path = written('# mine\nstrategy = "fade" # why\n\nmax_spread = 0.02\n')
    for _ in range(2):
        merge_lines(path, {"strategy": "ride", "ride_seconds": "15"})
    assert path.read_text(encoding="utf-8").splitlines() == [
        "# mine",
        "",
        "max_spread = 0.02",
        "ride_seconds = 15",
        'strategy = "ride"',
    ]
    sections = written("[desk]\nstrategy = 'fade'\n", "sections.toml")
    with pytest.raises(BadInput, match="has sections"):
        merge_lines(sections, {"strategy": "ride"})
    assert sections.read_text(encoding="utf-8") == "[desk]\nstrategy = 'fade'\n"
