"""The checks that need no running node: program, disk, memory, keys, database, models, GPU.

Each returns one row and raises nothing; all of them block, so a daemon runs them in a thread. Nothing is changed.
"""

import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from models import ModelError, find_entry, is_ready
from node.control.paths import wallets_path
from node.control.schema import Check, CheckState
from node.service.home import Home
from node.service.model_store import ChosenModel
from node.service.surroundings import surroundings
from node.version import __version__
from storage import StorageError
from storage.quick_check import quick_check

if sys.platform == "win32":  # it has no limits of this kind
    resource = None
else:
    import resource

_MB: Final = 1_000_000
DISK_WARN_BYTES: Final = 2_000 * _MB  # a model and weeks of blocks
DISK_BAD_BYTES: Final = 200 * _MB  # the database refuses to grow soon
OPEN_FILES_WARN: Final = 512  # left: 64 peers with three connections each, files, and room for clients
OPEN_FILES_BAD: Final = 64  # the next few connections fail
MEMORY_WARN_BYTES: Final = 600 * _MB  # what a node with one small model uses
MEMORY_BAD_BYTES: Final = 100 * _MB
DATABASE_CHECK_S: Final = 5.0
COMMANDS_SHOWN_MAX: Final = 4  # one line of advice
WALLET_FILES_MAX: Final = 1000  # looked at; a wallet folder of thousands is nobody's
_PARTS: Final = ("libp2p", "trio", "onnxruntime-gpu", "onnxruntime")


def local_checks(home: Home, model: ChosenModel, store: Path) -> tuple[Check, ...]:
    """Return every row that can be told without a network."""
    looks: tuple[Callable[[], Check], ...] = (
        check_versions,
        lambda: check_disk(home.path),
        check_memory,
        check_open_files,
        check_machine,
        lambda: check_permissions(home),
        lambda: check_database(home.chain),
        lambda: check_models(model, store),
        check_gpu,
    )
    return tuple(_safely(look) for look in looks)


def check_versions() -> Check:
    """Which program and libraries run."""
    found = [f"neurond {__version__}", f"Python {platform.python_version()}"]
    for name in _PARTS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return Check("versions", "ok", ", ".join(found))


def check_disk(path: Path) -> Check:
    """Room on the disk of the home."""
    free = shutil.disk_usage(_existing(path)).free
    state = _state(free, DISK_WARN_BYTES, DISK_BAD_BYTES)
    fix = "" if state == "ok" else f"Free space on the disk of {path}, or move the home to a larger one (--home)."
    return Check("disk", state, f"{free / 1e9:.1f} GB free", fix)


def check_memory() -> Check:
    """Memory that programs can still get, and what this process uses."""
    free = psutil.virtual_memory().available
    used = psutil.Process().memory_info().rss
    state = _state(free, MEMORY_WARN_BYTES, MEMORY_BAD_BYTES)
    fix = "" if state == "ok" else "Close other programs, or choose a smaller model (--model)."
    return Check("memory", state, f"{free / 1e9:.1f} GB free, this process uses {used / 1e6:.0f} MB", fix)


def check_open_files() -> Check:
    """How many files and connections this process may have open; each peer takes some, each stream of a model one."""
    if resource is None:
        return Check("open files", "ok", "this system has no such limit")
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = psutil.Process().num_fds()
    if allowed == resource.RLIM_INFINITY:
        return Check("open files", "ok", f"{used} of any number")
    state = _state(allowed - used, OPEN_FILES_WARN, OPEN_FILES_BAD)
    fix = "" if state == "ok" else "Raise the limit before the start: `ulimit -n 4096`, or LimitNOFILE= of the service."
    return Check("open files", state, f"{used} of {allowed:,}", fix)


def check_machine() -> Check:
    """What the node runs on; a container or WSL stands between it and those who would dial it."""
    within = {"plain": "", "container": ", in a container", "WSL": ", in WSL"}[surroundings()]
    cores = os.cpu_count() or 1
    return Check("machine", "ok", f"{platform.system()} {platform.machine()}, {cores} cores{within}")


def check_permissions(home: Home) -> Check:
    """Whether others on this machine could read or change keys."""
    if os.name != "posix":
        return Check("keys", "ok", "access rights are the operating system's here")
    open_to_others = [path for path in _private_paths(home) if path.lstat().st_mode & 0o077]
    if not open_to_others:
        return Check("keys", "ok", "home and key files are this user's alone")
    more = f" and {len(open_to_others) - 1} more" if len(open_to_others) > 1 else ""
    commands = "; ".join(
        f"chmod {'700' if stat.S_ISDIR(path.lstat().st_mode) else '600'} '{path}'"
        for path in open_to_others[:COMMANDS_SHOWN_MAX]
    )
    again = ", then look again" if len(open_to_others) > COMMANDS_SHOWN_MAX else ""
    return Check("keys", "bad", f"others may read or change {open_to_others[0]}{more}", f"Run: {commands}{again}")


def check_database(path: Path) -> Check:
    """The structure of the chain's database, as far as a few seconds go."""
    if not path.exists():
        return Check("database", "warn", "there is none yet", "Start the node: `neurond up`, or `neurond join`.")
    size = f"{path.stat().st_size / 1e6:.0f} MB"
    try:
        outcome = quick_check(path, DATABASE_CHECK_S)
    except StorageError as error:
        return Check("database", "bad", error.message, error.hint or "Stop the node and run `neurond db check`.")
    if outcome == "unfinished":
        return Check("database", "ok", f"{size}, sound as far as {DATABASE_CHECK_S:.0f} s of looking went")
    return Check("database", "ok", f"{size}, sound")


def check_models(model: ChosenModel, store: Path) -> Check:
    """Whether the model that this node would serve is in the store and whole."""
    if model.bundle is not None:
        there = model.bundle.is_dir()
        fix = "" if there else "Correct --model: it names a folder of your own."
        return Check("model", "ok" if there else "bad", f"{model.name}, in {model.bundle}", fix)
    try:
        find_entry(model.name)
        ready = is_ready(model.name, store)
    except ModelError as error:
        return Check("model", "bad", str(error), "See `neurond models list`.")
    if ready:
        return Check("model", "ok", f"{model.name} is whole, in {store}")
    fix = f"Run `neurond models pull {model.name}`; miners and validators need it, stakers do not."
    return Check("model", "warn", f"{model.name} is not in {store}, or not whole", fix)


def check_gpu() -> Check:
    """What really runs models here; a card that is there and unused is worth a look."""
    from models import runtime_report  # this check alone needs the runtime
    from models.providers import CUDA

    report = runtime_report()
    if CUDA in report.usable:
        return Check("GPU", "ok", f"CUDA works (onnxruntime {report.version})")
    idle = "no NVIDIA driver" not in report.cuda_note and CUDA in report.built_for
    fix = "Install the cuda extra (pip install 'neurond[cuda]') or a newer driver." if idle else ""
    return Check("GPU", "warn" if idle else "ok", f"models run on the CPU: {report.cuda_note}", fix)


def _private_paths(home: Home) -> Iterator[Path]:
    """The home, its keys and records, and the files of its wallets."""
    for path in (home.path, home.identity, home.signing, home.peers):
        if path.exists():
            yield path
    wallets = wallets_path(home.path)
    if wallets.is_dir():
        for count, path in enumerate(wallets.rglob("*")):
            if count >= WALLET_FILES_MAX:
                return
            if not path.stem.endswith("pub"):  # the public half of a key is nobody's secret
                yield path


def _safely(look: Callable[[], Check]) -> Check:
    """A check that fails is a row too."""
    try:
        return look()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Check("files", "bad", f"{where}{error.strerror or error}", "Check the owner and the access rights.")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _state(free: int, warn_below: int, bad_below: int) -> CheckState:
    if free < bad_below:
        return "bad"
    return "warn" if free < warn_below else "ok"
