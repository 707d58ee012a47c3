"""The commitment to the state: a compact sparse Merkle tree over 32-byte paths; immutable, with structural sharing.

H is blake2b-256 personalised "merkle". Leaf = H(0x00 | path | H(value)); inner = H(0x01 | left | right); the empty
subtree is 32 zero bytes; a subtree with one leaf is that leaf. So the root depends on the rows alone, not on their
history. Rows are the truth and the tree is a cache: it is rebuilt from rows at start. Rules: docs/protocol.md, "State
root".
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from node.primitives.codec import Wire
from node.primitives.errors import invariant
from node.primitives.limits import MERKLE_DEPTH_MAX
from node.primitives.types import HASH_BYTES, ZERO_HASH, Hash

_PERSON: Final = b"merkle"
_ZERO: Final = bytes(HASH_BYTES)
_BITS: Final = HASH_BYTES * 8
_BYTE: Final = tuple(depth >> 3 for depth in range(_BITS))
_MASK: Final = tuple(128 >> (depth & 7) for depth in range(_BITS))
"""Bit d of a path is `path[_BYTE[d]] & _MASK[d]`."""

# Prepared states: copying one costs half of what a new one with its parameters costs.
_EMPTY_STATE: Final = blake2b(digest_size=HASH_BYTES, person=_PERSON)
_LEAF_STATE: Final = blake2b(b"\x00", digest_size=HASH_BYTES, person=_PERSON)
_INNER_STATE: Final = blake2b(b"\x01", digest_size=HASH_BYTES, person=_PERSON)


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """A subtree with one row. Nodes form no cycles, so the collector need not look at a million of them."""

    hash: bytes
    path: bytes
    value_hash: bytes


class Inner(msgspec.Struct, frozen=True, gc=False):
    """A subtree with at least two rows."""

    hash: bytes
    left: "Node"
    right: "Node"


Node = Leaf | Inner | None
"""A subtree; None is the empty one."""

EMPTY: Final = None
BRANCH_BITS: Final = 8
BRANCHES: Final = 1 << BRANCH_BITS
"""Subtrees that `branches` cuts a tree into: one for each value of the next byte of a path."""
_Row = tuple[bytes, bytes | None]
"""A path and the hash of its new value, or None to remove it."""


class Proof(Wire, frozen=True):
    """What the value under a path is, or that there is none.

    Bit d of `levels`, from the most significant one, tells whether the sibling at depth d is in `siblings` or empty;
    the last bit set is the deepest level, and no byte follows it. `other` is empty, or (path, value hash) of the leaf
    found in the place of an absent path.
    """

    levels: bytes
    siblings: tuple[Hash, ...]
    other: tuple[Hash, ...]


def build(rows: Iterable[tuple[Hash, bytes]]) -> Node:
    """The tree over `rows` (path, value), each path once, in ascending order."""
    return _grown(((path, _hash(value)) for path, value in rows), 0)


def update(node: Node, changes: Mapping[Hash, bytes | None]) -> Node:
    """The tree after setting (bytes) and removing (None) rows; shares every untouched subtree with `node`."""
    rows: list[_Row] = [(path, None if value is None else _hash(value)) for path, value in sorted(changes.items())]
    return _update(node, rows, 0, len(rows), 0)


def subtree(rows: Iterable[tuple[Hash, bytes]], depth: int) -> Node:
    """The subtree at `depth` bits over `rows` (path, value) that agree in those bits; otherwise as `build`."""
    return _grown(((path, _hash(value)) for path, value in rows), depth)


def branches(node: Node, depth: int = 0) -> tuple[Node, ...]:
    """The 256 subtrees `BRANCH_BITS` below `node`, which is at `depth` (a multiple of 8), in order of their paths.

    A compact subtree, one leaf in the place of a deeper one, is the branch that the leaf's path names.
    """
    below: list[Node] = [node]
    for level in range(depth, depth + BRANCH_BITS):
        halves: list[Node] = []
        for each in below:
            if isinstance(each, Inner):
                halves += (each.left, each.right)
            elif each is not None and each.path[_BYTE[level]] & _MASK[level]:
                halves += (None, each)
            else:
                halves += (each, None)
        below = halves
    return tuple(below)


def subtree_roots(node: Node) -> tuple[Hash, ...]:
    """The hashes of the 256 subtrees at depth 8, by the first byte of their paths."""
    return tuple(root_hash(branch) for branch in branches(node))


def fold(roots: Sequence[bytes], single: Sequence[bool]) -> tuple[Hash, bool]:
    """The root over the roots of `branches`, and whether it is that of one leaf.

    `single` tells which roots are leaves: those rise as they are past empty siblings, which a hash does not show.
    """
    level = list(zip(roots, single, strict=True))
    while len(level) > 1:
        level = [_folded(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return Hash(level[0][0]), level[0][1]


def leaf_hash(path: Hash, value_hash: Hash) -> Hash:
    """The root of a subtree that has one row."""
    return Hash(_leaf(path, value_hash).hash)


def root_hash(node: Node) -> Hash:
    """The hash that commits to all rows."""
    return ZERO_HASH if node is None else Hash(node.hash)


def prove(node: Node, path: Hash) -> Proof:
    """The proof of presence or absence of `path`."""
    levels, depth = 0, 0
    siblings: list[Hash] = []
    while isinstance(node, Inner):
        right = path[_BYTE[depth]] & _MASK[depth]
        sibling, node = (node.left, node.right) if right else (node.right, node.left)
        if sibling is not None:
            siblings.append(Hash(sibling.hash))
            levels |= 1 << (_BITS - 1 - depth)
        depth += 1
    other = () if node is None or node.path == path else (Hash(node.path), Hash(node.value_hash))
    return Proof(levels.to_bytes(HASH_BYTES, "big").rstrip(b"\x00"), tuple(siblings), other)


def verify_proof(root: Hash, path: Hash, value: bytes | None, proof: Proof) -> bool:
    """Whether `proof` shows that `path` holds `value` (None: nothing) under `root`; never raises on hostile input."""
    depth = _depth(proof)
    if depth is None or len(path) != HASH_BYTES:
        return False
    if any(len(part) != HASH_BYTES for part in (*proof.siblings, *proof.other)) or ZERO_HASH in proof.siblings:
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
        current = _ZERO
    siblings = list(proof.siblings)
    for level in range(depth - 1, -1, -1):
        sibling = siblings.pop() if proof.levels[_BYTE[level]] & _MASK[level] else _ZERO
        current = _join(sibling, current) if path[_BYTE[level]] & _MASK[level] else _join(current, sibling)
    return current == root


def list_root(items: Sequence[bytes]) -> Hash:
    """The Merkle root of an ordered list (a block's transactions); of none, 32 zero bytes.

    Same H: item = H(0x00 | item), pairs = H(0x01 | left | right) level by level; an odd last node moves up as it is.
    """
    level: list[bytes] = []
    for item in items:
        state = _LEAF_STATE.copy()
        state.update(item)
        level.append(state.digest())
    while len(level) > 1:
        pairs = [_join(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return Hash(level[0]) if level else ZERO_HASH


def _update(node: Node, rows: list[_Row], low: int, high: int, depth: int) -> Node:
    """Apply rows[low:high], all below `node`; at most 256 deep, one frame a bit of a path."""
    if high - low == 1:
        path, value_hash = rows[low]
        return _removed(node, path, depth) if value_hash is None else _set(node, _leaf(path, value_hash), depth)
    if node is None or isinstance(node, Leaf):
        return _grown(_kept(node, rows[low:high]), depth)
    middle = _split(rows, low, high, depth)
    left = node.left if low == middle else _update(node.left, rows, low, middle, depth + 1)
    right = node.right if middle == high else _update(node.right, rows, middle, high, depth + 1)
    return node if left is node.left and right is node.right else _inner(left, right)


def _set(node: Node, leaf: Leaf, depth: int) -> Node:
    """`node` with one leaf put in."""
    path, byte, mask, fresh = leaf.path, _BYTE, _MASK, _INNER_STATE.copy  # names of its own: the tree's busiest loop
    above: list[Inner] = []
    while isinstance(node, Inner):
        above.append(node)
        node = node.right if path[byte[depth]] & mask[depth] else node.left
        depth += 1
    changed: Leaf | Inner = leaf
    if node is not None and node.path != path:
        changed = _forked(node, leaf, depth)
    while above:
        parent = above.pop()
        depth -= 1
        state = fresh()
        if path[byte[depth]] & mask[depth]:
            left = parent.left
            state.update(_ZERO if left is None else left.hash)
            state.update(changed.hash)
            changed = Inner(state.digest(), left, changed)
        else:
            right = parent.right
            state.update(changed.hash)
            state.update(_ZERO if right is None else right.hash)
            changed = Inner(state.digest(), changed, right)
    return changed


def _removed(node: Node, path: bytes, depth: int) -> Node:
    """`node` without the leaf of `path`, if it has one."""
    if not isinstance(node, Inner):
        return None if node is not None and node.path == path else node
    if path[_BYTE[depth]] & _MASK[depth]:
        right = _removed(node.right, path, depth + 1)
        return node if right is node.right else _inner(node.left, right)
    left = _removed(node.left, path, depth + 1)
    return node if left is node.left else _inner(left, node.right)


def _forked(old: Leaf, new: Leaf, depth: int) -> Leaf | Inner:
    """The subtree at `depth` over two leaves."""
    first, second = (old, new) if old.path < new.path else (new, old)
    key = int.from_bytes(new.path, "big")
    fork = _BITS - (key ^ int.from_bytes(old.path, "big")).bit_length()
    return _lifted(Inner(_join(first.hash, second.hash), first, second), fork, depth, key)


def _grown(rows: Iterable[_Row], base: int) -> Node:
    """The subtree at depth `base` over rows in ascending order; removals in it remove nothing.

    `node` is what has been joined of the newest rows, `top` its depth (0 for a leaf, which fits any depth); `pending`
    has the finished left sides of forks whose right sides still grow, each with its fork's depth.
    """
    pending: list[tuple[Leaf | Inner, int]] = []
    node: Node = None
    top, key = 0, -1
    for path, value_hash in rows:
        if value_hash is None:
            continue
        following = int.from_bytes(path, "big")
        invariant(key < following, "rows come in ascending order")
        if node is not None:
            fork = _BITS - (key ^ following).bit_length()
            while pending and pending[-1][1] > fork:
                left, depth = pending.pop()
                right = _lifted(node, top, depth + 1, key)
                node, top = Inner(_join(left.hash, right.hash), left, right), depth
            pending.append((_lifted(node, top, fork + 1, key), fork))
        node, top, key = _leaf(path, value_hash), 0, following
    while pending and node is not None:
        left, depth = pending.pop()
        right = _lifted(node, top, depth + 1, key)
        node, top = Inner(_join(left.hash, right.hash), left, right), depth
    return None if node is None else _lifted(node, top, base, key)


def _lifted(node: Leaf | Inner, top: int, depth: int, key: int) -> Leaf | Inner:
    """A subtree at depth `top` as the subtree at a lesser `depth` with the same rows; `key` is the path of one."""
    while top > depth:
        top -= 1
        if key >> (_BITS - 1 - top) & 1:
            node = Inner(_join(_ZERO, node.hash), None, node)
        else:
            node = Inner(_join(node.hash, _ZERO), node, None)
    return node


def _kept(leaf: Leaf | None, rows: list[_Row]) -> list[_Row]:
    """`rows` with the leaf they meet among them, unless they replace it."""
    if leaf is None or any(path == leaf.path for path, _ in rows):
        return rows
    return sorted([*rows, (leaf.path, leaf.value_hash)], key=_path_of)


def _path_of(row: _Row) -> bytes:
    return row[0]


def _split(rows: list[_Row], low: int, high: int, depth: int) -> int:
    """The first index of rows[low:high] whose path has bit `depth` set."""
    byte, mask = _BYTE[depth], _MASK[depth]
    while low < high:
        middle = (low + high) // 2
        if rows[middle][0][byte] & mask:
            high = middle
        else:
            low = middle + 1
    return low


def _inner(left: Node, right: Node) -> Node:
    """Two subtrees joined; what has one leaf or none stays compact."""
    if left is None:
        return Inner(_join(_ZERO, right.hash), None, right) if isinstance(right, Inner) else right
    if right is None:
        return Inner(_join(left.hash, _ZERO), left, None) if isinstance(left, Inner) else left
    return Inner(_join(left.hash, right.hash), left, right)


def _folded(left: tuple[bytes, bool], right: tuple[bytes, bool]) -> tuple[bytes, bool]:
    if right[0] == _ZERO and (left[1] or left[0] == _ZERO):
        return left
    if left[0] == _ZERO and right[1]:
        return right
    return _join(left[0], right[0]), False


def _leaf(path: bytes, value_hash: bytes) -> Leaf:
    state = _LEAF_STATE.copy()
    state.update(path)
    state.update(value_hash)
    return Leaf(state.digest(), path, value_hash)


def _join(left: bytes, right: bytes) -> bytes:
    state = _INNER_STATE.copy()
    state.update(left)
    state.update(right)
    return state.digest()


def _hash(data: bytes) -> bytes:
    state = _EMPTY_STATE.copy()
    state.update(data)
    return state.digest()


def _depth(proof: Proof) -> int | None:
    """How many levels a proof has; None if bitmap and siblings do not fit together."""
    if len(proof.levels) > HASH_BYTES or len(proof.siblings) > MERKLE_DEPTH_MAX:
        return None
    bits = int.from_bytes(proof.levels, "big")
    if bits.bit_count() != len(proof.siblings) or proof.levels[-1:] == b"\x00":
        return None
    trailing = (bits & -bits).bit_length() - 1 if bits else 0
    return len(proof.levels) * 8 - trailing


def _same_prefix(left: Hash, right: Hash, bits: int) -> bool:
    shift = _BITS - bits
    return int.from_bytes(left, "big") >> shift == int.from_bytes(right, "big") >> shift
