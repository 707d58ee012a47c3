"""A process that commits without end, to be killed: `writer.py chain|signing PATH SEED`; prints what is on disk.

Every line on standard output is written after the call returned, so whatever was printed must be found again.
"""

import hashlib
import random
import sys
from pathlib import Path

from storage import BlockRow, ChainStore, Commit, SignGuard

KEYS = 400


def key(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(4, "big"), digest_size=32).digest()


def changes(height: int) -> dict[bytes, bytes | None]:
    """The net change of one block: a function of its height alone, so that the checker can replay it."""
    chance = random.Random(height)
    return {
        key(number): None if chance.random() < 0.2 else chance.randbytes(chance.randrange(1, 120))
        for number in chance.sample(range(KEYS), 40)
    }


def block_hash(height: int) -> bytes:
    return hashlib.blake2b(b"block" + height.to_bytes(8, "big"), digest_size=32).digest()


def block(height: int) -> BlockRow:
    parent = block_hash(height - 1) if height else bytes(32)
    body = random.Random(~height).randbytes(3000)
    return BlockRow(block_hash(height), parent, height, height, b"header %d" % height, body)


def commits(height: int) -> tuple[Commit, Commit]:
    """What makes the block at `height` stored, and then final."""
    final = Commit(
        finalised=((height, block_hash(height)),),
        certificates=((height, block_hash(height), b"certificate %d" % height),),
        state=changes(height),
        events=((height, 0, b"event %d" % height),),
        meta={"marker": height.to_bytes(8, "big")},
    )
    return Commit(blocks=(block(height),)), final


def write_chain(path: Path) -> None:
    store = ChainStore.open(path)
    tip = store.tip()
    height = 0 if tip is None else tip.height + 1
    while True:
        for commit in commits(height):
            store.commit(commit)
        print(height, flush=True)
        height += 1


def write_signing(path: Path, seed: int) -> None:
    guard = SignGuard.open(path)
    last = guard.position("votes")
    height = 0 if last is None else last[0] + 1
    chance = random.Random(seed)
    while True:
        guard.advance("votes", (height, 0), key(height))
        print(height, flush=True)
        height += chance.randrange(1, 4)


if __name__ == "__main__":
    if sys.argv[1] == "chain":
        write_chain(Path(sys.argv[2]))
    else:
        write_signing(Path(sys.argv[2]), int(sys.argv[3]))
