"""Snapshots: the branches are exactly those of the root, every chunk is checked alone, and nothing false is taken."""

import hashlib
import random
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.consensus.certificate import Certificate
from node.ledger import merkle
from node.ledger.header import Header, header_hash
from node.primitives.errors import DecodeError
from node.primitives.limits import STATE_VALUE_BYTES_MAX
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, SetId, Slot
from node.sync import snapshot
from node.sync.errors import BadSnapshot
from node.sync.limits import CHUNK_BYTES_MAX, SPLIT_ROWS_MIN
from node.sync.snapshot import Assembly, Branches, Chunk, Manifest, Row

GENESIS = Hash(b"g" * 32)
paths = st.one_of(
    st.binary(min_size=32, max_size=32),
    # neighbours too: alike in up to all but their last bits, so that leaves meet deep in the tree
    st.tuples(st.integers(0, 31), st.integers(0, 255)).map(
        lambda at: bytes(at[0]) + bytes([at[1]]) + bytes(31 - at[0])
    ),
)
states = st.dictionaries(paths.map(Hash), st.binary(min_size=1, max_size=9), max_size=40)


def _path(number: int, prefix: bytes = b"") -> Hash:
    tail = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=32).digest()
    return Hash(prefix + tail[len(prefix) :])


def _rows(count: int, prefix: bytes = b"", value_bytes: int = 20) -> list[Row]:
    return sorted((_path(number, prefix), number.to_bytes(4, "big") * (value_bytes // 4)) for number in range(count))


@dataclass
class Server:
    """An honest node: a manifest of some rows, and its chunks."""

    rows: list[Row]

    @property
    def manifest(self) -> Manifest:
        root = merkle.root_hash(merkle.build(self.rows))
        header = Header(
            1, Height(7), Slot(9), ZERO_HASH, AccountId(b"p" * 32), ZERO_HASH, root, SetId(0), ZERO_HASH, (), bytes(64)
        )
        certificate = Certificate(SetId(0), 1, 0, Height(7), header_hash(header), b"\x01", (bytes(64),))
        return Manifest(GENESIS, header, certificate, snapshot.branches_over(self.rows))

    def chunk(self, prefix: bytes) -> Chunk:
        return snapshot.chunk_of(prefix, lambda: [row for row in self.rows if row[0].startswith(prefix)])


def _fetch(server: Server, assembly: Assembly) -> list[Row]:
    rows: list[Row] = []
    while assembly.missing:
        for prefix in assembly.missing:
            chunk = snapshot.decode_chunk(snapshot.encode_chunk(server.chunk(prefix)))
            rows.extend(assembly.take(chunk))
    return sorted(rows)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 40, 5000])
def test_a_snapshot_of_any_size_arrives_whole(count: int) -> None:
    server = Server(_rows(count))
    manifest = snapshot.decode_manifest(snapshot.encode_manifest(server.manifest))
    snapshot.check_manifest(manifest, GENESIS)
    assembly = Assembly(manifest)
    assert assembly.rows_total == assembly.rows_missing == count
    assert _fetch(server, assembly) == server.rows
    assert assembly.rows_missing == 0


@settings(max_examples=300, deadline=None)
@given(states)
def test_the_branches_of_the_tree_are_those_of_its_rows_and_fold_to_its_root(state: dict[Hash, bytes]) -> None:
    rows = sorted(state.items())
    tree = merkle.build(rows)
    counts = [sum(path[0] == index for path, _ in rows) for index in range(256)]
    branches = snapshot.branches_of(merkle.branches(tree), counts)
    assert branches == snapshot.branches_over(rows)
    assert tuple(branches.root(index) for index in range(256)) == merkle.subtree_roots(tree)
    snapshot.check_branches(branches, b"", merkle.root_hash(tree))
    for index, node in enumerate(merkle.branches(tree)):
        below = [row for row in rows if row[0][0] == index]
        assert merkle.root_hash(merkle.subtree(below, 8)) == branches.root(index)
        deeper = [sum(path[1] == second for path, _ in below) for second in range(256)]
        if len(below) > 1:
            parts = snapshot.branches_of(merkle.branches(node, 8), deeper)
            assert parts == snapshot.branches_over(below, 1)
            snapshot.check_branches(parts, bytes([index]), branches.root(index))


@settings(max_examples=150, deadline=None)
@given(states, st.randoms(use_true_random=False))
def test_no_other_branches_pass_for_those_of_a_root(state: dict[Hash, bytes], chance: random.Random) -> None:
    rows = sorted(state.items())
    branches = snapshot.branches_over(rows)
    root = merkle.root_hash(merkle.build(rows))
    roots = [branches.root(index) for index in range(256)]
    counts = list(branches.rows)
    one, two = chance.randrange(256), chance.randrange(256)
    roots[one], roots[two] = roots[two], roots[one]
    counts[one], counts[two] = counts[two], counts[one]
    singles = branches.singles
    if counts[one] == counts[two] == 1:
        singles = tuple(sorted(singles))
    altered = Branches(b"".join(roots), tuple(counts), singles)
    if roots[one] == roots[two]:
        return
    with pytest.raises(BadSnapshot):
        snapshot.check_branches(altered, b"", root)


def test_a_lone_row_cannot_be_moved_to_another_prefix() -> None:
    """A compact leaf has the same hash at every depth: without its preimage, any prefix would do."""
    [(path, value)] = _rows(1)
    root = merkle.root_hash(merkle.build([(path, value)]))
    branches = snapshot.branches_over([(path, value)])
    other = (path[0] + 1) % 256
    roots = [ZERO_HASH] * 256
    roots[other] = root
    counts = tuple(int(index == other) for index in range(256))
    with pytest.raises(BadSnapshot, match="single row"):
        snapshot.check_branches(Branches(b"".join(roots), counts, branches.singles), b"", root)


def test_a_deeper_subtree_cannot_pass_for_a_single_row() -> None:
    rows = _rows(2, prefix=b"\x55")
    branches = snapshot.branches_over(rows)
    path, value_hash = rows[0][0], Hash(bytes(32))
    posed = Branches(branches.roots, tuple(min(count, 1) for count in branches.rows), ((path, value_hash),))
    with pytest.raises(BadSnapshot, match="single row"):
        snapshot.check_branches(posed, b"", merkle.root_hash(merkle.build(rows)))


@pytest.mark.parametrize("damage", ["missing", "extra", "changed", "moved", "order", "twice", "path", "large"])
def test_a_chunk_that_is_not_its_roots_is_refused_and_changes_nothing(damage: str) -> None:
    server = Server(_rows(3000))
    assembly = Assembly(server.manifest)
    rows = list(server.chunk(b"\x10").rows)
    match damage:
        case "missing":
            del rows[1]
        case "extra":
            rows.append((Hash(b"\x10" + b"\xff" * 31), b"more"))
        case "changed":
            rows[0] = (rows[0][0], b"other")
        case "moved":
            rows = list(server.chunk(b"\x11").rows)
        case "order":
            rows.reverse()
        case "twice":
            rows.insert(1, rows[0])
        case "path":
            rows[0] = (Hash(b"\x10"), b"short")
        case "large":
            rows[0] = (rows[0][0], bytes(STATE_VALUE_BYTES_MAX + 1))
    before = assembly.missing
    with pytest.raises(BadSnapshot):
        assembly.take(Chunk(b"\x10", tuple(rows)))
    assert assembly.missing == before
    assembly.take(server.chunk(b"\x10"))
    with pytest.raises(BadSnapshot, match="not missing"):
        assembly.take(server.chunk(b"\x10"))


def test_what_does_not_fit_one_chunk_is_split_and_its_parts_resume() -> None:
    big = _rows(150, prefix=b"\x42", value_bytes=60_000)
    server = Server(sorted({**dict(_rows(900)), **dict(big)}.items()))
    chunk = server.chunk(b"\x42")
    assert chunk.branches
    assert not chunk.rows
    assert len(snapshot.encode_chunk(server.chunk(server.rows[0][0][:1]))) <= CHUNK_BYTES_MAX
    first = Assembly(server.manifest)
    kept: dict[bytes, tuple[Row, ...]] = {}
    for prefix in first.missing:
        kept[prefix] = first.take(server.chunk(prefix))
    assert b"\x42" not in first.missing
    half = first.missing[:70]
    for prefix in half:
        assert prefix[:1] == b"\x42"
        kept[prefix] = first.take(server.chunk(prefix))
    again = Assembly(server.manifest, [prefix for prefix, rows in kept.items() if rows])
    assert again.missing == [b"\x42"]
    assert again.take(server.chunk(b"\x42")) == ()
    assert set(again.missing).isdisjoint(half)
    rest = _fetch(server, again)
    assert sorted([*rest, *(row for rows in kept.values() for row in rows)]) == server.rows


def test_a_false_or_needless_split_is_refused() -> None:
    server = Server(sorted(_rows(SPLIT_ROWS_MIN - 1, prefix=b"\x42") + _rows(5000)[:50]))
    under = [row for row in server.rows if row[0][0] == 0x42]
    assembly = Assembly(server.manifest)
    honest = snapshot.branches_over(under, 1)
    with pytest.raises(BadSnapshot, match="fit one answer"):
        assembly.take(Chunk(b"\x42", (), (honest,)))
    with pytest.raises(BadSnapshot):
        assembly.take(Chunk(b"\x42", (), (snapshot.branches_over(under[1:], 1),)))
    assert assembly.take(Chunk(b"\x42", tuple(under))) == tuple(under)


def test_a_manifest_that_does_not_fit_together_is_refused() -> None:
    manifest = Server(_rows(300)).manifest
    replace = msgspec.structs.replace
    with pytest.raises(BadSnapshot, match="another network"):
        snapshot.check_manifest(manifest, Hash(b"h" * 32))
    header = replace(manifest.header, slot=Slot(10))
    with pytest.raises(BadSnapshot, match="another block"):
        snapshot.check_manifest(replace(manifest, header=header), GENESIS)
    with pytest.raises(BadSnapshot, match="root"):
        snapshot.check_manifest(replace(manifest, branches=snapshot.branches_over(_rows(299))), GENESIS)


def test_malformed_bytes_are_decode_errors() -> None:
    server = Server(_rows(300))
    manifest, chunk = server.manifest, server.chunk(b"\x10")
    replace = msgspec.structs.replace
    branches = manifest.branches
    bad_branches = [
        replace(branches, roots=branches.roots[:-1]),
        replace(branches, rows=branches.rows[:-1]),
        replace(branches, rows=(-1, *branches.rows[1:])),
        replace(branches, singles=((Hash(b""), Hash(b"")), *branches.singles)),
    ]
    manifests = [replace(manifest, branches=each) for each in bad_branches]
    manifests.append(replace(manifest, genesis_hash=Hash(b"")))
    manifests.append(replace(manifest, certificate=replace(manifest.certificate, signatures=())))
    for each in manifests:
        with pytest.raises(DecodeError):
            snapshot.decode_manifest(snapshot.encode_manifest(each))
    chunks = [replace(chunk, prefix=b""), replace(chunk, rows=()), replace(chunk, branches=(branches,))]
    chunks += [Chunk(b"\x10", (), (each,)) for each in bad_branches]
    for bad in chunks:
        with pytest.raises(DecodeError):
            snapshot.decode_chunk(snapshot.encode_chunk(bad))
    for data in (b"", b"\xc0", snapshot.encode_chunk(chunk)[:-1], snapshot.encode_manifest(manifest) + b"\x00"):
        with pytest.raises(DecodeError):
            snapshot.decode_chunk(data)
        with pytest.raises(DecodeError):
            snapshot.decode_manifest(data)
