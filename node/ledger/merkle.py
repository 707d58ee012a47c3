"""The commitment to the state: a compact sparse Merkle tree over 32-byte paths; immutable, with structural sharing.

H is blake2b-256 personalised "merkle". Leaf = H(0x00 | path | H(value)); inner = H(0x01 | left | right); the empty
subtree is 32 zero bytes; a subtree with one leaf is that leaf. So the root depends on the rows alone, not on their
history. Rows are the truth and the tree is a cache: it is rebuilt from rows at start. Rules: docs/protocol.md, "State
root".
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from node.primitives.codec import Wire
from node.primitives.errors import invariant
from node.primitives.limits import MERKLE_DEPTH_MAX
from node.primitives.types import HASH_BYTES, ZERO_HASH, Hash

_PERSON: Final = b"merkle"
_LEAF: Final = b"\x00"
_INNER: Final = b"\x01"


class Leaf(NamedTuple):
    """A subtree with one row."""

    hash: Hash
    path: Hash
    value_hash: Hash


class Inner(NamedTuple):
    """A subtree with at least two rows."""

    hash: Hash
    left: "Node"
    right: "Node"


Node = Leaf | Inner | None
"""A subtree; None is the empty one."""

EMPTY: Final = None
_Row = tuple[Hash, Hash | None]
"""A path and the hash of its new value, or None to remove it."""


class Proof(Wire, frozen=True):
    """What the value under a path is, or that there is none.

    `siblings` from the root downwards; `other` is empty, or (path, value hash) of the leaf found in the place of an
    absent path.
    """

    siblings: tuple[Hash, ...]
    other: tuple[Hash, ...]


def build(rows: Iterable[tuple[Hash, bytes]]) -> Node:
    """The tree over `rows` (path, value), each path once, in ascending order."""
    hashed: list[_Row] = [(path, _hash(value)) for path, value in rows]
    invariant(all(a[0] < b[0] for a, b in itertools.pairwise(hashed)), "rows come in ascending order")
    return _build(hashed, 0, len(hashed), 0)


def update(node: Node, changes: Mapping[Hash, bytes | None]) -> Node:
    """The tree after setting (bytes) and removing (None) rows; shares every untouched subtree with `node`."""
    rows: list[_Row] = [(path, None if value is None else _hash(value)) for path, value in sorted(changes.items())]
    return _update(node, rows, 0, len(rows), 0)


def root_hash(node: Node) -> Hash:
    """The hash that commits to all rows."""
    return ZERO_HASH if node is None else node.hash


def prove(node: Node, path: Hash) -> Proof:
    """The proof of presence or absence of `path`."""
    siblings: list[Hash] = []
    while isinstance(node, Inner):
        if _bit(path, len(siblings)):
            siblings.append(root_hash(node.left))
            node = node.right
        else:
            siblings.append(root_hash(node.right))
            node = node.left
    other = () if node is None or node.path == path else (node.path, node.value_hash)
    return Proof(tuple(siblings), other)


def verify_proof(root: Hash, path: Hash, value: bytes | None, proof: Proof) -> bool:
    """Whether `proof` shows that `path` holds `value` (None: nothing) under `root`; never raises on hostile input."""
    depth = len(proof.siblings)
    if depth > MERKLE_DEPTH_MAX or len(path) != HASH_BYTES:
        return False
    if any(len(part) != HASH_BYTES for part in (*proof.siblings, *proof.other)):
        return False
    if value is not None:
        if proof.other:
            return False
        current = _leaf(path, _hash(value)).hash
    elif proof.other:
        if len(proof.other) != 2 or proof.other[0] == path or not _same_prefix(proof.other[0], path, depth):
            return False
        current = _leaf(proof.other[0], proof.other[1]).hash
    else:
        current = ZERO_HASH
    for level in range(depth - 1, -1, -1):
        sibling = proof.siblings[level]
        current = _join(sibling, current) if _bit(path, level) else _join(current, sibling)
    return current == root


def list_root(items: Sequence[bytes]) -> Hash:
    """The Merkle root of an ordered list (a block's transactions); of none, 32 zero bytes.

    Same H: item = H(0x00 | item), pairs = H(0x01 | left | right) level by level; an odd last node moves up as it is.
    """
    level = [_hash(_LEAF + item) for item in items]
    while len(level) > 1:
        pairs = [_join(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else ZERO_HASH


def _update(node: Node, rows: list[_Row], low: int, high: int, depth: int) -> Node:
    """Apply rows[low:high], all below `node`; at most 256 deep, one frame a bit of a path."""
    if low == high:
        return node
    if node is None:
        return _build(rows, low, high, depth)
    if isinstance(node, Leaf):
        if high - low == 1 and rows[low][0] == node.path:
            value_hash = rows[low][1]
            return None if value_hash is None else _leaf(node.path, value_hash)
        return _build(_merged(node, rows[low:high]), 0, None, depth)
    middle = _split(rows, low, high, depth)
    left = _update(node.left, rows, low, middle, depth + 1)
    right = _update(node.right, rows, middle, high, depth + 1)
    if left is node.left and right is node.right:
        return node
    return _inner(left, right)


def _build(rows: list[_Row], low: int, high: int | None, depth: int) -> Node:
    """The subtree over rows[low:high] alone; removals in it remove nothing."""
    kept = [row for row in rows[low:high] if row[1] is not None]
    return _build_kept(kept, 0, len(kept), depth)


def _build_kept(rows: list[_Row], low: int, high: int, depth: int) -> Node:
    if high - low <= 1:
        return _leaf(rows[low][0], rows[low][1] or ZERO_HASH) if low < high else None
    middle = _split(rows, low, high, depth)
    return _inner(_build_kept(rows, low, middle, depth + 1), _build_kept(rows, middle, high, depth + 1))


def _merged(leaf: Leaf, rows: list[_Row]) -> list[_Row]:
    """`rows` with the leaf they meet put in its place, unless they replace it."""
    at = bisect_left(rows, leaf.path, key=lambda row: row[0])
    if at < len(rows) and rows[at][0] == leaf.path:
        return rows
    return [*rows[:at], (leaf.path, leaf.value_hash), *rows[at:]]


def _split(rows: list[_Row], low: int, high: int, depth: int) -> int:
    """The first index of rows[low:high] whose path has bit `depth` set."""
    while low < high:
        middle = (low + high) // 2
        if rows[middle][0][depth >> 3] >> (7 - (depth & 7)) & 1:
            high = middle
        else:
            low = middle + 1
    return low


def _inner(left: Node, right: Node) -> Node:
    """Two subtrees joined; what has one leaf or none stays compact."""
    if left is None:
        return Inner(_join(ZERO_HASH, right.hash), None, right) if isinstance(right, Inner) else right
    if right is None:
        return Inner(_join(left.hash, ZERO_HASH), left, None) if isinstance(left, Inner) else left
    return Inner(_join(left.hash, right.hash), left, right)


def _leaf(path: Hash, value_hash: Hash) -> Leaf:
    return Leaf(_hash(_LEAF + path + value_hash), path, value_hash)


def _join(left: Hash, right: Hash) -> Hash:
    return _hash(_INNER + left + right)


def _hash(data: bytes) -> Hash:
    return Hash(blake2b(data, digest_size=HASH_BYTES, person=_PERSON).digest())


def _bit(path: Hash, depth: int) -> int:
    return path[depth >> 3] >> (7 - (depth & 7)) & 1


def _same_prefix(left: Hash, right: Hash, bits: int) -> bool:
    shift = HASH_BYTES * 8 - bits
    return int.from_bytes(left, "big") >> shift == int.from_bytes(right, "big") >> shift
