"""Every command on every page is true as far as can be checked: support/documented_checks."""

import shutil
import subprocess

import pytest
from support.documented import Shown, code_in_sentences, shown, simple_commands, unmarked
from support.documented_checks import NoCheck, NotTrue, check
from typer.main import get_command

from pumpwatch_workbench.cli.main import app


def everything():
    for one in shown():
        for words in simple_commands(one.text):
            yield one, words


@pytest.mark.parametrize("program", sorted({words[0] for _, words in everything()}))
def test_commands_can_be_typed_as_they_stand(program):
    problems = []
    for one, words in everything():
        if words[0] == program:
            try:
                check(words, one)
            except (NotTrue, NoCheck) as problem:
                problems.append(str(problem))
    assert not problems, "\n".join(problems)


def test_no_command_hides_in_a_block_that_is_not_marked_as_shell():
    assert [str(one) for one in unmarked()] == []


OTHERS = {
    "--encryption-provider-config",  # of Kubernetes' API server
    "--stack-name", "--parameter-overrides", "--guided",  # of the SAM command line
    "--namespace", "--values", "--dry-run",  # of make monitoring
    "--no-deps", "--require-hashes",  # of pip
}  # fmt: skip


def test_options_in_sentences_exist():
    own = {
        option
        for command in (get_command(app), *get_command(app).commands.values())
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    known = own | OTHERS | {"--help", "--version"}
    wrong = [
        f"{page}: {text}"
        for page, text in code_in_sentences()
        if text.startswith("--") and text.split()[0].partition("=")[0] not in known
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("pumpwatch backtets candles", "no command 'backtets'"),
        ("pumpwatch backtest candles --stragety fade", "--stragety"),
        ("pumpwatch run --symbols many", "many"),
        ("pumpwatch halt", "reason"),
        ("make tset", "no target"),
        ("make run ARGS='--symbol 3'", "--symbol"),
        ("make bench ARGS=tock", "no benchmark"),
        ("aws lambda get-polcy --function-name NAME", "no command"),
        ("aws lambda get-policy --function NAME", "unknown option --function"),
        ("aws secretsmanager put-secret-value --secret-string x", "SecretId"),
        ("aws cloudwatch set-alarm-state --alarm-name A --state-value Red --state-reason r", "Red"),
        ("aws logs tail GROUP --sinc 3m", "--sinc"),
        ("promtool query instant http://localhost:9090 'rate(x[5m]'", ""),
        ("kubectl -n monitoring log POD", "no such verb"),
        ("helm upgrade --instal monitoring k8s-monitoring", "--instal"),
        ("helm upgrade monitoring k8s-monitorin", "k8s-monitorin"),
        ("sam deploy --parameter-overrides PushgatewayUri=https://x", "PushgatewayUri"),
        ("curl -s https://example.com", "host"),
        ("python -m pumpwatch_workbench.nothing", "no module"),
        ("pip install -r requirements/nothing.txt", "nothing.txt"),
    ],
)
def test_a_mistake_is_found(line, says):
    (words,) = simple_commands(line)
    with pytest.raises((NotTrue, ValueError)) as caught:
        check(words, Shown("page.md", 1, line, typed=True))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "line", ["pumpwatch halt", "pumpwatch resume", "aws dynamodb delete-table"]
)
@pytest.mark.parametrize("page", ["docs/runbooks/haltactive.md", "README.md", "docs/trading.md"])
def test_code_in_a_sentence_must_be_complete_too(line, page):
    (words,) = simple_commands(line)
    with pytest.raises((NotTrue, ValueError)):
        check(words, Shown(page, 1, line, typed=False))
    if words[0] == "pumpwatch":
        check(words, Shown("CHANGELOG.md", 1, line, typed=False))


def test_a_program_without_a_check_fails():
    with pytest.raises(NoCheck, match="terraform"):
        check(["terraform", "apply"], Shown("page.md", 1, "terraform apply", typed=True))


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_itself_reads_its_command_lines():
    """It looks at options before it looks for a cluster: there is none at this address."""
    nowhere = ("--server=http://127.0.0.1:9", "--request-timeout=1s")
    lines = {}
    for _, (program, *words) in everything():
        if program == "kubectl":
            options = {word.partition("=")[0] for word in words if word.startswith("-")}
            verbs = set(words) & {"describe", "get", "logs", "replace", "rollout", "top"}
            lines[frozenset(options | verbs)] = words
    for words in lines.values():
        done = subprocess.run(
            ["kubectl", *nowhere, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "unknown" not in done.stderr, f"kubectl {' '.join(words)}: {done.stderr}"
