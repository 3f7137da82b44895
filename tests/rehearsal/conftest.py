"""The rehearsal's option."""


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="Scan for ten minutes instead of three.")
