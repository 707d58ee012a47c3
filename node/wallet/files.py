"""Key files on disk: private, whole or not there, and never overwritten by accident.

A file is written beside its place, flushed, and then linked or renamed into it, so that a crash leaves the old file or
the new one. Reads are bounded and refuse private keys that others may read or change.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.primitives.errors import WalletError
from node.wallet.errors import BadKeyFile, KeyFileInaccessible, KeyFilePermissions, WalletExists, WalletNotFound
from node.wallet.limits import KEY_FILE_BYTES_MAX

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
_OTHERS: Final = 0o077  # every right of group and others
TEMPORARY_PREFIX: Final = ".new-"


def read_file(path: Path, *, private: bool, bytes_max: int = KEY_FILE_BYTES_MAX) -> bytes:
    """Return the bytes of a small file; symbolic links are followed, what they lead to is checked.

    Raises:
        WalletNotFound: there is none.
        KeyFilePermissions: it is private, yet belongs to somebody else, or group or others have any right on it.
        BadKeyFile: it is too large or no regular file.
        KeyFileInaccessible: the operating system refuses.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a named pipe must not block us
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise BadKeyFile(f"{path} is no regular file.")
            if private:
                _check_private(path, facts)
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(bytes_max + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise WalletNotFound(f"There is no {path}.") from error
    except OSError as error:
        raise inaccessible(error, path) from error
    if len(data) > bytes_max:
        raise BadKeyFile(f"{path} is larger than {bytes_max} bytes.")
    return data


def private_to_owner(path: Path) -> bool:
    """Tell whether only the owner has rights on the file; yes where that cannot be seen."""
    try:
        return not stat.S_IMODE(path.stat().st_mode) & _OTHERS
    except OSError:
        return True


def entries(directory: Path, count_max: int) -> list[Path]:
    """Return the entries of a directory by name; none when it is missing.

    Raises:
        WalletError: there are more than `count_max`. KeyFileInaccessible: the operating system refuses.
    """
    try:
        return sorted(_bounded(directory, count_max))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise inaccessible(error, directory) from error


def write_new(path: Path, data: bytes) -> None:
    """Create `path` with `data`, whole or not at all.

    Raises:
        WalletExists: there is a file already; it is untouched.
        KeyFileInaccessible: the operating system refuses.
    """
    temporary = _write_beside(path, data)
    try:
        os.link(temporary, path)  # unlike rename it refuses to replace
        sync_directory(path.parent)
    except FileExistsError as error:
        raise WalletExists(f"{path} exists already.") from error
    except OSError as error:
        raise inaccessible(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at `path`; a crash leaves the old file or the new one."""
    temporary = _write_beside(path, data)
    try:
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise inaccessible(error, path) from error


def write_flushed(path: Path, data: bytes) -> None:
    """Create a private file that must not exist, and have it on disk when this returns."""
    _write_and_flush(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), data)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def inaccessible(error: OSError, path: Path) -> KeyFileInaccessible:
    """Return the error for an operating system's refusal around `path`."""
    return KeyFileInaccessible(f"{path} cannot be read or written ({error.strerror}).")


def _check_private(path: Path, facts: os.stat_result) -> None:
    if stat.S_IMODE(facts.st_mode) & _OTHERS:
        raise KeyFilePermissions(
            f"Others on this machine may read or change {path}.", remedy=f"Run: chmod 600 '{path}'"
        )
    if facts.st_uid != os.geteuid():
        raise KeyFilePermissions(
            f"{path} belongs to another user of this machine.", remedy="Run neurond as that user, or copy the wallet."
        )


def _bounded(directory: Path, count_max: int) -> Iterator[Path]:
    for count, path in enumerate(directory.iterdir(), start=1):
        if count > count_max:
            raise WalletError(f"{directory} holds more than {count_max} entries; is it a wallet directory?")
        yield path


def _write_beside(path: Path, data: bytes) -> Path:
    try:
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)  # private from the start
    except OSError as error:
        raise inaccessible(error, path) from error
    temporary = Path(name)
    try:
        _write_and_flush(descriptor, data)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise inaccessible(error, path) from error
    return temporary


def _write_and_flush(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
