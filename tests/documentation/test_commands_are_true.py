"""Every command on every page is true as far as can be checked: support/documented_checks."""

from functools import cache

import pytest
from support.documented import Shown, code_in_sentences, shown, simple_commands, unmarked
from support.documented_checks import CHECKS, NoCheck, NotTrue, check
from typer.main import get_command

from pumpwatch_workbench.cli.main import app
from tools.install_monitoring import app as monitoring


@cache
def commands(program: str) -> list[tuple[Shown, list[str]]]:
    return [(line, words) for line, words in all_commands() if name_of(words) == program]


@cache
def all_commands() -> list[tuple[Shown, list[str]]]:
    return [(line, words) for line in shown() for words in simple_commands(line.text)]


def name_of(words: list[str]) -> str:
    return words[0].removeprefix(".venv/bin/")


@pytest.mark.parametrize("program", CHECKS)
def test_commands_can_be_typed_as_they_stand(program):
    problems = []
    for line, words in commands(program):
        try:
            check(words, line)
        except NotTrue as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


def test_every_program_has_a_check():
    assert {name_of(words) for _, words in all_commands()} - CHECKS.keys() == set()


def test_no_command_hides_in_a_block_that_is_not_marked_as_shell():
    assert list(map(str, unmarked())) == []


OTHERS = {
    "--encryption-provider-config",  # of Kubernetes' API server
    "--stack-name", "--parameter-overrides", "--guided",  # of the SAM command line
    "--no-deps", "--require-hashes",  # of pip
    "--from-file",  # of kubectl
}  # fmt: skip


def test_options_in_sentences_exist():
    own = {
        option
        for command in (
            get_command(app),
            *get_command(app).commands.values(),
            get_command(monitoring),
        )
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    known = own | OTHERS | {"--help", "--version"}
    wrong = [
        f"{page}: {text}"
        for page, text in code_in_sentences()
        if text.startswith("--") and text.split()[0].partition("=")[0].rstrip(",") not in known
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("pumpwatch backtets candles", "no command backtets"),
        ("pumpwatch backtest candles --stragety fade", "--stragety"),
        ("pumpwatch run --symbols many", "many"),
        ("pumpwatch resume", "reason"),
        ("make tset", "no target"),
        ("make run ARGS='--symbol 3'", "--symbol"),
        ("make bench ARGS=tock", "no benchmark"),
        ("make test ARGS=tests/nowhere", "tests/nowhere"),
        ("aws lambda get-polcy --function-name NAME", "no command"),
        ("aws lambda get-policy --function NAME", "no option --function"),
        ("aws secretsmanager put-secret-value --secret-string x", "SecretId"),
        ("aws cloudwatch set-alarm-state --alarm-name A --state-value Red --state-reason r", "Red"),
        ("aws logs tail GROUP --sinc 3m", "--sinc"),
        ("promtool query instant http://localhost:9090 'rate(x[5m]'", ""),
        ("kubectl -n monitoring log POD", "log"),
        ("helm upgrade --instal monitoring k8s-monitoring", "--instal"),
        ("helm upgrade monitoring k8s-monitorin", "k8s-monitorin"),
        ("sam deploy --parameter-overrides PushgatewayUri=https://x", "PushgatewayUri"),
        ("curl -s https://example.com", "host"),
        ("python -m pumpwatch_workbench.nothing", "no module"),
        ("pip install -r requirements/nothing.txt", "nothing.txt"),
    ],
)
def test_a_mistake_is_noticed(line, says):
    (words,) = simple_commands(line)
    with pytest.raises((NotTrue, ValueError)) as caught:
        check(words, Shown("page.md", 1, line, typed=True))
    assert says in str(caught.value)


@pytest.mark.parametrize("line", ["pumpwatch resume", "aws dynamodb delete-table"])
def test_code_in_a_sentence_must_be_complete_except_in_history(line):
    (words,) = simple_commands(line)
    for page in ("docs/runbooks/haltactive.md", "README.md"):
        with pytest.raises(NotTrue):
            check(words, Shown(page, 1, line, typed=False))
    check(words, Shown("CHANGELOG.md", 1, line, typed=False))


def test_a_program_without_a_check_fails():
    with pytest.raises(NoCheck, match="terraform"):
        check(["terraform", "apply"], Shown("page.md", 1, "terraform apply", typed=True))
