"""The node's network key: an Ed25519 key in a file of its own, mode 0600, from which the peer id is derived.

It never leaves this package, is not a wallet key, and a damaged file is refused rather than replaced. The peer id is
the identity multihash of the libp2p public key record in base58 (libp2p peer-id specification), so no host has to be
started to know it.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from nacl.signing import SigningKey

from p2p import base58
from p2p.errors import IdentityError
from p2p.files import write_atomically

_MAGIC = b"neurond-peer-key-v1\n"
_SEED_BYTES = 32
_FILE_BYTES = len(_MAGIC) + 2 * _SEED_BYTES

# Protobuf of libp2p's PublicKey{Type: Ed25519, Data: 32 bytes}, inside an identity multihash (code 0, length 36).
_ED25519_RECORD = b"\x08\x01\x12\x20"
_IDENTITY_MULTIHASH = b"\x00\x24"


@dataclass(frozen=True, slots=True)
class Identity:
    """An Ed25519 seed (32 bytes) and its public key (32 bytes)."""

    seed: bytes = field(repr=False)
    public_key: bytes

    @property
    def peer_id(self) -> str:
        """The libp2p peer id in base58."""
        return peer_id_of(self.public_key)

    @classmethod
    def from_seed(cls, seed: bytes) -> "Identity":
        """The identity of a 32-byte seed."""
        return cls(seed, bytes(SigningKey(seed).verify_key))


def peer_id_of(public_key: bytes) -> str:
    """The libp2p peer id of an Ed25519 public key (32 bytes)."""
    return base58.encode(_IDENTITY_MULTIHASH + _ED25519_RECORD + public_key)


def load_or_create_identity(path: Path) -> Identity:
    """Read the identity at `path`, or create it with mode 0600. Raises IdentityError for a damaged or exposed file."""
    try:
        raw = _read(path)
    except FileNotFoundError:
        return _create(path)
    except OSError as error:
        raise IdentityError(
            f"cannot read the network key {path}: {error.strerror}; check its owner and mode"
        ) from error
    return _parse(path, raw)


def _create(path: Path) -> Identity:
    identity = Identity.from_seed(secrets.token_bytes(_SEED_BYTES))
    content = _MAGIC + identity.seed + identity.public_key
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content, mode=0o600)
    except OSError as error:
        raise IdentityError(f"cannot write the network key {path}: {error.strerror}; check the folder") from error
    return identity


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if os.name == "posix" and mode & 0o077:
            raise IdentityError(f"the network key {path} is readable by others; run: chmod 600 {path}")
        return file.read(_FILE_BYTES + 1)


def _parse(path: Path, raw: bytes) -> Identity:
    remedy = "restore it from a backup, or delete it to get a new peer id"
    if len(raw) != _FILE_BYTES or not raw.startswith(_MAGIC):
        raise IdentityError(f"the network key {path} is damaged (not {_FILE_BYTES} bytes of version 1); {remedy}")
    seed = raw[len(_MAGIC) : -_SEED_BYTES]
    identity = Identity.from_seed(seed)
    if identity.public_key != raw[-_SEED_BYTES:]:
        raise IdentityError(f"the network key {path} is damaged (its two halves do not belong together); {remedy}")
    return identity
