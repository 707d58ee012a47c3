"""Telling at once whether a text can be an invite or a multiaddress, and what is wrong with it if not."""

import re
from typing import Final

from tui.limits import TARGET_CHARS_MAX

INVITE_PREFIX: Final = "nd1"
_BASE58: Final = re.compile(r"[1-9A-HJ-NP-Za-km-z]*")
_INVITE_CHARS_MIN: Final = 100  # prefix, hash, one address, key and signature take more
_HOST: Final = re.compile(r"/(ip4|ip6|dns|dns4|dns6)/[^/\s]+")
_TRANSPORT: Final = re.compile(r"/(ip4|ip6|dns|dns4|dns6)/[^/\s]+/(tcp|udp)/(\d{1,5})(/.*)?")
_PEER: Final = re.compile(r"/p2p/([1-9A-HJ-NP-Za-km-z]+)$")


def target_fault(text: str) -> str | None:
    """Return what is wrong with an invite or multiaddress, None when nothing obvious is."""
    target = text.strip()
    if not target:
        return "Paste an invite (nd1…) or a multiaddress (/ip4/…/tcp/…/p2p/…)."
    if len(target) > TARGET_CHARS_MAX:
        return f"This is longer than any invite ({len(target)} characters). Copy only the line that begins with nd1."
    if target.startswith(INVITE_PREFIX):
        return _invite_fault(target)
    if target.startswith("/"):
        return _address_fault(target)
    return "This is neither an invite (it begins with nd1) nor a multiaddress (it begins with /ip4, /ip6 or /dns)."


def _invite_fault(target: str) -> str | None:
    body = target[len(INVITE_PREFIX) :]
    fitting = _BASE58.match(body)
    end = fitting.end() if fitting else 0
    if end < len(body):
        place = len(INVITE_PREFIX) + end + 1
        return f"Character {place} ({body[end]!r}) cannot be in an invite. Copy the whole line again."
    if len(target) < _INVITE_CHARS_MIN:
        return f"This invite is cut off after {len(target)} characters. Copy the whole line again."
    return None


def _address_fault(target: str) -> str | None:
    if not _HOST.match(target):
        return "A multiaddress begins with a host, such as /ip4/192.168.1.7 or /dns4/node.example."
    transport = _TRANSPORT.fullmatch(target)
    if transport is None:
        return "After the host a multiaddress names a port, such as /tcp/4001."
    if not 0 < int(transport.group(3)) < 65_536:
        return f"{transport.group(3)} is no port; ports go from 1 to 65535."
    if not _PEER.search(target):
        return "A multiaddress must end in /p2p/ and the peer's id, so that nobody else can answer in its place."
    return None
