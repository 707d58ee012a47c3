"""A Merkle tree whose nodes also carry the sum of the sizes below them. Pure.

Whoever knows the root and the total can ask for the leaf that covers a given byte: the proof shows the leaf, that it is
the one, and that its claimed size is part of the claimed total. So a sample by bytes needs no list of the leaves, and a
size that is exaggerated anywhere is met as often as it counts.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.primitives.codec import Wire
from node.primitives.crypto import digest
from node.primitives.types import HASH_BYTES, ZERO_HASH, Hash
from node.subnets.data_universe.limits import PROOF_STEPS_MAX

SUM_MAX: Final = 2**63 - 1


class Step(Wire, frozen=True):
    """One neighbour on the way to the root: whether it lies to the left, its hash and its sum."""

    is_left: bool
    hash: bytes
    size: int


class Proven(NamedTuple):
    """What a proof shows: the root, the sum of all leaves, and the sum of those before this one."""

    root: Hash
    total: int
    before: int


def node_hash(left: bytes, left_size: int, right: bytes, right_size: int) -> Hash:
    """The hash over two neighbours."""
    return digest("du-node", left, left_size.to_bytes(8, "big"), right, right_size.to_bytes(8, "big"))


class SumTree:
    """The tree over (hash, size) leaves; about 1.5 us and 80 bytes a leaf. An empty one has a root of zeros."""

    def __init__(self, leaves: Sequence[tuple[bytes, int]]) -> None:
        self._levels: list[list[tuple[bytes, int]]] = [list(leaves)]
        while len(self._levels[-1]) > 1:
            level = self._levels[-1]
            above: list[tuple[bytes, int]] = []
            for at in range(0, len(level) - 1, 2):
                (left, left_size), (right, right_size) = level[at], level[at + 1]
                above.append((node_hash(left, left_size, right, right_size), left_size + right_size))
            if len(level) % 2:
                above.append(level[-1])  # an odd one moves up as it is
            self._levels.append(above)

    @property
    def root(self) -> Hash:
        return Hash(self._levels[-1][0][0]) if self._levels[-1] else ZERO_HASH

    @property
    def total(self) -> int:
        return self._levels[-1][0][1] if self._levels[-1] else 0

    def find(self, offset: int) -> tuple[int, int]:
        """Index of the leaf that covers a byte, and the sum before it; the byte is below `total`."""
        at, before = 0, 0
        for level in reversed(self._levels[:-1]):
            at *= 2
            if offset >= before + level[at][1]:
                before += level[at][1]
                at += 1
        return at, before

    def prove(self, index: int) -> tuple[Step, ...]:
        """The neighbours of a leaf, from the bottom up."""
        steps: list[Step] = []
        for level in self._levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                steps.append(Step(beside < index, *level[beside]))
            index //= 2
        return tuple(steps)


def follow(leaf: bytes, size: int, steps: Sequence[Step]) -> Proven | None:
    """Where the steps lead from a leaf; None when they cannot be a proof."""
    if len(steps) > PROOF_STEPS_MAX or not 0 <= size <= SUM_MAX:
        return None
    node, total, before = leaf, size, 0
    for step in steps:
        if len(step.hash) != HASH_BYTES or not 0 <= step.size <= SUM_MAX - total:
            return None
        if step.is_left:
            node, before = node_hash(step.hash, step.size, node, total), before + step.size
        else:
            node = node_hash(node, total, step.hash, step.size)
        total += step.size
    return Proven(Hash(node), total, before)
