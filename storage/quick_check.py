"""A short look at a database that may be in use: read-only, within a time that the caller sets.

Must never create, migrate or lock the file; a check that ran out of time has found nothing, not that nothing is wrong.
"""

import sqlite3
import time
from pathlib import Path
from typing import Literal

from storage.errors import Corrupted
from storage.limits import QUICK_CHECK_STEP_OPCODES
from storage.translate import translate

Outcome = Literal["sound", "unfinished"]

_REMEDY = "Stop the node and run `neurond db check`."


def quick_check(path: Path, timeout_s: float) -> Outcome:
    """Check the structure of the SQLite file at `path`: "unfinished" when `timeout_s` was too short for all of it.

    Raises:
        StorageError: Corrupted with the first finding, Inaccessible and others as opening raises them.
    """
    due_s = time.monotonic() + timeout_s
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout_s)
        try:
            connection.set_progress_handler(lambda: time.monotonic() > due_s, QUICK_CHECK_STEP_OPCODES)
            finding = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return "unfinished"
        raise translate(error, path, _REMEDY) from error
    except sqlite3.Error as error:
        raise translate(error, path, _REMEDY) from error
    if finding != "ok":
        raise Corrupted(f"{path} is damaged ({finding}).", remedy=_REMEDY)
    return "sound"
