"""Tells one machine and one file from its copies, so that a copied home is noticed before it signs.

The fingerprint joins the operating system's machine id with the inode of the signing record: a restored backup and a
copied directory have another inode, a renamed directory keeps it. A hint, no proof: an exact disk image passes.
"""

import hashlib
import platform
from pathlib import Path
from typing import Final

from storage.limits import MACHINE_ID_BYTES_MAX
from storage.translate import translate_os

_MACHINE_ID_FILES: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def host_fingerprint(path: Path) -> bytes:
    """Return 32 bytes that change when the file at `path` is copied or carried to another machine."""
    try:
        inode = path.stat().st_ino
    except OSError as error:
        raise translate_os(error, path) from error
    return hashlib.blake2b(_machine_id() + b"\0" + str(inode).encode(), digest_size=32).digest()


def _machine_id() -> bytes:
    for path in _MACHINE_ID_FILES:
        try:
            with path.open("rb") as file:
                text = file.read(MACHINE_ID_BYTES_MAX).strip()
        except OSError:
            continue  # systems without systemd or dbus lack these files
        if text:
            return text
    return platform.node().encode()
