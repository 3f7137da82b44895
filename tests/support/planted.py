"""Known bugs, planted one at a time in a copy of the package: does the safety net notice?

Each is a small patch of the source, in `tests/campaign/planted.toml`. The copy is imported by
processes that play worlds, or run the test that a bug names.
`pumpwatch campaign --planted` runs this file; a process with a planted bug does so as well.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pumpwatch.errors import BadInput

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = (CHECKOUT / "layers" / "pumpwatch" / "pumpwatch", CHECKOUT / "pumpwatch_workbench")
CATALOGUE = CHECKOUT / "tests" / "campaign" / "planted.toml"
LONGEST = 600
"""Seconds that the worlds, or the test, of one bug may take."""
TESTS_FAILED = 1
"""What pytest ends with when it ran and something failed."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A fault and where it is planted: `old` stands exactly once in `file`, `package/path`."""

    name: str
    says: str
    """What is wrong with it, as a sentence."""
    file: str
    old: str
    new: str
    also: Sequence[tuple[str, str, str]] = ()
    """Further patches, where a decision is made twice: file, old, new."""
    test: str = ""
    """The test that notices it, as pytest's node; without one a world must."""

    def plant(self, folder):
        """Patch the packages that were copied into a folder."""
        for file, old, new in ((self.file, self.old, self.new), *self.also):
            path = folder / file
            path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")

    def stale(self):
        """Return why a patch does not apply to the sources, as a sentence; empty when all do."""
        for file, old, _ in ((self.file, self.old, self.new), *self.also):
            path = _source(file)
            times = path.read_text("utf-8").count(old) if path.is_file() else 0
            if times != 1:
                return f"{self.name} does not apply: {file} has {times} times, not once: {old}"
        return ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who noticed a bug; nobody when neither seed nor test is given."""

    bug: Bug
    seed: int | None = None
    test: str = ""
    why: str = ""
    """What the promise said, or why the test was no proof."""

    @property
    def found(self):
        """Return whether anybody noticed it."""
        return self.seed is not None or bool(self.test)

    def __str__(self):
        by = f"seed {self.seed}" if self.seed is not None else f"test {self.test}"
        return f"{self.bug.name}: " + (f"found by {by}" if self.found else "missed")


def catalogue(names=()):
    """Return all planted bugs, or those of these names.

    Raises `BadInput` that names the patches which do not apply any more.
    """
    bugs = [Bug(**one) for one in tomllib.loads(CATALOGUE.read_text("utf-8"))["bug"]]
    wanted = [bug for bug in bugs if not names or bug.name in names]
    if len(wanted) < len(set(names)):
        raise BadInput(f"--bug: the planted bugs are {', '.join(bug.name for bug in bugs)}")
    if stale := [why for bug in wanted if (why := bug.stale())]:
        raise BadInput("\n".join(stale))
    return wanted


def try_bugs(bugs, seeds, workers):
    """Try each bug, several side by side, and yield the verdicts in the catalogue's order."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(partial(try_bug, seeds=seeds), bugs)


def try_bug(bug, *, seeds):
    """Plant a bug and run its test, or play so many worlds where it has none."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copies = Path(folder).resolve()
        for package in PACKAGES:
            shutil.copytree(package, copies / package.name)
        bug.plant(copies)
        return _tested(bug, copies) if bug.test else _played(bug, copies, seeds)


def _played(bug, copies, seeds):
    try:
        broken = _worlds(copies, seeds)
    except subprocess.CalledProcessError as error:
        return Verdict(bug, why=error.stderr.strip())
    if broken is None:
        return Verdict(bug, why="the promise held in every world")
    return Verdict(bug, seed=broken["seed"], why=broken["why"])


def _tested(bug, copies):
    quiet = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider")
    tested = _python(copies, ("-m", "pytest", *quiet, bug.test))
    if tested.returncode == TESTS_FAILED:
        return Verdict(bug, test=bug.test)
    return Verdict(bug, why=f"{bug.test} ended with {tested.returncode}")


def _source(file):
    """Return the checkout's file of a path that begins with its package's name."""
    name, _, path = file.partition("/")
    return next(package for package in PACKAGES if package.name == name) / path


def _worlds(folder, seeds):
    """Return the first broken world of a folder's packages. Raises `CalledProcessError`."""
    played = _python(folder, (__file__, "--hunt", str(folder), "--seeds", str(seeds)))
    played.check_returncode()
    return json.loads(played.stdout)


def _python(folder, arguments):
    paths = os.pathsep.join((str(folder), str(CHECKOUT)))
    return subprocess.run(
        (sys.executable, "-P", *arguments),  # -P: the copies come before the folder it runs in
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def hunt(folder, seeds):
    """Return seed and reason of the first world in which the promise breaks, or trading crashes."""
    import pumpwatch
    from studies.campaign.world import play

    if not Path(str(pumpwatch.__file__)).is_relative_to(folder):
        sys.exit(f"pumpwatch comes from {pumpwatch.__file__}, not from {folder}")
    for seed in range(seeds):
        try:
            why = play(seed).broken
        except Exception as error:  # whatever a bug leads to
            why = f"crash: {type(error).__name__}: {error}"
        if why:
            return {"seed": seed, "why": why}
    return None


def _say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments):
    """Try the bugs, print a line for each, and return 0 only if all were found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hunt", default="")
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--bug", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.hunt:
        _say(json.dumps(hunt(asked.hunt, asked.seeds)))
        return 0
    try:
        bugs = catalogue(asked.bug)
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sound = _worlds(PACKAGES[0].parent, asked.seeds)
    if sound:
        sys.stderr.write(f"without any bug the promise breaks already: {sound}\n")
        return 2
    verdicts = []
    for one in try_bugs(bugs, asked.seeds, asked.workers):
        verdicts.append(one)
        if not asked.json:
            _say(str(one))
    missed = [one.bug.name for one in verdicts if not one.found]
    if asked.json:
        lines = [
            {"name": one.bug.name, "seed": one.seed, "test": one.test or None, "why": one.why}
            for one in verdicts
        ]
        _say(json.dumps({"bugs": lines, "missed": missed}))
    else:
        _say(f"{len(verdicts)} bugs planted, {len(verdicts) - len(missed)} found.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
