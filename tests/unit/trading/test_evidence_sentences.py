"""What is known of a strategy stands wherever one is chosen or shown."""

import re
from pathlib import Path

import pytest
import typer
import yaml
from support.pages import PAGES
from support.trading_facts import trade

from pumpwatch.domain.trading.strategies import EVIDENCE, OWN, with_evidence
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.operations.overview import Overview
from pumpwatch_workbench.operations.overview_lines import lines_of

ROOT = Path(__file__).parents[3]


def plain(text):
    """The words alone: no markup, no code marks, one space between two."""
    return " ".join(re.sub(r"<[^>]+>|`", "", text).split())


@pytest.fixture(params=EVIDENCE)
def sentence(request):
    return with_evidence(request.param)


def test_every_strategy_has_its_sentence_and_ones_own_another():
    assert list(EVIDENCE) == ["alert", "fade", "ride"]
    assert with_evidence("my:Own") == f"my:Own: {OWN}"


def test_the_settings_say_it(sentence):
    source = (ROOT / "layers/pumpwatch/pumpwatch/settings/trade.py").read_text()
    assert "strategy" in TradeSettings.model_fields
    assert sentence in plain(source)


def test_the_template_says_it(sentence):
    yaml_text = (ROOT / "template.yaml").read_text()
    (line,) = [line for line in yaml_text.splitlines() if "90 %" in line]
    assert sentence in plain(yaml.safe_load(line)["Description"])


@pytest.mark.parametrize("command", ["run", "paper", "backtest", "tune"])
def test_the_option_says_it(command, sentence):
    group = typer.main.get_command(app)
    (option,) = [one for one in group.commands[command].params if one.name == "strategy"]
    assert sentence in option.help


@pytest.mark.parametrize("page", ["backtest", "search"])
def test_the_page_says_it(page):
    assert with_evidence("fade") in plain(PAGES[page]())


def test_the_status_says_it_beside_open_trades(sentence):
    name = sentence.partition(":")[0]
    seen = Overview("dev", "paper", None, {}, trades=[trade(strategy=name)])
    assert sentence in list(lines_of(seen))
