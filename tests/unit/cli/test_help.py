"""Help and completion: one style, examples that work, groups, shells."""

import json
import os
import shlex
import subprocess
import sys

import pytest
import typer
from support.command_line import type_in

from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.cli.help import COMMANDS
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.cli.options import Detector, Strategy
from pumpwatch_workbench.cli.tune import Objective
from pumpwatch_workbench.research.backtest.settings import STRATEGIES
from pumpwatch_workbench.research.evaluation.rules import RULES
from pumpwatch_workbench.research.tune.engines import ENGINES
from pumpwatch_workbench.research.tune.objective import OBJECTIVES

GROUP = typer.main.get_command(app)


def help_of(*command):
    answer = type_in(*command, "--help")
    assert answer.status == 0
    return answer.output


def test_every_command_has_its_place_in_the_table_of_help():
    assert list(GROUP.commands) == list(COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_shows_examples_and_exit_statuses(name):
    text = " ".join(help_of(name).split())
    end = text[text.index(" Examples: pumpwatch ") :]
    assert " ".join(COMMANDS[name].examples[0].split()) in end
    assert "Exit status: 0 good, 1 " in end
    assert "2 bad input, 70 a bug" in end
    assert ("Ctrl-C" in end) or ("130 interrupted" in end)


@pytest.mark.parametrize(
    ("name", "example"), [(name, one) for name, shown in COMMANDS.items() for one in shown.examples]
)
def test_examples_are_read_by_the_command_they_are_about(name, example):
    program, typed, *words = shlex.split(example)
    assert (program, typed) == ("pumpwatch", name)
    command = GROUP.commands[name]
    context = command.make_context(name, words)
    assert not context.args


@pytest.mark.parametrize("name", list(COMMANDS))
def test_whatever_is_printed_is_there_as_json(name):
    options = [one for parameter in GROUP.commands[name].params for one in parameter.opts]
    assert "--json" in options


def test_a_newcomer_sees_run_and_paper_first():
    text = help_of()
    places = [text.index(words) for words in ("Start here", " run ", " paper ", "Research")]
    assert places == sorted(places)
    assert text.index(" paper ") < text.index("Paper trading and deployed stacks")
    assert "130 interrupted" in text


def test_without_a_command_the_help_is_shown_and_it_is_no_success():
    answer = type_in()
    assert answer.status == 2
    assert "Start here" in answer.output
    assert answer.errors == ""


def test_names_to_choose_from_are_those_of_the_product():
    assert [one.value for one in Detector] == list(RULES)
    assert {one.value for one in Strategy} == set(STRATEGIES)
    assert {one.value for one in Objective} == set(OBJECTIVES)
    assert {"local", "ray"} == set(ENGINES)
    assert DetectSettings.model_fields["detector"].default == Detector.BOOSTED


def shell(words, name="bash", **variables):
    environment = {**os.environ, **variables, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    return subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'pumpwatch';"
         "from pumpwatch_workbench.cli.start import main; main()", *words],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts_for_the_usual_shells(name):
    answer = shell(["--show-completion", name])
    assert answer.returncode == 0, answer.stderr
    assert "_PUMPWATCH_COMPLETE=complete_" + name in answer.stdout
    assert {
        "bash": "complete -o default -F",
        "zsh": "#compdef pumpwatch",
        "fish": "complete --command",
    }[name] in answer.stdout


def test_completion_is_installed_where_the_shell_looks(tmp_path):
    answer = shell(["--install-completion", "bash"], HOME=str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / ".bash_completions" / "pumpwatch.sh").exists()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pumpwatch res", {"resume"}),
        ("pumpwatch paper --strategy ", {"alert", "fade", "ride"}),
        ("pumpwatch backtest candles --detector ka", {"karbalaii", "kamps-kleinberg"}),
        ("pumpwatch evaluate pumps --detector a", {"all"}),
        ("pumpwatch tune candles --engine ", {"local", "ray"}),
    ],
)
def test_words_are_completed(typed, offered, monkeypatch, capsys):
    monkeypatch.setenv("_PUMPWATCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    words = shlex.split(typed)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - (not typed.endswith(" "))))
    with pytest.raises((SystemExit, typer.Exit)):
        app(prog_name="pumpwatch", complete_var="_PUMPWATCH_COMPLETE")
    assert set(capsys.readouterr().out.split()) == offered


def test_version_is_said():
    assert type_in("--version").output.startswith("pumpwatch ")


def test_costs_as_json_stand_alone():
    answer = type_in("costs", "--symbols", "600", "--json")
    assert (answer.status, answer.errors) == (0, "")
    assert json.loads(answer.output)["total"] > 0
