"""Snapshots of the state: what the parts are, how each is checked alone, and which are still missing.

A manifest names one certified block and the roots of the 256 subtrees at depth 8; folded they are the state root of its
header, so the certificate vouches for every one of them. A chunk is all rows under a prefix of paths, one byte at
first. Where that is more than an answer may carry, the chunk lists the 256 roots one byte deeper instead, which fold to
the root it was asked for, and each of those prefixes is a chunk of its own.

Must never take a row that its root does not vouch for. Whether the certificate holds is `check_certificate`'s to say.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final

from node.consensus.certificate import Certificate, check_quorum_shape
from node.ledger import merkle
from node.ledger.header import Header, check_header_shape, header_hash
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import ConsensusError, DecodeError
from node.primitives.limits import STATE_VALUE_BYTES_MAX
from node.primitives.types import HASH_BYTES, ZERO_HASH, Hash
from node.sync.errors import BadSnapshot
from node.sync.limits import (
    CHUNK_BYTES_MAX,
    CHUNK_PREFIX_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    SNAPSHOT_ROWS_MAX,
    SPLIT_ROWS_MIN,
)

_ROW_BYTES: Final = 1 + (2 + HASH_BYTES) + 5  # what MessagePack adds to a value: array, path, length of the value
_FRAME_BYTES: Final = 64  # and to a chunk: its prefix and the lengths of its parts

Row = tuple[Hash, bytes]
"""A path of the state and its value."""


class Branches(Wire, frozen=True):
    """The 256 subtrees one byte below a prefix, by that byte.

    `roots` are their hashes one after the other, zeros for an empty one; `rows` how many rows each has: none and one
    are proved, more is a claim, for progress. `singles` has path and value hash of each that has one row, in order:
    such a leaf stands in the tree above depth 8 too, and only its preimage tells it from a deeper subtree.
    """

    roots: bytes
    rows: tuple[int, ...]
    singles: tuple[tuple[Hash, Hash], ...]

    def root(self, index: int) -> Hash:
        """Return the hash of one subtree."""
        return Hash(self.roots[index * HASH_BYTES : (index + 1) * HASH_BYTES])


class Manifest(Wire, frozen=True):
    """What a snapshot of the state after one certified block consists of."""

    genesis_hash: Hash
    header: Header
    certificate: Certificate
    branches: Branches

    @property
    def block_hash(self) -> Hash:
        """The block whose state this is."""
        return header_hash(self.header)


class Chunk(Wire, frozen=True):
    """What is under `prefix`: its `rows` by ascending path, or, in their place, the branches to ask for instead."""

    prefix: bytes
    rows: tuple[Row, ...]
    branches: tuple[Branches, ...] = ()


class BranchesBuilder:
    """Collects subtrees, each with how many rows it has."""

    def __init__(self) -> None:
        self._roots: list[Hash] = [ZERO_HASH] * merkle.BRANCHES
        self._rows = [0] * merkle.BRANCHES
        self._singles: dict[int, tuple[Hash, Hash]] = {}

    def add(self, index: int, node: merkle.Node, rows: int) -> None:
        """Take the subtree of one next byte."""
        self._roots[index], self._rows[index] = merkle.root_hash(node), rows
        if isinstance(node, merkle.Leaf):
            self._singles[index] = (Hash(node.path), Hash(node.value_hash))

    def build(self) -> Branches:
        """Return the branches; those that were not added are empty."""
        singles = tuple(single for _, single in sorted(self._singles.items()))
        return Branches(b"".join(self._roots), tuple(self._rows), singles)


def branches_of(nodes: Sequence[merkle.Node], rows: Sequence[int]) -> Branches:
    """Return the branches of a tree's subtrees (`merkle.branches`) that have so many rows each."""
    builder = BranchesBuilder()
    for index, (node, count) in enumerate(zip(nodes, rows, strict=True)):
        builder.add(index, node, count)
    return builder.build()


def branches_over(rows: Iterable[Row], depth_bytes: int = 0) -> Branches:
    """Return the branches over `rows`, ascending and alike in their first `depth_bytes`; holds one branch at a time."""
    builder = BranchesBuilder()
    for index, below in groupby(rows, key=lambda row: row[0][depth_bytes]):
        pending = list(below)
        builder.add(index, merkle.subtree(pending, (depth_bytes + 1) * 8), len(pending))
    return builder.build()


def chunk_of(prefix: bytes, rows: Callable[[], Iterable[Row]]) -> Chunk:
    """Return the chunk of `prefix` whose rows each call of `rows` gives anew, in ascending order.

    Calls it a second time where they are too many for one chunk and their branches go out instead.
    """
    room = CHUNK_BYTES_MAX - _FRAME_BYTES
    taken: list[Row] = []
    for row in rows():
        room -= _ROW_BYTES + len(row[1])
        if room < 0:
            return Chunk(prefix, (), (branches_over(rows(), len(prefix)),))
        taken.append(row)
    return Chunk(prefix, tuple(taken))


# --- checking -------------------------------------------------------------------------------------------------------


def check_manifest(manifest: Manifest, genesis_hash: Hash) -> None:
    """Refuse a manifest of another network, or whose parts do not fit together; its certificate is not verified.

    Raises:
        BadSnapshot: also when the branches do not fold to the header's state root.
    """
    if manifest.genesis_hash != genesis_hash:
        raise BadSnapshot("This snapshot belongs to another network.")
    if manifest.certificate.block != (manifest.block_hash, manifest.header.height):
        raise BadSnapshot("The certificate of this snapshot is of another block than its header.")
    check_branches(manifest.branches, b"", manifest.header.state_root)


def check_branches(branches: Branches, prefix: bytes, root: Hash) -> None:
    """Refuse branches that are not those of the subtree `root` at `prefix` (BadSnapshot)."""
    _check_branches_shape(branches)
    single = iter(branches.singles)
    for index, rows in enumerate(branches.rows):
        if (rows == 0) != (branches.root(index) == ZERO_HASH):
            raise BadSnapshot("A subtree of this snapshot is said to be empty and has a root, or the other way round.")
        if rows == 1:
            path, value_hash = next(single)
            if not path.startswith(bytes((*prefix, index))) or merkle.leaf_hash(path, value_hash) != branches.root(
                index
            ):
                raise BadSnapshot("A single row of this snapshot is not the one that its root names.")
    roots = [branches.root(index) for index in range(merkle.BRANCHES)]
    if merkle.fold(roots, [rows == 1 for rows in branches.rows])[0] != root:
        raise BadSnapshot("The subtrees of this snapshot do not have the root that they should have.")


def check_rows(prefix: bytes, rows: Sequence[Row], root: Hash) -> None:
    """Refuse rows that are not exactly those of the subtree `root` at `prefix` (BadSnapshot)."""
    before = b""
    for path, value in rows:
        if len(path) != HASH_BYTES or not path.startswith(prefix) or path <= before:
            raise BadSnapshot("The rows of this chunk are not in order, or not under its prefix.")
        if len(value) > STATE_VALUE_BYTES_MAX:
            raise BadSnapshot("A value of this chunk is larger than the state allows.")
        before = path
    if merkle.root_hash(merkle.subtree(rows, len(prefix) * 8)) != root:
        raise BadSnapshot("The rows of this chunk do not have the root that its manifest names.")


def check_chunk(manifest: Manifest, index: int, rows: Sequence[Row]) -> None:
    """Refuse rows that are not exactly those of one subtree of a checked manifest (BadSnapshot)."""
    check_rows(bytes((index,)), rows, manifest.branches.root(index))


class Assembly:
    """What is missing of a snapshot whose manifest was checked, across restarts; the rows themselves lie elsewhere.

    `done` are the prefixes whose rows are kept from an earlier run. A prefix that was split is asked for once more
    after a restart; of its parts only those that are missing are.
    """

    def __init__(self, manifest: Manifest, done: Iterable[bytes] = ()) -> None:
        self._done = set(done)
        self._missing: dict[bytes, tuple[Hash, int]] = {}
        self.rows_total = sum(manifest.branches.rows)
        self._add(b"", manifest.branches)

    @property
    def missing(self) -> list[bytes]:
        """The prefixes to ask for, in order; empty when the snapshot is whole."""
        return sorted(self._missing)

    @property
    def rows_missing(self) -> int:
        """How many rows they have, as far as the manifest tells."""
        return sum(rows for _, rows in self._missing.values())

    def take(self, chunk: Chunk) -> tuple[Row, ...]:
        """Return the rows to keep, under `chunk.prefix`, of a chunk that was asked for; none where it was split.

        Raises:
            BadSnapshot: it is not missing, or not what its root commits to. Nothing changed.
        """
        wanted = self._missing.get(chunk.prefix)
        if wanted is None:
            raise BadSnapshot("A chunk that is not missing.")
        if not chunk.branches:
            check_rows(chunk.prefix, chunk.rows, wanted[0])
            self._done.add(chunk.prefix)
        else:
            branches = chunk.branches[0]
            check_branches(branches, chunk.prefix, wanted[0])
            if sum(branches.rows) < SPLIT_ROWS_MIN or len(chunk.prefix) >= CHUNK_PREFIX_BYTES_MAX:
                raise BadSnapshot("A chunk that was split although its rows fit one answer.")
            self._add(chunk.prefix, branches)
        del self._missing[chunk.prefix]
        return chunk.rows

    def _add(self, prefix: bytes, branches: Branches) -> None:
        for index, rows in enumerate(branches.rows):
            below = bytes((*prefix, index))
            if rows and below not in self._done:
                self._missing[below] = (branches.root(index), rows)


# --- bytes ----------------------------------------------------------------------------------------------------------


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the canonical bytes of `manifest`."""
    return encode(manifest)


def decode_manifest(data: bytes) -> Manifest:
    """Return the well-formed manifest in `data`; DecodeError otherwise. Nothing is verified."""
    manifest = decode_canonical(Manifest, data, max_bytes=MANIFEST_BYTES_MAX)
    check_manifest_shape(manifest)
    return manifest


def encode_chunk(chunk: Chunk) -> bytes:
    """Return the canonical bytes of `chunk`."""
    return encode(chunk)


def decode_chunk(data: bytes) -> Chunk:
    """Return the well-formed chunk in `data`; DecodeError otherwise. Nothing is verified."""
    chunk = decode_canonical(Chunk, data, max_bytes=CHUNK_BYTES_MAX)
    check_chunk_shape(chunk)
    return chunk


def check_manifest_shape(manifest: Manifest) -> None:
    """Refuse a manifest that is malformed on its own (DecodeError)."""
    check_header_shape(manifest.header)
    try:
        check_quorum_shape(manifest.certificate)
    except ConsensusError as error:
        raise DecodeError(error.message) from error
    if len(manifest.genesis_hash) != HASH_BYTES:
        raise DecodeError("The genesis hash of this manifest has the wrong length.")
    _check_branches_shape(manifest.branches)


def check_chunk_shape(chunk: Chunk) -> None:
    """Refuse a chunk that is malformed on its own (DecodeError)."""
    if not 0 < len(chunk.prefix) <= CHUNK_PREFIX_BYTES_MAX:
        raise DecodeError(f"The prefix of a chunk has 1 to {CHUNK_PREFIX_BYTES_MAX} bytes.")
    if len(chunk.branches) + bool(chunk.rows) != 1:
        raise DecodeError("A chunk has either rows or branches.")
    if any(len(path) != HASH_BYTES or len(value) > STATE_VALUE_BYTES_MAX for path, value in chunk.rows):
        raise DecodeError("A row of this chunk has a malformed path or a value that is too large.")
    for branches in chunk.branches:
        _check_branches_shape(branches)


def _check_branches_shape(branches: Branches) -> None:
    if len(branches.roots) != merkle.BRANCHES * HASH_BYTES or len(branches.rows) != merkle.BRANCHES:
        raise DecodeError(f"A tree has {merkle.BRANCHES} branches.")
    if any(not 0 <= rows <= SNAPSHOT_ROWS_MAX for rows in branches.rows):
        raise DecodeError("The number of rows of a branch is out of range.")
    if len(branches.singles) != branches.rows.count(1):
        raise DecodeError("The single rows of these branches do not fit their numbers.")
    if any(len(part) != HASH_BYTES for single in branches.singles for part in single):
        raise DecodeError("A hash of these branches has the wrong length.")
