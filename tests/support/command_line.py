"""The command line as a person types it, in this process: exit status, output, errors."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from pumpwatch_workbench.cli.main import run_program


@dataclass(frozen=True)
class Answer:
    status: int
    output: str
    errors: str

    @property
    def line(self):
        """Return the only line on standard error; anything else fails the test that asks."""
        lines = self.errors.splitlines()
        assert len(lines) == 1, self.errors
        assert lines[0].startswith("pumpwatch: "), lines
        return lines[0].removeprefix("pumpwatch: ")


class Pipe(io.TextIOWrapper):
    """Standard output or error that remembers, with the interface of the real ones."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self):
        return self.buffer.getvalue().decode()


def type_in(*arguments):
    """Type a command without its program's name."""
    output, errors = Pipe(), Pipe()
    with redirect_stdout(output), redirect_stderr(errors):
        status = run_program(list(map(str, arguments)))
        sys.stdout.flush()
    return Answer(status, output.text(), errors.text())
