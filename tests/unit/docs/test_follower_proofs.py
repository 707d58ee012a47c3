"""What the second implementation refuses of votes, proofs and snapshots although their hashes fit: other sets, second
forms of one proof, rows and subtrees in the wrong place."""

from dataclasses import replace

import pytest

from tests.reference.follower.sets import (
    AuthoritySet,
    check_members,
    check_proposal,
    check_vote,
)
from tests.reference.follower.shapes import Chunk, Manifest, Proof
from tests.reference.follower.trees import (
    check_branches,
    check_chunk,
    check_manifest,
    fold,
    join,
    leaf,
    merkle,
    proven_root,
    tree_root,
)
from tests.reference.follower.wire import ZEROS, Refused
from tests.unit.docs.test_examples import sign
from tests.unit.docs.test_vectors import (
    ALICE,
    BOB,
    BOB_SEED,
    GENESIS,
    MEMBERS,
    ROWS,
    branches_of,
    certificate,
    path,
    proof_of,
    proposal,
    sealed,
    vote,
)

ROOT = tree_root(ROWS)
TURN = 0 if MEMBERS.proposer(42, 0, ()) == ALICE else 1


# --- votes ------------------------------------------------------------------------------------------------------------


def test_a_vote_is_a_member_s_of_the_set_that_decides() -> None:
    sound = vote(1, 101, sealed().hash)
    check_vote(sound, MEMBERS, GENESIS)
    stranger = AuthoritySet(0, tuple(member for member in MEMBERS.members if member.account == BOB))
    lies = [
        (sound, replace(MEMBERS, set_id=1)),
        (sound, stranger),
        (replace(sound, round=1), MEMBERS),
        (replace(sound, step=2), MEMBERS),
        (replace(sound, voter=BOB), MEMBERS),
    ]
    for cast, members in lies:
        with pytest.raises(Refused):
            check_vote(cast, members, GENESIS)
    with pytest.raises(Refused):
        check_vote(sound, MEMBERS, b"\x12" * 32)


def test_a_proposal_is_that_of_its_round_s_proposer() -> None:
    sound = proposal(sealed(), TURN)
    check_proposal(sound, MEMBERS, GENESIS, ())
    with pytest.raises(Refused, match="another set"):
        check_proposal(sound, replace(MEMBERS, set_id=1), GENESIS, ())
    with pytest.raises(Refused, match="not this round"):
        check_proposal(proposal(sealed(), TURN + 1), MEMBERS, GENESIS, ())
    with pytest.raises(Refused, match="not this round"):
        check_proposal(sound, MEMBERS, GENESIS, {ALICE})
    for wrong in (sign(BOB_SEED, sound.message(GENESIS)), proposal(sealed(), TURN + 2).signature):
        with pytest.raises(Refused, match="signature"):
            check_proposal(replace(sound, signature=wrong), MEMBERS, GENESIS, ())


def test_a_set_has_members() -> None:
    with pytest.raises(Refused, match="1 to 1 000"):
        check_members(())


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_a_proof_has_one_form() -> None:
    there, value = path(0x20), b"\x20"
    sound = proof_of(there)
    assert proven_root(there, value, sound) == ROOT
    marked = bytes([sound.levels[0] | 0x20])  # depth 2, where the sibling is empty
    siblings = (*sound.siblings[:2], ZEROS, *sound.siblings[2:])
    lies = [
        replace(sound, levels=sound.levels + b"\x00"),
        Proof(marked, siblings, ()),
        replace(sound, other=(path(0x21), merkle(b"\x21"))),
        replace(sound, siblings=sound.siblings[:-1]),
    ]
    for lie in lies:
        with pytest.raises(Refused):
            proven_root(there, value, lie)


def test_a_row_that_is_there_cannot_be_proven_absent() -> None:
    there = path(0x20)
    lie = replace(proof_of(there), other=(there, merkle(b"\x20")))
    with pytest.raises(Refused, match="another one"):
        proven_root(there, None, lie)


def test_the_row_in_the_place_of_an_absent_one_shares_its_way() -> None:
    sibling, other = leaf(path(0xC0), merkle(b"c")), path(0xE0)
    crafted = Proof(b"\x80", (sibling,), (other, merkle(b"\xe0")))
    assert join(leaf(other, merkle(b"\xe0")), sibling) != ROOT
    with pytest.raises(Refused, match="place"):
        proven_root(path(0x20), None, crafted)


# --- snapshots --------------------------------------------------------------------------------------------------------


def test_the_subtrees_of_a_manifest_are_what_they_are_said_to_be() -> None:
    sound = branches_of(ROWS)
    check_branches(sound, b"", ROOT)
    beside = sound.roots[: 32 * 0x61] + b"\x09" * 32 + sound.roots[32 * 0x62 :]
    other_value = (*sound.singles[:-1], (sound.singles[-1][0], merkle(b"x")))
    lies = [
        replace(sound, roots=beside),  # a root where no row is, beside a single row that rises past it
        replace(sound, singles=other_value),
        replace(
            sound, rows=(*sound.rows[:0x60], 2, *sound.rows[0x61:]), singles=(*sound.singles[:2], sound.singles[3])
        ),
    ]
    assert fold(lies[0]) == ROOT
    for lie in lies:
        with pytest.raises(Refused):
            check_branches(lie, b"", ROOT)


def test_a_single_row_lies_in_its_own_subtree() -> None:
    (stray,) = branches_of(ROWS[1:2]).singles
    sound = branches_of(ROWS[:1])
    moved = replace(sound, roots=sound.roots.replace(sound.root(0x20), leaf(*stray)), singles=(stray,))
    with pytest.raises(Refused, match="another subtree"):
        check_branches(moved, b"", leaf(*stray))


def test_the_rows_of_a_chunk_lie_under_its_prefix() -> None:
    check_chunk(Chunk(b"\x21", ROWS[1:2], ()), tree_root(ROWS[1:2]))
    with pytest.raises(Refused, match="another prefix"):
        check_chunk(Chunk(b"\x20", ROWS[1:2], ()), tree_root(ROWS[1:2]))


def test_a_manifest_is_of_this_network_and_its_certificate_of_its_block() -> None:
    header = sealed()
    sound = Manifest(GENESIS, header, certificate(header), branches_of(ROWS))
    check_manifest(sound, GENESIS)
    with pytest.raises(Refused, match="another network"):
        check_manifest(sound, b"\x12" * 32)
    other = certificate(sealed(state_root=b"\x44" * 32))
    for wrong in (other, replace(sound.certificate, height=102)):
        with pytest.raises(Refused, match="another block"):
            check_manifest(replace(sound, certificate=wrong), GENESIS)
