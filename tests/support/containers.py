"""Images built and run with buildah and namespaces of Linux alone: no daemon, no registry."""

import json
import os
import shutil
import subprocess
import tarfile
from contextlib import contextmanager
from pathlib import Path

from support.monitoring import REPOSITORY

PROGRAMS = ("buildah", "debootstrap", "unshare", "setpriv")
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
MIRROR = "http://deb.debian.org/debian"
NEEDED = os.environ.get("PUMPWATCH_REQUIRE_SERVERS") == "1"


def why_not():
    """Return why this machine cannot build and run an image; empty if it can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent and not NEEDED:
        return f"{' and '.join(absent)} not installed (apt-get install buildah debootstrap)"
    if os.geteuid() != 0:
        return "namespaces, mounts and chroot need root"
    tried = subprocess.run(
        [*NAMESPACES, "--mount-proc", "chroot", "/", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no right to mount or chroot: {tried.stderr.strip()}" if tried.returncode else ""


def call(*arguments, **options):
    """Run a program; return what it wrote. Its error is the test's."""
    done = subprocess.run(
        list(map(str, arguments)),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


class Storage:
    """Images in a folder of their own."""

    def __init__(self, folder):
        self._folder = folder
        config = folder / "storage.conf"
        places = f'graphroot = "{folder / "images"}"\nrunroot = "{folder / "run"}"\n'
        config.write_text(f'[storage]\ndriver = "vfs"\n{places}')
        self.environment = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(config),
            "BUILDAH_ISOLATION": "chroot",
        }

    def buildah(self, *arguments):
        """Run buildah; return what it wrote."""
        return call("buildah", *arguments, env=self.environment)

    def make_base(self, name):
        """Make a stand-in for the image of Debian with this name, of Debian's own packages."""
        root, context = self._folder / "root", self._folder / "context"
        context.mkdir()
        call("debootstrap", "--variant=minbase", "bookworm", root, mirror())
        # What the slim image lacks, too.
        for path in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt"):
            shutil.rmtree(root / path)
        with tarfile.open(context / "root.tar", "w") as archive:
            archive.add(root, ".")
        shutil.rmtree(root)
        (context / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
        self.buildah("build", "--tag", name, context)
        shutil.rmtree(context)

    def build(self, tag):
        """Build the bot's image as `make image` does, where only buildah is."""
        path = self._folder / "bin"
        path.mkdir()
        (path / "buildah").symlink_to(shutil.which("buildah"))
        for name in ("docker", "podman"):
            (path / name).write_text("#!/bin/sh\nexit 127\n")
        (path / "docker").chmod(0o755)
        environment = self.environment | {"PATH": f"{path}:/usr/bin:/bin:/usr/sbin:/sbin"}
        script = REPOSITORY / "tools" / "build_image"
        return call(script, tag, "--pull-never", "--layers=false", env=environment)

    def size(self, tag):
        """Return an image's size in bytes."""
        (about,) = json.loads(self.buildah("images", "--json", tag))
        return _bytes(about["size"])

    def container(self, tag):
        """Return a container of an image."""
        made = self.buildah("from", "--pull-never", tag).strip()
        root = Path(self.buildah("mount", made).strip())
        about = json.loads(self.buildah("inspect", made))
        return Container(root, about["Docker"]["config"], about["Docker"].get("history") or [])


def _bytes(text):
    number, unit = text.split()
    return float(number) * {"KB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


def mirror():
    """Return the mirror of Debian that this machine uses."""
    used = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    uris = (line.rstrip("/") for line in used.stdout.splitlines())
    return next((uri for uri in uris if uri.endswith("/debian")), MIRROR)


class Container:
    """A container: its files, what its image says of it, and how its processes start."""

    def __init__(self, root, config, history):
        self.root, self.config, self.history = root, config, history

    def _command(self, volume, words, environment):
        user, _, group = self.config["User"].partition(":")
        variables = dict(entry.split("=", 1) for entry in self.config["Env"]) | environment
        script = (
            'mount --bind "$1" "$1" && mount --bind "$2" "$1/data" && mount -t proc proc "$1/proc"'
            ' && mount -o remount,bind,ro "$1" && cd "$1" && shift 2 && exec "$@"'
        )
        closed = ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
        who = ("--reuid", user, "--regid", group, "--clear-groups")
        entered = (
            "chroot", self.root, "/usr/bin/env", "-i", "-C", self.config["WorkingDir"],
            *(f"{name}={value}" for name, value in variables.items()), *closed, *who, *words,
        )  # fmt: skip
        return [*NAMESPACES, "sh", "-ec", script, "sh", self.root, volume, *entered]

    def run(self, volume, *words, **environment):
        """Run a command to its end, beside or without the bot, as `kubectl exec` does."""
        return subprocess.run(
            list(map(str, self._command(volume, words, environment))),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def start(self, volume, output, **environment):
        """Start what the image starts; yield its process, which is the first of its namespace."""
        words = [*self.config["Entrypoint"], *self.config["Cmd"]]
        with output.open("ab") as written:
            process = subprocess.Popen(
                list(map(str, self._command(volume, words, environment))),
                stdout=written,
                stderr=written,
            )
        try:
            yield Running(process)
        finally:
            process.kill()
            process.wait(10)


class Running:
    """A started container."""

    def __init__(self, process):
        self._process = process

    @property
    def has_ended(self):
        """Whether it runs no more."""
        return self._process.poll() is not None

    def signal(self, number):
        """Send a signal to the container's first process; return how it ended."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        (first,) = map(int, children.read_text().split())
        os.kill(first, number)
        return self._process.wait(30)

    def status(self):
        """Return what the kernel says of the container's first process."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        (first,) = children.read_text().split()
        lines = Path(f"/proc/{first}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
