"""Proof that a file lies before somebody: a digest over places of it that nobody could know before the question.

The places follow from the question's nonce and the miner's hotkey, so no answer fits two questions or two miners.
"""

import hashlib
from pathlib import Path

from node.primitives.crypto import digest
from node.primitives.types import AccountId, Hash
from node.subnets.chutes.limits import RANGE_BYTES, RANGES


def places(nonce: bytes, miner: AccountId, size: int) -> tuple[tuple[int, int], ...]:
    """(offset, length) of the ranges asked of a file of `size` bytes."""
    length = min(RANGE_BYTES, size)
    stream = hashlib.shake_256(digest("chute-places", nonce, miner)).digest(8 * RANGES)
    free = size - length + 1
    return tuple((int.from_bytes(stream[8 * n : 8 * n + 8], "big") % free, length) for n in range(RANGES))


def proof(path: Path, nonce: bytes, miner: AccountId) -> Hash:
    """What this miner answers about the file. Blocks. Raises OSError."""
    pieces = []
    with path.open("rb") as file:
        for offset, length in places(nonce, miner, path.stat().st_size):
            file.seek(offset)
            pieces.append(file.read(length))
    return digest("chute-hold", nonce, miner, *pieces)
