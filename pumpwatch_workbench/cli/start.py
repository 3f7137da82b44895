"""Start the `pumpwatch` program: Ctrl-C is clean from here on, while the rest loads too."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and end with its exit status."""
    try:
        from pumpwatch_workbench.cli.main import run_program  # noqa: PLC0415 - slow, and may be interrupted

        status = run_program()
    except KeyboardInterrupt:
        sys.stderr.write("pumpwatch: interrupted\n")
        status = INTERRUPTED
    # What is left is the interpreter's own end, which a second Ctrl-C may cut short.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)


if __name__ == "__main__":
    main()
