"""AWS on this machine: the emulator, and the commands and clients that speak to it."""

import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import boto3
from support.servers import answers, program

from tools.lambda_runtime.environment import BASE_INTERPRETER
from tools.lambda_runtime.layout import this_machine

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
ACCOUNT = "123456789012"
EMULATOR = REPOSITORY / ".venv-rehearsal" / "bin" / "python"
SAM = REPOSITORY / ".venv-sam" / "bin" / "sam"
ENVIRONMENT = {
    # To the emulator, an account's number is its root user.
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "SAM_CLI_TELEMETRY": "0",
    "NO_COLOR": "1",
    "COLUMNS": "200",
}
SECONDS_OF_A_COMMAND = 240


class Cloud:
    """The emulator, with scratch files in `folder`."""

    def __init__(self, folder, url):
        self.folder = folder
        self.url = url
        mine = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {**mine, **ENVIRONMENT, "AWS_ENDPOINT_URL": url}

    def client(self, service):
        """Return a boto3 client of the account's root user."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
            aws_session_token=None,
        )

    def run(self, *command, cwd=REPOSITORY, **variables):
        """Run a command against the emulator and return what it did."""
        return subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=self.environment | variables,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS_OF_A_COMMAND,
        )

    def pumpwatch(self, *arguments):
        """Run the command as an operator would."""
        return self.run(sys.executable, "-m", "pumpwatch_workbench", *arguments)

    def before_deploy(self, *options):
        """Run what `make deploy` runs before anything is made."""
        return self.run(sys.executable, "-m", "tools.before_deploy", *options)

    def build(self, source):
        """Build with `sam build`, for this machine's processor and interpreter."""
        target = this_machine(compiled=True)
        variables = dict(variable.split("=", 1) for variable in target.variables())
        built = self.run(
            SAM, "build", "--cached", "--parallel", cwd=source, PYTHON=sys.executable, **variables
        )
        assert built.returncode == 0, built.stdout + built.stderr

    def deploy(self, source, stack, **parameters):
        """Deploy what was built with `sam deploy`, and return what it did."""
        given = [f"{name}={value}" for name, value in parameters.items() if value is not None]
        return self.run(
            *(SAM, "deploy", "--stack-name", stack, "--resolve-s3", "--no-confirm-changeset"),
            *("--no-fail-on-empty-changeset", "--no-progressbar", "--s3-prefix", stack),
            *("--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *given),
            cwd=source,
        )

    def delete(self, source, stack):
        """Delete a stack with `sam delete`."""
        return self.run(SAM, "delete", "--stack-name", stack, "--no-prompts", cwd=source)

    def adopt(self, stack, table):
        """Import a table that was kept into a new stack, as docs/operations.md says."""
        client = self.client("cloudformation")
        client.create_change_set(
            StackName=stack,
            ChangeSetName="table",
            ChangeSetType="IMPORT",
            TemplateBody=(REPOSITORY / "kept-table.yaml").read_text(),
            ResourcesToImport=[
                {
                    "ResourceType": "AWS::DynamoDB::Table",
                    "LogicalResourceId": "StateTable",
                    "ResourceIdentifier": {"TableName": table},
                }
            ],
        )
        made = {"StackName": stack, "ChangeSetName": "table"}
        client.get_waiter("change_set_create_complete").wait(**made)
        client.execute_change_set(**made)
        client.get_waiter("stack_import_complete").wait(StackName=stack)

    def decisions(self, since=0.0, until=math.inf):
        """Count what the roles were allowed and denied: (role, action, outcome)."""
        counted = Counter()
        for line in _lines(self.folder / "iam.log"):
            at, role, action, _, outcome = line.split(" ")
            if since <= float(at) < until:
                counted[role, action, outcome] += 1
        return counted

    def invocations(self, stack, function):
        """Return the invocations of a stack's function (detect, trade), in order."""
        lines = _lines(self.folder / "invocations.log")
        begin = f"{stack}-{function.capitalize()}Function-"
        made = [json.loads(line) for line in lines]
        return sorted(
            (call for call in made if call["function"].startswith(begin)),
            key=lambda call: call["started"],
        )

    def outputs(self, stack):
        """Return a stack's outputs."""
        (described,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    def environments(self, function):
        """Return the process ids of a function's execution environments."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in variables:
                found.append(int(entry.name))
        return found

    def kill(self, function):
        """Kill a function's execution environments at once; return how many there were."""
        killed = 0
        for process in self.environments(function):
            os.kill(process, signal.SIGKILL)
            killed += 1
        return killed


def _lines(path):
    return path.read_text().splitlines() if path.exists() else []


@contextmanager
def cloud(folder):
    """Run the emulator until the block ends."""
    scratch = folder / "emulator"
    scratch.mkdir()
    python = scratch / "python"
    python.write_text(f'#!/bin/sh\nexec {BASE_INTERPRETER} -S "$@"\n')
    python.chmod(0o755)

    def arguments(port):
        return [
            "-i",
            f"PATH={EMULATOR.parent}:{os.environ['PATH']}",
            *(f"{name}={scratch}" for name in ("HOME", "TMPDIR", "STATE_DIR")),
            *(f"{name}={port}" for name in ("GATEWAY_PORT", "EDGE_PORT")),
            *("BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", f"MINISTACK_REGION={REGION}"),
            # A new account's quota.
            "LAMBDA_ACCOUNT_CONCURRENCY=10",
            *("AUTH=true", "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0"),
            str(EMULATOR),
            str(Path(__file__).with_name("emulator.py")),
            *map(str, (python, folder / "iam.log", folder / "invocations.log")),
        ]

    def is_ready(port):
        return answers(f"http://127.0.0.1:{port}/_ministack/health")

    with program("env", folder / "emulator.log", arguments, is_ready) as port:
        yield Cloud(folder, f"http://127.0.0.1:{port}")
