"""Hashing with domains, and the one Ed25519 rule of the chain.

Ed25519 verifiers of different libraries disagree on crafted signatures, and nodes that disagree split. Consensus code
therefore calls `verify` of this module and nothing else. It is libsodium's rule (through PyNaCl, range pinned in
pyproject.toml) after a table of our own that refuses small-order keys and R, so that a later libsodium cannot move it.
"""

import hashlib
from typing import Final, Protocol

import nacl.bindings
import nacl.exceptions
import nacl.signing

from node.primitives.errors import CryptoError, invariant
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, SIGNATURE_BYTES, AccountId, Hash

_PERSON_BYTES_MAX = 16
_SIGN_BIT: Final = 1 << 255
_fresh: dict[str, "hashlib.blake2b"] = {}
"""Hash states before the first part, by domain: a copy costs half of a new one."""

# y coordinates (little endian, sign bit cleared) of the points of order 1, 2, 4 and 8, with their non-canonical
# twins p and p+1: a key or R from this list makes one signature fit several messages.
_SMALL_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        2**255 - 20,  # p - 1, order 2
        2**255 - 19,  # p, a second form of 0
        2**255 - 18,  # p + 1, a second form of 1
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)
_SMALL_ORDER: Final = frozenset(
    (y | sign).to_bytes(32, "little") for y in _SMALL_ORDER_Y for sign in (0, _SIGN_BIT)
)  # fmt: skip


class Signer(Protocol):
    """Whoever can sign for one account."""

    @property
    def public(self) -> AccountId:
        """The account, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over `message`."""
        ...


class Verifier(Protocol):
    """The signature check as a parameter, so that a memo or a simulated scheme can stand in its place."""

    def __call__(self, public: bytes, message: bytes, signature: bytes) -> bool: ...


class Ed25519Signer:
    """A key in memory, made from its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != nacl.bindings.crypto_sign_SEEDBYTES:
            raise CryptoError(f"An Ed25519 seed has 32 bytes, not {len(seed)}.")
        self._key = nacl.signing.SigningKey(seed)
        self._public = AccountId(bytes(self._key.verify_key))

    @property
    def public(self) -> AccountId:
        return self._public

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message).signature

    def __repr__(self) -> str:
        return f"Ed25519Signer(public={self._public.hex()})"


def digest(domain: str, *parts: bytes) -> Hash:
    """Return blake2b-256 personalised with `domain` over the parts, each preceded by its length (8 bytes, big endian).

    The length prefix keeps ("ab", "c") apart from ("a", "bc"). Domains are words of the program, never of a peer.
    """
    fresh = _fresh.get(domain)
    if fresh is None:
        person = domain.encode("ascii")
        invariant(0 < len(person) <= _PERSON_BYTES_MAX, f"the hash domain {domain!r} has 1 to 16 ASCII letters")
        fresh = _fresh[domain] = hashlib.blake2b(digest_size=HASH_BYTES, person=person)
    state = fresh.copy()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return Hash(state.digest())


def is_small_order(point: bytes) -> bool:
    """Tell whether the 32-byte encoding is one of the low-order points, whatever its sign bit."""
    return point in _SMALL_ORDER


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) is the account's (32 bytes) over `message`; never raises on hostile input."""
    if len(public) != ACCOUNT_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    if is_small_order(public) or is_small_order(signature[:32]):
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except (nacl.exceptions.BadSignatureError, ValueError):
        return False
    return True
