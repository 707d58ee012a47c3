"""The file of a configuration: read with a bound, written whole or not at all, by one writer at a time.

A link is followed, so that people may keep the file elsewhere. A file that others may change is not used: it decides
where keys are looked for and which servers are asked.
"""

import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.control.errors import BadConfig, ConfigChanged, ConfigUnusable
from node.control.limits import CONFIG_BYTES_MAX, CONFIG_LOCK_WAIT_S

if sys.platform == "win32":  # it has no advisory locks of this kind
    fcntl = None
else:
    import fcntl

_POLL_S: Final = 0.02
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Source:
    """What a file held when it was read; `digest` is empty where there was none."""

    path: Path
    text: str = ""
    digest: str = ""

    @property
    def exists(self) -> bool:
        return bool(self.digest)


def read(path: Path) -> Source:
    """Return the text of the file, an empty one when there is none.

    Raises:
        ConfigUnusable: it cannot be read, is no file, too large, or others may change it. BadConfig: no text.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        if path.is_symlink():
            raise ConfigUnusable(f"{path} is a link that leads nowhere.") from None
        return Source(path)
    except OSError as error:
        raise ConfigUnusable(f"{path} cannot be read: {error.strerror}.") from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise ConfigUnusable(f"{path} is no file.")
    with os.fdopen(descriptor, "rb") as file:
        if os.name == "posix":
            _check_owner(path, facts)
        data = file.read(CONFIG_BYTES_MAX + 1)
    if len(data) > CONFIG_BYTES_MAX:
        raise ConfigUnusable(
            f"{path} is larger than {CONFIG_BYTES_MAX >> 10} KiB; no configuration is.", remedy="Is it another file?"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadConfig(f"{path}, line {line}: it is not text in UTF-8.") from error
    return Source(path, text.replace("\r\n", "\n"), hashlib.blake2b(data, digest_size=16).hexdigest())


def change(path: Path, edit: Callable[[str], str], *, expected: str | None = None) -> Source:
    """Replace the text of the file by what `edit` makes of it, while nobody else writes; return what it held before.

    `expected` is the digest of the text that the change was made for; None takes whatever is there.

    Raises:
        ConfigChanged: it holds something else by now. ConfigUnusable: it cannot be written. What `edit` raises.
    """
    with _lock(path):
        before = read(path)
        if expected is not None and before.digest != expected:
            raise ConfigChanged(f"{path} was changed by somebody else in the meantime.")
        text = edit(before.text)
        if len(text.encode()) > CONFIG_BYTES_MAX:
            raise ConfigUnusable(f"{path} would be larger than {CONFIG_BYTES_MAX >> 10} KiB.")
        if text != before.text:
            _replace(path, text)
    return before


def _replace(path: Path, text: str) -> None:
    try:
        target = path.resolve(strict=False)  # through a link to the file that people keep elsewhere
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _FILE_MODE
        draft = target.with_name(f".{target.name}.{os.getpid()}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(draft, target)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError) as error:  # the latter: a circle of links
        reason = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise ConfigUnusable(f"{path} cannot be written: {reason}.") from error


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock beside the file; the operating system lets go of it when the process ends, however it ends."""
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        name = path.with_name(f".{path.name}.lock")
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), _FILE_MODE)
    except OSError as error:
        raise ConfigUnusable(f"{path.parent} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb"):
        if fcntl is not None:
            _wait_for(descriptor, path)
        yield


def _wait_for(descriptor: int, path: Path) -> None:
    if fcntl is None:
        return
    give_up_s = time.monotonic() + CONFIG_LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > give_up_s:
                raise ConfigUnusable(
                    f"{path} is being written by another process.", remedy="Try again when that one is done."
                ) from None
            time.sleep(_POLL_S)
        except OSError as error:  # a file system without locks
            raise ConfigUnusable(f"{path} cannot be locked: {error.strerror}.") from error


def _check_owner(path: Path, facts: os.stat_result) -> None:
    if facts.st_mode & stat.S_IWOTH:
        raise ConfigUnusable(f"Everybody on this machine may change {path}.", remedy=f"Run: chmod 600 '{path}'")
    if facts.st_uid not in (os.getuid(), 0):
        raise ConfigUnusable(f"{path} belongs to another user of this machine.")
