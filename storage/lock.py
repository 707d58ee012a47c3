"""File locks: one daemon on one home.

The lock belongs to the open file and vanishes with the process, however it ends: a lock file left behind means nothing,
and nobody ever has to delete one. A child made by fork without exec shares the lock; start workers with `spawn`.
"""

import fcntl
import os
from pathlib import Path
from typing import Final, Self

from storage.errors import HomeInUse, Locked
from storage.limits import LOCK_FILE_BYTES_MAX
from storage.translate import translate_os

HOME_LOCK_NAME: Final = "daemon.lock"


class FileLock:
    """An exclusive lock on a file that holds the process id of its owner; `acquire` never waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            Locked: another holder lives.
            Inaccessible, DiskFull: the file cannot be opened or written.
        """
        if self._descriptor is not None:
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            except BaseException:
                os.close(descriptor)
                raise
        except BlockingIOError as error:
            raise Locked(f"{self.path} is held by another process.") from error
        except OSError as error:
            raise translate_os(error, self.path) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; may be called again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def owner_pid(self) -> int | None:
        """Return the process id in the file, None when there is none; meaningful only while the lock is held."""
        try:
            with self.path.open("rb") as file:
                text = file.read(LOCK_FILE_BYTES_MAX)
        except OSError:
            return None  # only used to make a message better
        return int(text) if text.strip().isdigit() else None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class HomeLock(FileLock):
    """Held by the daemon as long as it lives: `with HomeLock(home): ...`."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / HOME_LOCK_NAME)
        self._home = home

    def acquire(self) -> None:
        """Take the home.

        Raises:
            HomeInUse: a daemon runs on it; names its process id.
            Inaccessible, DiskFull: the lock file cannot be opened or written.
        """
        try:
            super().acquire()
        except Locked as error:
            raise HomeInUse(self._home, self.owner_pid()) from error
