"""The rehearsal's options, and what it measured."""

import json

from rehearsal.world import FIGURES, RESULTS


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="Scan for ten minutes instead of three.")
    parser.addoption("--record", action="store_true", help="Write the figures to results.json.")


def pytest_terminal_summary(terminalreporter, config):
    for name, figure in FIGURES.items():
        terminalreporter.write_line(f"{name}: {figure:g}")
    if FIGURES and config.getoption("--record"):
        results = json.loads(RESULTS.read_text()) | {"rehearsal": FIGURES}
        RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
