"""Runs the js-libp2p peer of `peer/` outside of the tree: its packages in a cache of the user, its facts as JSON lines.

Must never write into the repository and never fail a test because the machine has no node, no npm or no internet:
`prepare` then says why it cannot run.
"""

import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SOURCES: Final = Path(__file__).with_name("peer")
NODE_OLDEST: Final = (20, 19)
INSTALL_TIMEOUT_S: Final = 90
INSTALL: Final = (
    "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
    "--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=1000", "--fetch-timeout=20000",
    "--loglevel=error",
)  # fmt: skip
LAST_LINES: Final = 20

Fact = dict[str, Any]
"""One line of a script: its `event` and what belongs to it."""


class CannotRun(Exception):
    """The JavaScript peer cannot run on this machine; the message says why."""


def prepare(folder: Path) -> Path:
    """Copy the scripts into `folder` beside their packages, which are installed once a user. Raises CannotRun."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise CannotRun(f"no {'node' if node is None else 'npm'} on this machine")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20).stdout.strip()
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if found is None or (int(found[1]), int(found[2])) < NODE_OLDEST:
        raise CannotRun(f"node {version} is older than {'.'.join(map(str, NODE_OLDEST))}")
    for script in SOURCES.iterdir():
        if script.suffix in (".mjs", ".json"):
            shutil.copyfile(script, folder / script.name)
    (folder / "node_modules").symlink_to(installed(npm))
    return folder


def installed(npm: str) -> Path:
    """The folder of the packages that `package.json` names, installed now if need be. Raises CannotRun."""
    wanted = (SOURCES / "package.json").read_bytes()
    root = cache_root()
    kept = root / hashlib.sha256(wanted).hexdigest()[:16]
    if kept.is_dir():
        return kept / "node_modules"
    with tempfile.TemporaryDirectory(dir=root) as fresh:
        (Path(fresh) / "package.json").write_bytes(wanted)
        try:
            done = subprocess.run(
                [npm, *INSTALL], cwd=fresh, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise CannotRun(f"npm installed nothing within {INSTALL_TIMEOUT_S} s") from None
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if "error" in line] or ["it did not say why"]
            raise CannotRun(f"npm cannot install the packages: {said[0][:200]}")
        whole = Path(fresh) / "whole"
        whole.mkdir()
        (Path(fresh) / "node_modules").rename(whole / "node_modules")
        try:
            whole.rename(kept)
        except OSError:
            if not kept.is_dir():  # else somebody else was quicker
                raise
    return kept / "node_modules"


def cache_root() -> Path:
    """A folder of this user that outlives a run, else one of this run."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    root = Path(base) / "neurond-interop"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="neurond-interop-"))
    return root


@dataclass
class Script:
    """A running script and the facts it has told so far."""

    process: "subprocess.Popen[str]"
    facts: list[Fact] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _lines: "queue.Queue[str | None]" = field(default_factory=queue.Queue)

    def read_on(self) -> None:
        """Copy its standard output into the queue until it ends."""
        if self.process.stdout is not None:
            for line in self.process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def until(self, event: str, within_s: float = 30, **fitting: object) -> Fact:
        """The first fact of this kind, told before or from now on; fails when the script ends or falls silent."""
        give_up_s = time.monotonic() + within_s
        seen = 0
        while True:
            for fact in self.facts[seen:]:
                if fact["event"] == event and fitting.items() <= fact.items():
                    return fact
            seen = len(self.facts)
            if not self._next(give_up_s):
                raise AssertionError(f"no {event} {fitting or ''} came:\n{self._last()}")

    def finish(self, within_s: float = 90) -> list[Fact]:
        """Wait for its end and return all of its facts; fails unless it ended well."""
        give_up_s = time.monotonic() + within_s
        while self._next(give_up_s):
            continue
        try:
            code = self.process.wait(max(0.1, give_up_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the script does not end:\n{self._last()}") from None
        if code != 0:
            raise AssertionError(f"the script ended with {code}:\n{self._last()}")
        return self.facts

    def all(self, event: str) -> list[Fact]:
        """The facts of one kind told so far."""
        return [fact for fact in self.facts if fact["event"] == event]

    def _next(self, give_up_s: float) -> bool:
        try:
            line = self._lines.get(timeout=max(0.0, give_up_s - time.monotonic()))
        except queue.Empty:
            return False
        if line is None:
            self._lines.put(None)
            return False
        if line.startswith("{"):
            self.facts.append(json.loads(line))
        else:
            self.said.append(line.rstrip())
        return True

    def _last(self) -> str:
        return "\n".join([*map(json.dumps, self.facts[-LAST_LINES:]), *self.said[-LAST_LINES:]])


@contextmanager
def running(folder: Path, script: str, *arguments: str) -> Iterator[Script]:
    """Run one of the scripts; it is ended with the block at the latest."""
    process = subprocess.Popen(
        ["node", f"{script}.mjs", *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started = Script(process)
    reader = threading.Thread(target=started.read_on, daemon=True)
    reader.start()
    try:
        yield started
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
