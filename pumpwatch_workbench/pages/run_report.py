"""Write the run report to a file."""

from __future__ import annotations

from pathlib import Path

from pumpwatch.errors import BadInput
from pumpwatch_workbench.pages.files import check_target, write_whole
from pumpwatch_workbench.play.run.page import render_page
from pumpwatch_workbench.play.run.result import RunResult


class ReportError(BadInput):
    """The report cannot be written. Name another file; the run itself is not affected."""


def check_report_path(path: Path) -> None:
    """Make sure that a report can be written to `path`, before a run whose report it is.

    Raises:
        ReportError: when it cannot, with what to do.
    """
    target = path.absolute()
    try:
        check_target(path, make_folder=True)
    except OSError as error:
        raise _report_error(target, error) from error


def write_run_report(result: RunResult, path: Path) -> Path:
    """Write the run's page to `path`, as `write_page` does."""
    return write_page(render_page(result), path)


def write_page(page: str, path: Path) -> Path:
    """Write a page to `path`, all of it or nothing, and return the absolute path.

    The folder is made when it is missing.

    Raises:
        ReportError: when the folder or the file cannot be written, with what to do.
    """
    target = path.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, page)
    except OSError as error:
        raise _report_error(target, error) from error
    return target


def _report_error(target: Path, error: OSError) -> ReportError:
    reason = (error.strerror or type(error).__name__).lower()
    return ReportError(
        f"the report cannot be written to {target}: {reason};"
        " name a file in a folder that you may write to"
    )
