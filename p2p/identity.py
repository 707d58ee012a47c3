"""The node's network key: an Ed25519 key in a file of its own, mode 0600, from which the peer id is derived.

It never leaves this package, is not a wallet key, and a damaged file is refused rather than replaced. The peer id is the
identity multihash of the libp2p public key record, in base58, so no host has to be started to know it.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Identity:
    """An Ed25519 seed (32 bytes) and its public key (32 bytes)."""

    seed: bytes
    public_key: bytes

    @property
    def peer_id(self) -> str: ...


def load_or_create_identity(path: Path) -> Identity:
    """Read the identity at `path`, or create it with mode 0600. Raises IdentityError for a damaged or exposed file."""
    raise NotImplementedError


def peer_id_of(public_key: bytes) -> str:
    """The libp2p peer id of an Ed25519 public key (32 bytes)."""
    raise NotImplementedError
