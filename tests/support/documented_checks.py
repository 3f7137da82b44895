"""What can be checked here of each program that the pages show, and how deep that goes.

| class | programs | what is checked |
| --- | --- | --- |
| own | pumpwatch | parsed by the command line itself; typed ones are run too |
| model | aws | service, operation, options and values by botocore's own models |
| target | make | is a target; `make -n` says what it would do; ARGS by what takes them |
| query | promtool | the expression is parsed as PromQL |
| table | kubectl, helm, sam, curl, git, apt | verb and options are in tables below |
| file | python, pip, make-secrets | the module, extra, requirements or script is there |
| shell | cat, grep, head, ... | plumbing between the others; nothing of ours in it |

Targets of make that take long are not run here. CI runs lint, typecheck, imports, spelling,
template, docs, artefact, build and test; run and campaign are commands of pumpwatch, which other
tests run; monitoring is run in tests/monitoring with programs that note what they were asked.
Deploy needs an account: its template is tested in tests/infrastructure; nothing deploys it.

kubectl and helm need a cluster, sam an account: no command of theirs is run. With kubectl on the
PATH, a test also lets it read its command lines. Any other program fails: `NoCheck`.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from functools import cache

import botocore.session
import jmespath
import promql_parser
from botocore import xform_name
from botocore.validate import ParamValidator
from support.documented import REPOSITORY, Shown
from typer.main import get_command

from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.local.aws.template import load_template
from tools.install_monitoring import app as install_app

PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*|\.\.\.")
"""How the pages write what a reader puts in: NAME, STACK, DIR."""


def _text(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


class NotTrue(Exception):
    """The page shows something that does not exist."""


class NoCheck(Exception):
    """Nothing here can check this program: write a check, or leave the command out."""


def check(words: list[str], shown: Shown) -> None:
    """Raise `NotTrue` for a command that cannot work, `NoCheck` for a program without a check."""
    program = words[0].removeprefix(".venv/bin/")
    if program not in CHECKS:
        raise NoCheck(f"{shown}: there is no check for {program!r}")
    try:
        CHECKS[program](words[1:], shown)
    except NotTrue as error:
        raise NotTrue(f"{shown}: {error}") from None


# --- own -------------------------------------------------------------------------------------


def parse_pumpwatch(words: list[str], *, complete: bool) -> None:
    """Let the command line parse the words; only history may leave out what is required."""
    _parse(app, "pumpwatch", words, complete=complete)


def _parse(of: object, name: str, words: list[str], *, complete: bool) -> None:
    command = _command(of)
    subcommands = getattr(command, "commands", None)
    if subcommands is not None:
        own = {option for one in command.params for option in one.opts} | {"--help"}
        while words and words[0] in own:
            words = words[1:]
        if not words or (not complete and PLACEHOLDER.fullmatch(words[0])):
            return
        if words[0] not in subcommands:
            raise NotTrue(f"there is no command {words[0]!r}")
        command, name, words = subcommands[words[0]], words[0], words[1:]
    try:
        command.make_context(name, list(words))
    except Exception as error:
        kind = type(error).__name__
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        left_out = kind == "MissingParameter" or "requires an argument" in text
        open_value = kind == "BadParameter" and any(map(PLACEHOLDER.fullmatch, words))
        if kind == "Exit" or (not complete and (left_out or open_value)):
            return
        raise NotTrue(f"{kind}: {text}") from None


@cache
def _command(of: object) -> object:
    return get_command(of)


def _pumpwatch(words: list[str], shown: Shown) -> None:
    parse_pumpwatch(words, complete=shown.complete)


# --- model -----------------------------------------------------------------------------------

AWS_ALWAYS = {"--region", "--profile", "--output", "--query"}
AWS_OWN = {
    ("configure",): set(),
    ("logs", "tail"): {"--since", "--format", "--filter-pattern", "--follow"},
}
"""Commands of the AWS command line that are no operation of an API."""


def _aws(words: list[str], shown: Shown) -> None:
    for name, options in AWS_OWN.items():
        if tuple(words[: len(name)]) == name:
            _require_options(words[len(name) :], options | AWS_ALWAYS)
            return
    service, operation, *rest = words
    model = _service(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in operations:
        raise NotTrue(f"aws {service} has no command {operation!r}")
    shape = model.operation_model(operations[operation]).input_shape
    members = {f"--{xform_name(name, '-')}": name for name in (shape.members if shape else ())}
    given = _options(rest)
    _require_options(rest, set(members) | AWS_ALWAYS)
    if "--query" in given:
        jmespath.compile(given["--query"])
    parameters = {
        members[option]: _value(shape.members[members[option]], value)
        for option, value in given.items()
        if option in members
    }
    report = ParamValidator().validate(parameters, shape) if shape else None
    if report is not None and report.has_errors():
        errors = report.generate_report().splitlines()
        wrong = [one for one in errors if shown.complete or "Missing required" not in one]
        if wrong:
            raise NotTrue("; ".join(wrong))


@cache
def _service(name: str) -> object:
    try:
        return botocore.session.get_session().get_service_model(name)
    except botocore.exceptions.UnknownServiceError:
        raise NotTrue(f"aws has no service {name!r}") from None


def _value(shape: object, text: str) -> object:
    kind = shape.type_name
    if kind in {"structure", "map"} or (kind == "list" and text.startswith("[")):
        return json.loads(text)
    if kind == "list":
        return text.split()
    if kind in {"integer", "long"}:
        return int(text) if not PLACEHOLDER.fullmatch(text) else 1
    if kind == "boolean":
        return True
    if getattr(shape, "enum", None) and text not in shape.enum and not PLACEHOLDER.fullmatch(text):
        raise NotTrue(f"{text!r} is none of {', '.join(shape.enum)}")
    return text


# --- target ----------------------------------------------------------------------------------

TARGETS = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.M))
VARIABLES = set(re.findall(r"^(\w+) *\?=", _text("Makefile"), re.M))
OWN_COMMANDS = dict(
    re.findall(
        r"^([a-z-]+):.*\n\t@?\$\(BIN\)/pumpwatch (\w+) .*\$\(ARGS\)", _text("Makefile"), re.M
    )
)
"""Targets that hand ARGS to a command of pumpwatch."""
BENCHMARKS = set(re.findall(r'^    "(\w+)": \w+\.measure', _text("benchmarks/__main__.py"), re.M))


def _make(words: list[str], shown: Shown) -> None:
    targets = [word for word in words if "=" not in word]
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    if unknown := set(targets) - TARGETS:
        raise NotTrue(f"make has no target {', '.join(unknown)}")
    if unknown := set(variables) - VARIABLES:
        raise NotTrue(f"the Makefile knows no variable {', '.join(unknown)}")
    if "ARGS" in variables:
        (target,) = targets
        arguments = variables["ARGS"].split()
        if target in OWN_COMMANDS:
            parse_pumpwatch([OWN_COMMANDS[target], *arguments], complete=shown.complete)
        elif target in TAKES_ARGS:
            TAKES_ARGS[target](arguments, shown)
        else:
            raise NoCheck(f"{shown}: nothing here knows what ARGS of make {target} may be")
    _dry_run(tuple(words))


@cache
def _dry_run(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotTrue(f"make {' '.join(words)}: {done.stderr}")


def _benchmark_names(words: list[str], shown: Shown) -> None:
    if unknown := set(words) - BENCHMARKS:
        raise NotTrue(f"there is no benchmark {', '.join(unknown)}")


def _test_paths(words: list[str], shown: Shown) -> None:
    for word in words:
        if "/" in word and not (REPOSITORY / word).exists():
            raise NotTrue(f"there is no {word}")


TAKES_ARGS: dict[str, Callable[[list[str], Shown], None]] = {
    "monitoring": lambda words, shown: _parse(
        install_app, "install", words, complete=shown.complete
    ),
    "bench": _benchmark_names,
    "test": _test_paths,
    "build": lambda words, shown: _require_options(words, SAM["build"]),
    "deploy": lambda words, shown: _require_options(words, SAM["deploy"]),
}

# --- query -----------------------------------------------------------------------------------


def _promtool(words: list[str], shown: Shown) -> None:
    match words:
        case ["query", "instant", address, expression] if address.startswith("http://localhost:"):
            promql_parser.parse(expression)
        case ["tsdb", "analyze", _] | ["check", "rules" | "config", *_]:
            pass
        case _:
            raise NotTrue(f"promtool {' '.join(words)} is not understood here")


# --- table -----------------------------------------------------------------------------------

KUBECTL = {
    "describe": {"-l"},
    "get": {"-l", "-o", "-A"},
    "logs": {"-c", "--tail", "--all-containers"},
    "port-forward": set(),
    "replace": {"-f"},
    "rollout restart": set(),
    "top nodes": set(),
    "top pods": {"--all-namespaces", "--sort-by"},
}
HELM = {
    "dependency update": set(),
    "rollback": set(),
    "uninstall": set(),
    "upgrade": {"--install", "--create-namespace", "-f"},
}
SAM = {
    "build": {"--no-cached"},
    "delete": {"--stack-name"},
    "deploy": {"--guided", "--stack-name", "--parameter-overrides", "--no-confirm-changeset"},
}
CURL = {"": {"-s", "-d", "-X", "--user"}}
GIT = {"clone": set(), "checkout": set(), "pull": set()}
APT = {"install": set()}
PARAMETERS = set(load_template(REPOSITORY / "template.yaml")["Parameters"])
HOSTS = ("localhost:", "http://localhost:", "https://api.bybit.com/", ".../")


def _by_table(table: dict[str, set[str]], always: set[str]) -> Callable[[list[str], Shown], None]:
    def checked(words: list[str], shown: Shown) -> None:
        plain = _plain(words, always)
        verb = next((v for v in table if plain[: len(v.split())] == v.split()), None)
        if verb is None:
            raise NotTrue(f"no such verb is in the table: {' '.join(plain)}")
        _require_options(words, table[verb] | always)
        for word in plain:
            if word.startswith("k8s-") and not (REPOSITORY / word).exists():
                raise NotTrue(f"there is no {word}")

    return checked


def _sam(words: list[str], shown: Shown) -> None:
    _by_table(SAM, set())(words, shown)
    for word in words:
        name, equals, _ = word.partition("=")
        if equals and not name.startswith("-") and name not in PARAMETERS:
            raise NotTrue(f"the template has no parameter {name}")


def _curl(words: list[str], shown: Shown) -> None:
    _require_options(words, CURL[""])
    given = _options(words)
    if "-d" in given:
        json.loads(given["-d"])
    if not any(word.startswith(HOSTS) for word in words):
        raise NotTrue("asks a host that no page should ask")


# --- file ------------------------------------------------------------------------------------


def _python(words: list[str], shown: Shown) -> None:
    if words[0] != "-m" or importlib.util.find_spec(words[1]) is None:
        raise NotTrue(f"there is no module {' '.join(words)}")


def _pip(words: list[str], shown: Shown) -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    for word in words[1:]:
        extra = re.fullmatch(r"pumpwatch\[(\w+)\]", word.strip("'"))
        there = extra[1] in project["optional-dependencies"] if extra else None
        if there is False or (there is None and word != "-r" and not (REPOSITORY / word).exists()):
            raise NotTrue(f"there is no {word}")


def _make_secrets(words: list[str], shown: Shown) -> None:
    if len(words) > 2:
        raise NotTrue("takes a namespace and a stack")


# --- shared ----------------------------------------------------------------------------------


def _options(words: list[str]) -> dict[str, str]:
    """Return each option with its values, joined by spaces."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for word in words:
        if word.startswith("-") and len(word) > 1:
            name, equals, value = word.partition("=")
            current = found.setdefault(name, [])
            if equals:
                current.append(value)
        else:
            current.append(word)
    return {name: " ".join(values) for name, values in found.items()}


def _plain(words: list[str], always: set[str]) -> list[str]:
    """Return the words without leading options that belong to every verb, and their values."""
    rest = list(words)
    while rest and rest[0] in always:
        rest = rest[2:]
    return rest


def _require_options(words: list[str], known: set[str]) -> None:
    if unknown := set(_options(words)) - known:
        raise NotTrue(f"unknown option {', '.join(sorted(unknown))}")


def _shell(words: list[str], shown: Shown) -> None:
    """Nothing of Pumpwatch is in it."""


CHECKS: dict[str, Callable[[list[str], Shown], None]] = {
    "pumpwatch": _pumpwatch,
    "aws": _aws,
    "make": _make,
    "promtool": _promtool,
    "kubectl": _by_table(KUBECTL, {"-n"}),
    "helm": _by_table(HELM, {"-n"}),
    "sam": _sam,
    "curl": _curl,
    "git": _by_table(GIT, set()),
    "apt": _by_table(APT, set()),
    "python": _python,
    "pip": _pip,
    "k8s-monitoring/make-secrets": _make_secrets,
    **dict.fromkeys(("cat", "cd", "export", "grep", "head", "jq", "rm", "tail", "umask"), _shell),
}
