"""Entry point of the `pumpwatch` program: handles Ctrl-C cleanly, even while modules load."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
interruptions: list[int] = []
"""Every Ctrl-C so far. Python drops what is raised in a finaliser: a command would go on, while its
helpers have ended."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    interruptions.append(number)
    signal.default_int_handler(number, frame)


def main() -> NoReturn:
    """Run the command line and end with its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        from pumpwatch_workbench.cli.main import run_program  # noqa: PLC0415 - slow, and may be interrupted

        status = run_program()
    except KeyboardInterrupt:
        sys.stderr.write("pumpwatch: interrupted\n")
        status = INTERRUPTED
    # What is left is the interpreter's own end, which a second Ctrl-C may cut short.
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)


if __name__ == "__main__":
    main()
