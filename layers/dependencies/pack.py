"""Fill the layer: wheels for the Lambda runtime by pip, less what `trim.txt` leaves out.

    python pack.py TARGET REQUIREMENTS PYTHON_VERSION PLATFORM [PLATFORM ...]

Works on any machine with pip: no Docker, no compiler, no Python of the target's version. The same
requirements give the same bytes: times and permissions are set, nothing compiled is kept. A Python
of the target's version, which the build rule looks for or COMPILE_WITH names, adds byte code, which
halves a cold start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EPOCH = 315_532_800
"""1980-01-01T00:00:00Z: the earliest time that a zip file can hold."""


def install(target: Path, requirements: str, python_version: str, platforms: list[str]) -> None:
    """Install the pinned wheels, each checked against its hash. Raises `CalledProcessError`."""
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
        *("--no-deps", "--no-compile", "--no-warn-conflicts", "--require-hashes"),
        *("--requirement", requirements, "--target", str(target)),
        *("--only-binary=:all:", "--implementation", "cp", "--python-version", python_version),
        # The requirements are resolved for the target; pip would hold them to this interpreter.
        "--ignore-requires-python",
    ]
    for platform in platforms:
        command += ["--platform", platform]
    subprocess.run(command, check=True)


def trim(target: Path, patterns: list[str]) -> None:
    """Remove what the patterns name, except for what those with a leading `!` name.

    Raises `SystemExit` for a pattern that names nothing.
    """
    exceptions = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    kept = {path for pattern in exceptions for path in target.glob(pattern)}
    for pattern in patterns:
        matches = sorted(target.glob(pattern.removeprefix("!")))
        if not matches and "**" not in pattern and pattern != "bin":
            raise SystemExit(f"trim.txt: {pattern} names nothing: was it moved or renamed?")
        for path in set(matches) - kept:
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


def compile_all(target: Path, interpreter: str, python_version: str) -> None:
    """Add byte code that is never checked against its source. Raises `SystemExit`."""
    asked = [interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        version = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"COMPILE_WITH={interpreter} does not run: {error}") from None
    if version != python_version:
        raise SystemExit(f"COMPILE_WITH={interpreter} is not Python {python_version}")
    command = [interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(target), "-p", "/opt/python", str(target)]
    subprocess.run(command, check=True)


def settle(target: Path) -> None:
    """Give every file and folder the same time and permissions on every machine."""
    for path in [*target.rglob("*"), target]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def main(arguments: list[str]) -> None:
    """Fill the folder named first."""
    target, requirements, python_version, *platforms = arguments
    folder = Path(target)
    lines = (HERE / "trim.txt").read_text(encoding="utf-8").splitlines()
    install(folder, requirements, python_version, platforms)
    trim(folder, [line for line in lines if line and not line.startswith("#")])
    if os.environ.get("COMPILE_WITH"):
        compile_all(folder, os.environ["COMPILE_WITH"], python_version)
    settle(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
