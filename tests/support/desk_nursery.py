"""A process that has the desk's code loaded and starts desks by forking: a start costs no import.

Each line on standard input is JSON of `arguments`, `environment` and `output`; it answers with the
process's id, and when that has ended with its status (negative: the signal that killed it).
"""

import json
import os
import signal
import sys

import pumpwatch_workbench.cli.desk
import pumpwatch_workbench.local.keys
import pumpwatch_workbench.play.desk.play  # noqa: F401 - loaded before the fork
from pumpwatch_workbench.cli.main import run_program


def _desk(arguments, environment, output):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    status = run_program(arguments)
    sys.stdout.flush()
    os._exit(status)


def main():
    """Start a desk for each line, one after the other."""
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _desk(**asked)
        _say(child)
        _say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _say(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
