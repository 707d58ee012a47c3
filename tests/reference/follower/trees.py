"""The state's tree, its proofs and the list root, after docs/protocol.md, "State root" and "Snapshots"."""

import hashlib
from collections.abc import Sequence

from tests.reference.follower.shapes import BRANCHES, Branches, Chunk, Manifest, Pair, Proof, ProvenRow
from tests.reference.follower.wire import ZEROS, require


def merkle(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=b"merkle").digest()


def leaf(path: bytes, value_hash: bytes) -> bytes:
    return merkle(b"\x00" + path + value_hash)


def bit(path: bytes, depth: int) -> int:
    return path[depth // 8] >> 7 - depth % 8 & 1


def join(left: bytes, right: bytes) -> bytes:
    return merkle(b"\x01" + left + right)


def list_root(items: Sequence[bytes]) -> bytes:
    level = [merkle(b"\x00" + item) for item in items]
    while len(level) > 1:
        pairs = [join(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else ZEROS


def tree_root(rows: Sequence[Pair], depth: int = 0) -> bytes:
    """The subtree of rows that are alike in their first `depth` bits; (path, value) ascending and distinct."""
    if not rows:
        return ZEROS
    if len(rows) == 1:
        return leaf(rows[0][0], merkle(rows[0][1]))
    right = next((at for at, (path, _) in enumerate(rows) if bit(path, depth)), len(rows))
    return join(tree_root(rows[:right], depth + 1), tree_root(rows[right:], depth + 1))


# --- proofs -----------------------------------------------------------------------------------------------------------


def proven_root(path: bytes, value: bytes | None, proof: Proof) -> bytes:
    """The root under which the proof puts this value, or this absence. Raises Refused."""
    levels = [depth for depth in range(8 * len(proof.levels)) if bit(proof.levels, depth)]
    require(not proof.levels or proof.levels[-1] != 0, "the byte of the deepest level is the last")
    require(len(levels) == len(proof.siblings), "a sibling for each marked level")
    require(ZEROS not in proof.siblings, "the empty subtree is not listed")
    deepest = levels[-1] if levels else -1
    if value is not None:
        require(not proof.other, "a row that is there has no other in its place")
        node = leaf(path, merkle(value))
    elif proof.other:
        other, value_hash = proof.other
        require(other != path, "the other row is another one")
        shared = next(depth for depth in range(256) if bit(other, depth) != bit(path, depth))
        require(shared > deepest, "the other row is not in the place of the absent one")
        node = leaf(other, value_hash)
    else:
        node = ZEROS
    siblings = dict(zip(levels, proof.siblings, strict=True))
    for depth in range(deepest, -1, -1):
        sibling = siblings.get(depth, ZEROS)
        node = join(sibling, node) if bit(path, depth) else join(node, sibling)
    return node


def check_row(root: bytes, row: ProvenRow) -> bytes | None:
    """The value of a proven row, None for a proven absence. Raises Refused."""
    value = row.value[0] if row.value else None
    require(proven_root(row.path, value, row.proof) == root, "the proof leads to another root")
    return value


# --- snapshots --------------------------------------------------------------------------------------------------------


def fold(branches: Branches) -> bytes:
    """The root over 256 subtrees: a lone row keeps its leaf at whatever depth, two empty halves stay empty."""
    level = [(branches.root(index), count) for index, count in enumerate(branches.rows)]
    while len(level) > 1:
        level = [_folded(*level[at], *level[at + 1]) for at in range(0, len(level), 2)]
    return level[0][0]


def _folded(left: bytes, left_rows: int, right: bytes, right_rows: int) -> tuple[bytes, int]:
    rows = left_rows + right_rows
    if rows == 0:
        return ZEROS, 0
    if rows == 1:
        return (left if left_rows else right), 1
    return join(left, right), rows


def check_branches(branches: Branches, prefix: bytes, root: bytes) -> None:
    """Raises Refused unless these are the subtrees one byte below `prefix`, whose own root is `root`."""
    singles = iter(branches.singles)
    for index in range(BRANCHES):
        count = branches.rows[index]
        require((count == 0) == (branches.root(index) == ZEROS), "an empty subtree has no root and no rows")
        if count == 1:
            path, value_hash = next(singles)
            require(path.startswith(prefix + bytes([index])), "a single row of another subtree")
            require(leaf(path, value_hash) == branches.root(index), "a single row is its subtree's leaf")
    require(fold(branches) == root, "the subtrees fold to another root")


def check_chunk(chunk: Chunk, root: bytes) -> None:
    """Raises Refused unless these are all rows, or the subtrees, of the subtree `root` at the chunk's prefix."""
    for branches in chunk.branches:
        check_branches(branches, chunk.prefix, root)
    if not chunk.branches:
        paths = [path for path, _ in chunk.rows]
        require(paths == sorted(set(paths)), "rows ascend")
        require(all(path.startswith(chunk.prefix) for path in paths), "a row of another prefix")
        require(tree_root(chunk.rows, 8 * len(chunk.prefix)) == root, "the rows have another root")


def check_manifest(manifest: Manifest, genesis_hash: bytes) -> None:
    """Raises Refused unless the parts fit each other; the certificate is checked against a set elsewhere."""
    require(manifest.genesis_hash == genesis_hash, "a snapshot of another network")
    block = (manifest.certificate.height, manifest.certificate.block_hash)
    require(block == (manifest.header.height, manifest.header.hash), "the certificate is of another block")
    check_branches(manifest.branches, b"", manifest.header.state_root)
