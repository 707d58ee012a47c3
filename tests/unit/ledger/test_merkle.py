"""The state tree: its root depends on the rows alone, and proofs prove exactly what is there."""

import hashlib
import random

import pytest

from node.ledger import merkle
from node.ledger.merkle import Proof
from node.primitives.errors import InvariantBroken
from node.primitives.types import ZERO_HASH, Hash

RANDOM = random.Random(11)
ROWS = {Hash(RANDOM.randbytes(32)): RANDOM.randbytes(RANDOM.randrange(1, 80)) for _ in range(300)}


def _h(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32, person=b"merkle").digest()


def _reference(rows: dict[Hash, bytes], depth: int = 0) -> bytes:
    """The rules written once more, without sharing, bisecting or compactness by construction."""
    if not rows:
        return bytes(32)
    if len(rows) == 1:
        [(path, value)] = rows.items()
        return _h(b"\x00" + path + _h(value))
    halves: tuple[dict[Hash, bytes], dict[Hash, bytes]] = ({}, {})
    for path, value in rows.items():
        halves[int.from_bytes(path, "big") >> (255 - depth) & 1][path] = value
    return _h(b"\x01" + _reference(halves[0], depth + 1) + _reference(halves[1], depth + 1))


def _build(rows: dict[Hash, bytes]) -> merkle.Node:
    return merkle.build(sorted(rows.items()))


def test_the_root_follows_the_written_rules() -> None:
    assert merkle.root_hash(_build(ROWS)) == _reference(ROWS)


def test_the_root_of_nothing_is_zero() -> None:
    assert merkle.root_hash(merkle.EMPTY) == ZERO_HASH == merkle.root_hash(merkle.update(merkle.EMPTY, {}))


def test_roots_of_fixed_rows_never_change() -> None:
    rows = {Hash(bytes([i]) * 32): bytes([i]) for i in range(5)}
    assert merkle.root_hash(_build(rows)).hex() == "07feea3c217584aad8db4eb7a129dcdde7c374a14e0dd29c1f7ad017fbf6ba52"
    assert (
        merkle.list_root([b"a", b"b", b"c"]).hex() == "9f32d7b635da171f18c5e0c80147c0ab185d2750a73548de97ead3fc7cd2f491"
    )


def test_updates_in_any_order_give_the_root_of_the_rows() -> None:
    tree: merkle.Node = merkle.EMPTY
    items = list(ROWS.items())
    RANDOM.shuffle(items)
    for start in range(0, len(items), 37):
        tree = merkle.update(tree, dict(items[start : start + 37]))
    assert merkle.root_hash(tree) == merkle.root_hash(_build(ROWS))


def test_removing_rows_gives_the_root_of_the_rest() -> None:
    gone = RANDOM.sample(sorted(ROWS), 200)
    rest = {path: value for path, value in ROWS.items() if path not in gone}
    tree = merkle.update(_build(ROWS), dict.fromkeys(gone, None))
    assert merkle.root_hash(tree) == merkle.root_hash(_build(rest))
    assert merkle.update(tree, dict.fromkeys(rest, None)) is merkle.EMPTY


def test_removing_what_is_not_there_changes_nothing() -> None:
    tree = _build(ROWS)
    assert merkle.root_hash(merkle.update(tree, {Hash(bytes(32)): None})) == merkle.root_hash(tree)


def test_an_old_tree_stays_what_it_was() -> None:
    tree = _build(ROWS)
    before = merkle.root_hash(tree)
    merkle.update(tree, dict.fromkeys(ROWS, b"changed"))
    assert merkle.root_hash(tree) == before == _reference(ROWS)


def test_paths_that_differ_in_the_last_bit_only_do_not_exhaust_the_stack() -> None:
    rows = {Hash(bytes(31) + b"\x00"): b"a", Hash(bytes(31) + b"\x01"): b"b"}
    tree = _build(rows)
    assert merkle.root_hash(tree) == _reference(rows)
    path = Hash(bytes(31) + b"\x01")
    proof = merkle.prove(tree, path)
    assert proof.levels == bytes(31) + b"\x01"
    assert len(proof.siblings) == 1, "255 empty siblings cost a bit each"
    assert merkle.verify_proof(merkle.root_hash(tree), path, b"b", proof)


def test_every_row_and_every_absence_can_be_proved() -> None:
    tree = _build(ROWS)
    root = merkle.root_hash(tree)
    absent = [Hash(RANDOM.randbytes(32)) for _ in range(200)]
    for path, value in [*ROWS.items(), *((path, None) for path in absent)]:
        assert merkle.verify_proof(root, path, value, merkle.prove(tree, path))
    lonely = merkle.update(merkle.EMPTY, {absent[0]: b"x"})
    assert merkle.verify_proof(merkle.root_hash(lonely), absent[1], None, merkle.prove(lonely, absent[1]))
    assert merkle.verify_proof(ZERO_HASH, absent[1], None, merkle.prove(merkle.EMPTY, absent[1]))


def test_no_proof_proves_a_falsehood() -> None:
    tree = _build(ROWS)
    root = merkle.root_hash(tree)
    path, value = next(iter(ROWS.items()))
    absent = Hash(RANDOM.randbytes(32))
    present_proof, absent_proof = merkle.prove(tree, path), merkle.prove(tree, absent)
    assert not merkle.verify_proof(root, path, value + b"!", present_proof)
    assert not merkle.verify_proof(root, path, None, present_proof)
    assert not merkle.verify_proof(root, absent, b"invented", absent_proof)
    assert not merkle.verify_proof(root, path, None, absent_proof)
    assert not merkle.verify_proof(Hash(b"\x01" * 32), path, value, present_proof)
    itself = Proof(present_proof.levels, present_proof.siblings, (path, Hash(_h(value))))
    assert not merkle.verify_proof(root, path, None, itself), "a row is no proof of its own absence"


@pytest.mark.parametrize(
    "proof",
    [
        Proof(b"", (), ()),
        Proof(b"\x80", (Hash(b"short"),), ()),
        Proof(b"\x80", (), ()),
        Proof(b"", (ZERO_HASH,), ()),
        Proof(b"\x80\x00", (ZERO_HASH,), ()),
        Proof(b"\xff" * 33, (ZERO_HASH,) * 264, ()),
        Proof(b"", (), (ZERO_HASH,)),
        Proof(b"", (), (ZERO_HASH, ZERO_HASH, ZERO_HASH)),
        Proof(b"\xff" * 32, (ZERO_HASH,) * 256, (Hash(b"x"), ZERO_HASH)),
    ],
)
def test_a_malformed_proof_is_false_and_raises_nothing(proof: Proof) -> None:
    root = merkle.root_hash(_build(ROWS))
    assert not merkle.verify_proof(root, Hash(b"\x07" * 32), None, proof)
    assert not merkle.verify_proof(root, Hash(b"\x07" * 32), b"value", proof)
    assert not merkle.verify_proof(root, Hash(b"short"), None, proof)


def test_rows_out_of_order_are_a_defect_and_stop_the_build() -> None:
    with pytest.raises(InvariantBroken):
        merkle.build([(Hash(b"\x02" * 32), b""), (Hash(b"\x01" * 32), b"")])


def test_a_list_root_tells_order_length_and_content_apart() -> None:
    roots = {merkle.list_root(items) for items in ([], [b"a"], [b"b"], [b"a", b"b"], [b"b", b"a"], [b"a", b"b", b"b"])}
    assert len(roots) == 6


def test_a_proof_has_one_encoding() -> None:
    """Neither padding of the bitmap nor a written-out empty sibling proves what the proof proves."""
    rows = {Hash(b"\x00" + bytes(31)): b"a", Hash(b"\x01" + bytes(31)): b"b"}
    tree = _build(rows)
    root, path = merkle.root_hash(tree), Hash(b"\x00" + bytes(31))
    proof = merkle.prove(tree, path)
    assert merkle.verify_proof(root, path, b"a", proof)
    assert proof.levels == b"\x01"
    padded = Proof(proof.levels + b"\x00", proof.siblings, ())
    written = Proof(b"\xff", (ZERO_HASH,) * 7 + proof.siblings, ())
    assert not merkle.verify_proof(root, path, b"a", padded)
    assert not merkle.verify_proof(root, path, b"a", written)


@pytest.mark.parametrize("spread", [1, 2, 9])
def test_any_batch_of_changes_gives_the_root_of_the_rows(spread: int) -> None:
    """Paths that share long prefixes, set, changed and removed in batches of every size."""
    chance = random.Random(spread)
    paths = [
        Hash(bytes(chance.choice((0, 0, 128, 255)) if i % spread == 0 else 0 for i in range(32))) for _ in range(60)
    ]
    rows: dict[Hash, bytes] = {}
    tree: merkle.Node = merkle.EMPTY
    for _ in range(150):
        changed = chance.sample(paths, chance.choice((1, 1, 2, 3, 20)))
        batch = {path: chance.choice((None, b"a", b"b")) for path in changed}
        tree = merkle.update(tree, batch)
        rows = {path: value for path, value in {**rows, **batch}.items() if value is not None}
        assert merkle.root_hash(tree) == _reference(rows)
        assert tree == _build(rows), "the nodes are those of the rows too"
