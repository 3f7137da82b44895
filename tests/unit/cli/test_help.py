"""Help and completion: one style, examples that work, groups, shells."""

import os
import re
import shlex
import subprocess
import sys

import pytest
import typer
from support.command_line import type_in

from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.cli.commands import COMMANDS, load_command
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.cli.options import RULES as RULE_NAMES
from pumpwatch_workbench.research.evaluation.rules import RULES
from pumpwatch_workbench.research.tune.engines import ENGINES

GROUP = typer.main.get_command(app)


def help_of(*command):
    answer = type_in(*command, "--help")
    assert answer.status == 0
    return answer.output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_the_line_of_the_list_and_shows_examples_that_can_be_read(name):
    command, text = GROUP.commands[name], " ".join(help_of(name).split())
    assert command.help.split("\n\n")[0] == COMMANDS[name][1]
    assert "Exit status: 0 good, 1 found a problem, 2 bad input, 70 a bug, 130 interrupted" in text
    examples = re.findall(r"^  (pumpwatch .+)", command.epilog, re.MULTILINE)
    assert examples
    for example in examples:
        assert " ".join(example.split()) in text
        program, typed, *words = shlex.split(example)
        assert (program, typed) == ("pumpwatch", name)
        assert not command.make_context(name, words).args


def test_help_and_version_import_no_command():
    program = (
        "import sys; from pumpwatch_workbench.cli.main import run_program\n"
        "run_program(['--help']); run_program(['rum']); run_program(['--version'])\n"
        "loaded = set(sys.modules) & {'boto3', 'numpy', 'polars', 'studies'}\n"
        "run_program(['costs', '--help'])\n"
        "sys.exit(f'{loaded}' if loaded or 'polars' in sys.modules else 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", ["campaign", "scale"])
def test_a_study_says_that_it_needs_a_checkout(name, monkeypatch):
    monkeypatch.setitem(sys.modules, f"studies.{name}.command", None)
    load_command.cache_clear()
    answer = type_in(name, "--help")
    assert (answer.status, answer.line) == (
        2,
        f"{name} is a study: it works in a checkout of Pumpwatch only",
    )


def test_a_command_says_which_library_the_image_leaves_out():
    program = (
        "import sys; from pumpwatch_workbench.cli.main import run_program\n"
        "sys.modules['polars'] = None\n"
        "sys.exit(run_program(['backtest', '--help']))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("pumpwatch: backtest needs polars, which is not installed:")
    assert len(answer.stderr.splitlines()) == 1


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
    assert list(RULE_NAMES) == list(DETECTORS)
    assert set(RULES) == {*DETECTORS, "kamps-kleinberg"}
    assert {"local", "ray"} == set(ENGINES)
    assert DetectSettings.model_fields["detector"].default == "boosted"


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
        ("pumpwatch backtest candles --detector ka", {"karbalaii"}),
        ("pumpwatch evaluate pumps --detector a", {"all"}),
        ("pumpwatch evaluate pumps --detector ka", {"karbalaii", "kamps-kleinberg"}),
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
