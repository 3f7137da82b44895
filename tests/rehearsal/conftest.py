"""The rehearsal's option, and what it measured."""

from rehearsal.world import FIGURES


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="Scan for ten minutes instead of three.")


def pytest_terminal_summary(terminalreporter):
    for sentence in FIGURES:
        terminalreporter.write_line(sentence)
