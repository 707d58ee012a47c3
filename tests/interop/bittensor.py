"""Runs Bittensor's own package in an environment of its own: made once a version, kept in a cache of the user.

Must never write into the repository, never touch neurond's environment, and never fail a test because the machine has
no internet: `prepare` then says why it cannot run. It downloads some hundred packages, so it runs only when asked to.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.interop.javascript import CannotRun, cache_root

ASKED: Final = "NEUROND_INTEROP"
VERSIONS: Final = ("8.5.2", "10.5.0", "11.3.0")
"""The last of each line that wallets are made with today."""
PEER: Final = Path(__file__).with_name("peer") / "their_wallet.py"
INSTALL_TIMEOUT_S: Final = 600
RUN_TIMEOUT_S: Final = 120


def prepare(version: str) -> Path:
    """Return the Python of an environment with this version of bittensor. Raises CannotRun."""
    if not os.environ.get(ASKED):
        raise CannotRun(f"it installs bittensor {version}: set {ASKED}=1 to run it")
    kept = cache_root() / f"bittensor-{version}-py{sys.version_info.major}{sys.version_info.minor}"
    python = kept / "bin" / "python"
    if (kept / "installed").exists():
        return python
    shutil.rmtree(kept, ignore_errors=True)
    try:
        _run([sys.executable, "-m", "venv", os.fspath(kept)])
        _run([os.fspath(python), "-m", "pip", "install", "--quiet", f"bittensor=={version}"])
    except CannotRun:
        shutil.rmtree(kept, ignore_errors=True)
        raise
    (kept / "installed").touch()
    return python


def ask(python: Path, task: str, root: Path, question: dict[str, Any]) -> dict[str, Any]:
    """Have the peer open or make a wallet below `root`; its home is a throwaway folder."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [os.fspath(python), os.fspath(PEER), task, os.fspath(root)],
            input=json.dumps(question), capture_output=True, text=True, timeout=RUN_TIMEOUT_S,
            env={"HOME": home, "PATH": os.environ["PATH"]}, cwd=home,
        )  # fmt: skip
    if done.returncode != 0:
        raise AssertionError(f"bittensor failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise CannotRun(f"nothing was installed within {INSTALL_TIMEOUT_S} s") from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["it did not say why"]
        raise CannotRun(f"pip cannot install it: {said[0][:200]}")
