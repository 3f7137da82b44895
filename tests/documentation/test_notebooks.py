"""The notebooks hold no output, and run as they stand."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.documented import REPOSITORY

NOTEBOOKS = sorted(REPOSITORY.glob("docs/notebooks/*.ipynb"))


def read(path):
    notebook = nbformat.read(path, as_version=4)
    return notebook, [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_but_the_source_is_kept(path):
    _, cells = read(path)
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    assert path.stat().st_size < 20_000


@pytest.mark.slow
@pytest.mark.enable_socket
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    """`make docs` runs them as well, and shows what comes out."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'layers/pumpwatch'}")
    notebook, cells = read(path)
    NotebookClient(notebook, timeout=120).execute()
    shown = [output for cell in cells for output in cell.outputs]
    pages = [output.data.get("text/html", "") for output in shown if "data" in output]
    assert any(page.startswith("<iframe") for page in pages), "a chart"
    assert any("dataframe" in page for page in pages), "a table"
