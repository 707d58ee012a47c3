"""Takes out of a recording what tells where people are: addresses, peer ids, paths, and what was asked.

Names that belong together stay together: the same peer id becomes the same made-up one within a recording, and nobody
can compute it back, since the key of that is forgotten. Accounts stay: they are public on the chain.
"""

import hashlib
import ipaddress
import re
from typing import Final

import msgspec

from node.control.recording import Entry

_PEER_ID: Final = re.compile(r"\b(?:12D3KooW[1-9A-HJ-NP-Za-km-z]{44}|Qm[1-9A-HJ-NP-Za-km-z]{44})\b")
_SHORT_ID: Final = re.compile(r"\b12D3[1-9A-HJ-NP-Za-km-z]{0,8}…[1-9A-HJ-NP-Za-km-z]{2,10}")
_HOST: Final = re.compile(r"/(ip4|ip6|dns|dns4|dns6|dnsaddr)/[^/\s\"']+")
_IP4: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_IP6: Final = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")
_URL: Final = re.compile(r"\b(https?|wss?)://[^\s\"'<>)]+")
_PATH: Final = re.compile(r"(?<![\w/.:])(?:/[\w.@%+~-]+){2,}|\b[A-Za-z]:\\[^\s\"']+")
_INVITE: Final = re.compile(r"\bnd1[0-9A-Za-z_-]{16,}")
_MADE_UP_HOST: Final = {"ip4": "192.0.2.1", "ip6": "2001:db8::1"}
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PRIVATE: Final = frozenset({"preview", "question", "prompt", "answer", "hostname"})
_DEPTH_MAX: Final = 32


class Scrubber:
    """Scrubs the entries of one recording; `key` is random bytes that nobody keeps."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def entry(self, entry: Entry) -> Entry:
        """Return the entry without what would tell a place or a question."""
        return Entry(entry.t, entry.kind, entry.method, self._raw(entry.params), self._raw(entry.data))

    def text(self, text: str) -> str:
        """Return one text scrubbed."""
        text = _INVITE.sub("nd1scrubbed", text)
        text = _URL.sub(lambda found: f"{found[1]}://192.0.2.1", text)
        text = _HOST.sub(lambda found: f"/{found[1]}/{_MADE_UP_HOST.get(found[1], 'host.invalid')}", text)
        text = _PEER_ID.sub(lambda found: self._peer(found[0]), text)
        text = _SHORT_ID.sub("12D3…", text)
        text = _IP4.sub("192.0.2.1", text)
        text = _IP6.sub(lambda found: "2001:db8::1" if _is_address(found[0]) else found[0], text)
        return _PATH.sub(lambda found: found[0] if _is_multiaddress(found[0]) else "/scrubbed", text)

    def _peer(self, peer_id: str) -> str:
        number = int.from_bytes(hashlib.blake2b(peer_id.encode(), key=self._key, digest_size=40).digest())
        letters = []
        for _ in range(44):
            number, digit = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[digit])
        return f"12D3KooW{''.join(letters)}"

    def _raw(self, raw: msgspec.Raw) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(self._value(msgspec.json.decode(raw), 0)))

    def _value(self, value: object, depth: int) -> object:
        if depth > _DEPTH_MAX:
            return None
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._value(each, depth + 1) for each in value]
        if isinstance(value, dict):
            return {
                self.text(key): "" if key in _PRIVATE and isinstance(each, str) else self._value(each, depth + 1)
                for key, each in value.items()
            }
        return value


def _is_address(text: str) -> bool:
    """Tell an address from a time of day, which has colons too."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_multiaddress(path: str) -> bool:
    return path.split("/", 2)[1] in ("ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr", "p2p", "tcp", "udp")
