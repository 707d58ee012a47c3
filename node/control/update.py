"""Asking an address of the user's own choice which version is the newest. Nothing is fetched, installed or remembered.

The answer is JSON: `{"version": "0.2.0", "page": "https://…", "notes": "one line"}`, the latter two optional. Without a
configured address nobody is asked; there is no address in this program.
"""

import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import msgspec

from node.control.errors import BadUpdate
from node.control.limits import UPDATE_BYTES_MAX, UPDATE_TIMEOUT_S
from node.control.schema import View

_VERSION: Final = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){0,3})(?:[-.]?(a|alpha|b|beta|rc|dev)[-.]?(\d{0,6}))?", re.ASCII)
_STAGES: Final = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "rc": 3}
_RELEASE: Final = 4
Text = Annotated[str, msgspec.Meta(max_length=500)]


class Latest(msgspec.Struct, frozen=True):
    """What the address answers; unknown fields are ignored."""

    version: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    page: Text = ""
    notes: Text = ""


class Update(View, frozen=True):
    """The outcome: this version, the newest one, and whether that is newer than this."""

    current: str
    latest: str
    newer: bool
    page: str = ""
    notes: str = ""


def check(address: str, current: str, read: Callable[[str], bytes] | None = None) -> Update:
    """Ask `address` (https:// or file:///) for the newest version. Blocks for UPDATE_TIMEOUT_S at most.

    Raises:
        BadUpdate: it cannot be reached, or answers something else.
    """
    data = (read or fetch)(address)
    if len(data) > UPDATE_BYTES_MAX:
        raise BadUpdate(f"{address} answers with more than {UPDATE_BYTES_MAX >> 10} KiB.")
    try:
        found = msgspec.json.decode(data, type=Latest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadUpdate(f"{address} does not answer with a version: {str(error)[:120]}.") from error
    newer = order(found.version) > order(current)
    return Update(current, found.version, newer, found.page if found.page.startswith("https://") else "", found.notes)


def check_own(address: str) -> Update:
    """Ask for a version newer than this program. Blocks; raises as `check`."""
    from node.version import __version__

    return check(address, __version__)


def order(version: str) -> tuple[tuple[int, ...], int, int]:
    """Return what versions are compared by: 0.2.0rc1 is before 0.2.0. Raises BadUpdate for what is no version."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        raise BadUpdate(f"{version[:40]!r} is no version.")
    numbers = tuple(int(each) for each in found[1].split("."))
    stage = _STAGES[found[2]] if found[2] else _RELEASE
    return numbers + (0,) * (4 - len(numbers)), stage, int(found[3] or 0)


def fetch(address: str) -> bytes:
    """Return the first bytes behind an address. Raises BadUpdate."""
    parts = urlsplit(address)
    try:
        if parts.scheme == "file" and not parts.netloc:
            with Path(unquote(parts.path)).open("rb") as file:
                return file.read(UPDATE_BYTES_MAX + 1)
        if parts.scheme != "https" or not parts.hostname:
            raise BadUpdate(f"{address[:80]!r} is neither https:// nor file:///.")
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=ssl.create_default_context()), _OnlySecure()
        )
        request = urllib.request.Request(address, headers={"User-Agent": "neurond", "Accept": "application/json"})
        with opener.open(request, timeout=UPDATE_TIMEOUT_S) as answer:
            data: bytes = answer.read(UPDATE_BYTES_MAX + 1)
            return data
    except (OSError, HTTPException, ValueError) as error:  # ValueError: an address that only looks like one
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise BadUpdate(f"{address[:80]} cannot be read: {str(reason)[:120]}.") from error


class _OnlySecure(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to another https address."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if not newurl.startswith("https://"):
            raise urllib.error.URLError("it leads to an address without https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
