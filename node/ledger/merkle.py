"""The commitment to the state: a compact sparse Merkle tree over 32-byte paths; immutable, with structural sharing.

H is blake2b-256 personalised "merkle". Leaf = H(0x00 | path | H(value)); inner = H(0x01 | left | right); the empty subtree
is 32 zero bytes; a subtree with one leaf is that leaf. So the root depends on the rows alone, not on their history. Rows
are the truth and the tree is a cache: it is rebuilt from rows at start. Rules: docs/protocol.md, "State root".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from node.primitives.codec import Wire
from node.primitives.types import Hash


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

EMPTY: Node = None


class Proof(Wire, frozen=True):
    """What the value under a path is, or that there is none.

    `siblings` from the root downwards; `other` is empty, or (path, value hash) of the leaf found in the place of an
    absent path.
    """

    siblings: tuple[Hash, ...]
    other: tuple[Hash, ...]


def build(rows: Iterable[tuple[Hash, bytes]]) -> Node:
    """The tree over `rows` (path, value), each path once, in ascending order."""
    raise NotImplementedError


def update(node: Node, changes: Mapping[Hash, bytes | None]) -> Node:
    """The tree after setting (bytes) and removing (None) rows; shares every untouched subtree with `node`."""
    raise NotImplementedError


def root_hash(node: Node) -> Hash:
    """The hash that commits to all rows."""
    raise NotImplementedError


def prove(node: Node, path: Hash) -> Proof:
    """The proof of presence or absence of `path`."""
    raise NotImplementedError


def verify_proof(root: Hash, path: Hash, value: bytes | None, proof: Proof) -> bool:
    """Whether `proof` shows that `path` holds `value` (None: holds nothing) under `root`; never raises on hostile input."""
    raise NotImplementedError


def list_root(items: Sequence[bytes]) -> Hash:
    """The Merkle root of an ordered list (a block's transactions); of none, 32 zero bytes."""
    raise NotImplementedError
