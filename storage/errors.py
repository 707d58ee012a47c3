"""The error tree of the store: what can go wrong with files and databases, each with what to do.

One tree of its own, because this package knows nothing of the node.

    StorageError
    ├── Locked          another process holds the database
    ├── HomeInUse       a second daemon on one home
    ├── Corrupted       the file is no longer a sound database
    ├── WrongDatabase   a sound database, but not the one expected
    ├── TooNew          written by a later version of this program
    ├── TooOld          of an earlier form, and in use by an earlier version
    ├── DiskFull        no room left; nothing was lost
    ├── Inaccessible    permissions, read-only media, input/output errors
    ├── OutOfBounds     a value larger than a bound of storage.limits
    ├── Inconsistent    a commit that contradicts what is stored
    ├── Closed          used after close
    ├── SignRefused     signing this could be signing twice
    └── CopiedHome      the signing record comes from another machine or is a copy
"""

from pathlib import Path
from typing import ClassVar


class StorageError(Exception):
    """Something expected went wrong in the store; `code` is stable, `str(error)` also says what to do."""

    code: ClassVar[str] = "storage_error"
    remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.remedy if remedy is None else remedy

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Locked(StorageError):
    """Another process holds the database."""

    code = "storage_locked"
    remedy = "Close the other program that has this file open and try again."


class HomeInUse(StorageError):
    """A daemon already runs on this home; `pid` is its process id when it could be read."""

    code = "home_in_use"
    remedy = "Attach to it, stop it first (neurond down), or choose another home (--home DIR)."

    def __init__(self, home: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(f"A node already runs on {home} ({who}).")
        self.pid = pid


class Corrupted(StorageError):
    """The file is not a sound database any more."""

    code = "storage_corrupted"
    remedy = "Stop the node and move the file aside; keep the copy until the node runs again."


class WrongDatabase(StorageError):
    """The file is a database of another kind or another program."""

    code = "storage_wrong_database"
    remedy = "Check the home directory (--home DIR); move the foreign file aside."


class TooNew(StorageError):
    """The database was written by a later version of this program."""

    code = "storage_too_new"
    remedy = "Upgrade neurond to the version that wrote it, or choose another home (--home DIR)."


class TooOld(StorageError):
    """The database has an earlier form, and another process may be using it."""

    code = "storage_too_old"
    remedy = "Start the node again with this version of neurond; it brings the database to the present form."


class DiskFull(StorageError):
    """There is no room for the write; it was undone as a whole."""

    code = "disk_full"
    remedy = "Free some space and start the node again; everything committed before is intact."


class Inaccessible(StorageError):
    """The operating system refuses to read or write the file."""

    code = "storage_inaccessible"
    remedy = "Check that the file and its directory belong to you, are writable, and that the disk is healthy."


class OutOfBounds(StorageError):
    """A value is larger than the store takes."""

    code = "storage_out_of_bounds"
    remedy = "Nothing was written; `neurond logs` shows what was to be stored."


class Inconsistent(StorageError):
    """A commit contradicts what is stored; nothing of it was written."""

    code = "storage_inconsistent"
    remedy = "Start the node again; if it comes back, stop it and run `neurond db check`."


class Closed(StorageError):
    """The store was used after it was closed."""

    code = "storage_closed"
    remedy = "Start the node again."


class SignRefused(StorageError):
    """Signing at this position could contradict an earlier signature."""

    code = "sign_refused"
    remedy = "Nothing was signed; the node goes on at the next position."


class CopiedHome(StorageError):
    """The signing record was made on another machine, or is a copy: the original may still sign."""

    code = "copied_home"
    remedy = (
        "Two nodes that sign with one key are punished. Make sure that the original never runs again, "
        "then start once with --accept-copied-home."
    )
