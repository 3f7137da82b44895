"""What `sam build` packs, and the generated files that must stay current."""

import hashlib
import importlib.util
import io
import os
import re
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from support.built_functions import fetched, of_lambda, once

from tools.documentation.configuration import configuration_page
from tools.lambda_runtime.layout import FUNCTIONS, LAYERS, BuildTarget, build

ROOT = Path(__file__).resolve().parents[2]


PIN = re.compile(r"^(\S+)==(\S+?)( ;.*)? \\\\$", re.MULTILINE)
HASH = re.compile(r"--hash=(\S+)")
MEBIBYTE = 1_048_576


def pins(path):
    """Return name, version, marker and hashes of each pinned package."""
    text = (ROOT / path).read_text(encoding="utf-8")
    starts = [*(match.start() for match in PIN.finditer(text)), len(text)]
    blocks = [text[one:end] for one, end in pairwise(starts)]
    return [(*PIN.match(one).groups(), frozenset(HASH.findall(one))) for one in blocks]


def test_layer_has_the_pinned_versions_for_lambda_alone():
    pinned = {
        (name, version): hashes for name, version, _, hashes in pins("requirements/lambda.txt")
    }
    layer = pins("layers/dependencies/requirements.txt")
    assert {name for name, *_ in layer} == {name for name, _ in pinned}
    for name, version, marker, hashes in layer:
        assert marker is None, f"{name}: what is installed must not depend on who builds"
        assert hashes == pinned[name, version], "run make requirements"


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Build both layers and both functions for Lambda, once per test session."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if shared.name.startswith("popen-") else shared

    def make(folder):
        for resource in LAYERS | FUNCTIONS:
            build(resource, folder / resource, BuildTarget(compile_with=""))

    with fetched(of_lambda()):
        return once(shared / "packed", make)


def zipped(folder):
    """Return the folder as a zip file, as it is uploaded."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return memory.getvalue()


def unzipped_size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_artefacts_stay_within_their_limits(packed):
    dependencies, code = packed / "DependenciesLayer", packed / "PumpwatchLayer"
    assert unzipped_size(dependencies) <= 65 * MEBIBYTE
    assert len(zipped(dependencies)) <= 25 * MEBIBYTE
    assert len(zipped(code)) <= MEBIBYTE / 2
    assert unzipped_size(code) <= MEBIBYTE
    for function in FUNCTIONS:
        assert [path.name for path in (packed / function).iterdir()] == ["app.py"]


def test_wheels_are_those_of_the_runtime(packed):
    compiled = [path.name for path in (packed / "DependenciesLayer").rglob("*.cpython-*.so")]
    assert compiled
    assert all("cpython-313-aarch64-linux-gnu" in name for name in compiled)
    assert not list(packed.rglob("*.pyc"))
    assert not list(packed.rglob("*.h"))


def pack():
    """Return the layer's packer as a module."""
    program = ROOT / "layers/dependencies/pack.py"
    specification = importlib.util.spec_from_file_location("pack", program)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_byte_code_of_another_python_is_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"is not Python 2\.7"):
        pack().compile_all(tmp_path, sys.executable, "2.7")
    for nonsense in ("/no/such/python", "false"):
        with pytest.raises(SystemExit, match=f"COMPILE_WITH={nonsense} does not run"):
            pack().compile_all(tmp_path, nonsense, "3.13")


def test_byte_code_is_added_where_there_is_lambda_s_python(tmp_path, monkeypatch):
    """Any Python may be called so here: the rule asks nothing but the name."""
    python = tmp_path / "bin" / "python3.13"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")
    build("PumpwatchLayer", tmp_path / "compiled")
    build("PumpwatchLayer", tmp_path / "plain", BuildTarget(compile_with=""))
    compiled, plain = (list((tmp_path / one).rglob("*.pyc")) for one in ("compiled", "plain"))
    assert len(compiled) > 100
    assert plain == []


def test_pattern_that_trims_nothing_is_refused(tmp_path):
    (tmp_path / "numpy").mkdir()
    pack().trim(tmp_path, ["numpy", "bin", "**/tests"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit, match="numpy names nothing"):
        pack().trim(tmp_path, ["numpy"])


@pytest.mark.slow
def test_second_build_is_the_same_byte_for_byte(packed, tmp_path):
    before = os.umask(0o077)
    try:
        for resource in LAYERS | FUNCTIONS:
            build(resource, tmp_path / resource, BuildTarget(compile_with=""))
    finally:
        os.umask(before)
    for resource in LAYERS | FUNCTIONS:
        first, second = (zipped(one / resource) for one in (packed, tmp_path))
        assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest(), resource


def test_every_setting_has_a_meaning_on_the_page():
    for line in configuration_page().splitlines():
        if line.startswith("| `"):
            assert line.split("|")[-2].strip().endswith("."), line


@pytest.mark.parametrize("name", ["detect", "trade"])
def test_handlers_stay_thin(name):
    source = (ROOT / "functions" / name / "app.py").read_text(encoding="utf-8")
    body = source[source.index("def lambda_handler") :]
    assert len(body.splitlines()) <= 25
