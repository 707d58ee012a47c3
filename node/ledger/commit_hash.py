"""The hash that a validator commits to, so that nobody can copy its weights before they count.

BLAKE2b-256 over SCALE (little-endian integers, lists with a compact length before them) of hotkey, netuid, uids,
values, salt and version key. The hotkey is in it, so a copied hash cannot be revealed by the copier.
"""

import hashlib
from collections.abc import Sequence

from node.primitives.types import HASH_BYTES, AccountId, Hash, NetUid


def commit_hash(
    hotkey: AccountId,
    netuid: NetUid,
    uids: Sequence[int],
    values: Sequence[int],
    salt: Sequence[int],
    version_key: int,
) -> Hash:
    """The hash for `CommitWeights`; uids, values and salt are u16 each."""
    parts = (hotkey, netuid.to_bytes(2, "little"), _list(uids), _list(values), _list(salt))
    return Hash(hashlib.blake2b(b"".join(parts) + version_key.to_bytes(8, "little"), digest_size=HASH_BYTES).digest())


def _list(numbers: Sequence[int]) -> bytes:
    """At most 16 383 numbers: a compact length of one byte below 64, of two above."""
    count = len(numbers)
    length = (count << 2).to_bytes(1, "little") if count < 64 else (count << 2 | 1).to_bytes(2, "little")
    return length + b"".join(number.to_bytes(2, "little") for number in numbers)
