"""What can be checked of each program that the pages show.

`pumpwatch` and `make monitoring` are parsed by their own command lines, `aws` is checked by
botocore's models, PromQL is parsed, targets of make, modules and files must be there. For kubectl,
helm, sam and git there is a list of the words that we use: they need a cluster or an account. Any
other program fails: `NoCheck`.
"""

import importlib.util
import itertools
import json
import re
from functools import cache, partial

import botocore.exceptions
import botocore.session
import jmespath
import promql_parser
import yaml
from botocore import xform_name
from botocore.validate import ParamValidator
from support.documented import REPOSITORY
from typer.main import get_command

from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.local.aws.template import load_template
from tools.install_monitoring import app as install_app

PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*|\.\.\.")
"""How the pages write what a reader puts in: NAME, STACK, DIR."""


class NotTrue(Exception):
    """The page shows something that does not exist."""


class NoCheck(Exception):
    """Nothing here can check this program: write a check, or leave the command out."""


def check(words, shown):
    """Raise `NotTrue` for a command that cannot work, `NoCheck` for a program without a check."""
    program = words[0].removeprefix(".venv/bin/")
    if program not in CHECKS:
        raise NoCheck(f"{shown}: there is no check for {program!r}")
    try:
        CHECKS[program](words[1:], shown)
    except NotTrue as error:
        raise NotTrue(f"{shown}: {error}") from None


def _require(given, known, kind):
    if unknown := set(given) - set(known):
        raise NotTrue(f"there is no {kind} {', '.join(sorted(unknown))}")


def _options(words):
    """Return each option with its values, joined by spaces."""
    options = {}
    for word in words:
        if word.startswith("-") and len(word) > 1:
            name, equals, value = word.partition("=")
            current = options.setdefault(name, [])
            current += [value] if equals else []
        elif options:
            current.append(word)
    return {name: " ".join(values) for name, values in options.items()}


@cache
def _command(application):
    return get_command(application)


def _parse(application, words, shown):
    """Let a command line parse the words; only history may leave out what is required."""
    command, name = _command(application), ""
    if subcommands := getattr(command, "commands", None):
        own = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        while words and words[0] in own:
            words = words[1:]
        if not words or (not shown.complete and PLACEHOLDER.fullmatch(words[0])):
            return
        _require(words[:1], subcommands, "command")
        command, name, words = subcommands[words[0]], words[0], words[1:]
    try:
        command.make_context(name, list(words))
    except Exception as error:
        kind = type(error).__name__
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        left_out = kind == "MissingParameter" or "requires an argument" in text
        open_value = kind == "BadParameter" and any(map(PLACEHOLDER.fullmatch, words))
        if kind != "Exit" and (shown.complete or not (left_out or open_value)):
            raise NotTrue(f"{kind}: {text}") from None


MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
VARIABLES = set(re.findall(r"^(\w+) *\?=", MAKEFILE, re.M))
OWN_COMMANDS = dict(
    re.findall(r"^([a-z-]+):.*\n\t@?\$\(BIN\)/pumpwatch (\w+) .*\$\(ARGS\)", MAKEFILE, re.M)
)
"""Targets that hand ARGS to a command of pumpwatch."""
BENCHMARKS = re.findall(
    r'^    "(\w+)": \w+\.measure', (REPOSITORY / "benchmarks/__main__.py").read_text("utf-8"), re.M
)


def _make(words, shown):
    targets = [word for word in words if "=" not in word]
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    _require(targets, TARGETS, "target")
    _require(variables, VARIABLES, "variable of the Makefile")
    for target in targets if "ARGS" in variables else ():
        arguments = variables["ARGS"].split()
        if target in OWN_COMMANDS:
            _parse(app, [OWN_COMMANDS[target], *arguments], shown)
        elif target == "monitoring":
            _parse(install_app, arguments, shown)
        elif target == "bench":
            _require(arguments, BENCHMARKS, "benchmark")
        elif target == "test":
            _files(arguments)
        else:
            _known_words("sam", [target, *arguments], shown)


def _files(words):
    _require(
        [word for word in words if "/" in word and not (REPOSITORY / word).exists()], (), "file"
    )


AWS_ALWAYS = {"--region", "--profile", "--output"}
AWS_LOGS_TAIL = {"--since", "--format", "--filter-pattern", "--follow"}


def _aws(words, shown):
    if words[1:2] == ["wait"]:
        words = [words[0], _waited_for(words[0], words[2]), *words[3:]]
    options = _options(words[2:])
    jmespath.compile(options.pop("--query", "@"))
    given = {name: value for name, value in options.items() if name not in AWS_ALWAYS}
    if words[:1] == ["configure"] or words[:2] == ["logs", "tail"]:  # no operations of an API
        _require(given, AWS_LOGS_TAIL, "option")
        return
    model = _service(words[0])
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    _require(words[1:2], operations, "command")
    shape = model.operation_model(operations[words[1]]).input_shape
    members = {f"--{xform_name(name, '-')}": name for name in (shape.members if shape else ())}
    _require(given, members, "option")
    if shape is None:
        return
    parameters = {
        members[name]: _value(shape.members[members[name]], value) for name, value in given.items()
    }
    errors = ParamValidator().validate(parameters, shape).generate_report().splitlines()
    wrong = [error for error in errors if shown.complete or "Missing required" not in error]
    if wrong:
        raise NotTrue("; ".join(wrong))


@cache
def _service(name):
    try:
        return botocore.session.get_session().get_service_model(name)
    except botocore.exceptions.UnknownServiceError:
        raise NotTrue(f"aws has no service {name!r}") from None


def _waited_for(service, name):
    """Return the operation that `aws SERVICE wait NAME` repeats."""
    waiters = botocore.session.get_session().get_waiter_model(service)
    known = {xform_name(waiter, "-"): waiter for waiter in waiters.waiter_names}
    _require([name], known, "waiter")
    return xform_name(waiters.get_waiter(known[name]).operation, "-")


def _value(shape, text):
    kind = shape.type_name
    if kind in {"structure", "map"} or (kind == "list" and text.startswith("[")):
        return json.loads(text)
    if kind == "list":
        return text.split()
    if kind in {"integer", "long"}:
        return int(text) if not PLACEHOLDER.fullmatch(text) else 1
    if kind == "boolean":
        return True
    if getattr(shape, "enum", None):
        _require([text], shape.enum, "value")
    return text


def _promtool(words, shown):
    match words:
        case ["query", "instant", address, expression] if address.startswith("http://localhost:"):
            promql_parser.parse(expression)
        case ["tsdb", "analyze", _] | ["check", "rules" | "config", *_]:
            pass
        case _:
            raise NotTrue(f"promtool {' '.join(words)} is not understood here")


WORDS = {
    "kubectl": "create describe exec get logs port-forward replace restart rollout top"
    " -n -l -o -A -c -f --tail --all-containers --all-namespaces --sort-by --previous --timeout"
    " --from-literal",
    "helm": "dependency update rollback uninstall upgrade -n -f --install --create-namespace --set"
    " --set-string",
    "docker": "push run --read-only --volume --publish",
    "sam": "build delete deploy --guided --no-cached --no-confirm-changeset --parameter-overrides"
    " --stack-name",
    "git": "clone checkout pull",
    "apt": "install",
}
"""The verbs and options that the pages use, as their programs have them."""
PARAMETERS = load_template(REPOSITORY / "template.yaml")["Parameters"]


def _known_words(program, words, shown):
    known = WORDS[program].split()
    plain = [
        word for place, word in enumerate(words) if word[0] != "-" and words[place - 1] != "-n"
    ]
    _require([*plain[:1], *_options(words)], known, f"such word for {program}:")
    _require(
        [word for word in plain if word.startswith("k8s-") and not (REPOSITORY / word).exists()],
        (),
        "file",
    )
    if program == "sam":
        pairs = (word.partition("=") for word in plain)
        _require([name for name, equals, _ in pairs if equals], PARAMETERS, "parameter")


def _kubectl(words, shown):
    """Check what is for kubectl, and the command that it starts in a pod."""
    place = words.index("--") if "--" in words else len(words)
    _known_words("kubectl", words[:place], shown)
    if inner := words[place + 1 :]:
        check(inner, shown)


def _helm(words, shown):
    """Check the words, and that a chart has the values that are set."""
    _known_words("helm", words, shown)
    for name, word in itertools.pairwise(words):
        if name.startswith("--set"):
            (chart,) = (chart for chart in words if chart.startswith("k8s-"))
            values = yaml.safe_load((REPOSITORY / chart / "values.yaml").read_text("utf-8"))
            for key in word.partition("=")[0].split("."):
                _require([key], values, "value")
                values = values[key]


def _curl(words, shown):
    options = _options(words)
    _require(options, {"-s", "-d", "-X", "--user"}, "option")
    json.loads(options.get("-d", "{}"))
    hosts = ("localhost:", "http://localhost:", "https://api.bybit.com/", ".../")
    if not any(word.startswith(hosts) for word in words):
        raise NotTrue("asks a host that no page should ask")


def _python(words, shown):
    if words[0] == "-c":
        compile(words[1], "page", "exec")
    elif words[0] != "-m" or importlib.util.find_spec(words[1]) is None:
        raise NotTrue(f"there is no module {' '.join(words)}")


def _unchecked(words, shown):
    """Nothing of Pumpwatch is in it."""


PLUMBING = ("cat", "cd", "export", "grep", "head", "jq", "rm", "tail", "umask")
CHECKS = {
    "pumpwatch": partial(_parse, app),
    "make": _make,
    "aws": _aws,
    "promtool": _promtool,
    "curl": _curl,
    "python": _python,
    "pip": lambda words, shown: _files(words),
    "k8s-monitoring/make-secrets": lambda words, shown: _require(words[2:], (), "argument"),
    **{program: partial(_known_words, program) for program in WORDS},
    "kubectl": _kubectl,
    "helm": _helm,
    "python3": _python,
    **dict.fromkeys(PLUMBING, _unchecked),
}
