"""Votes, proposals, certificates: pinned bytes, and refusal of everything that does not hold."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import (
    Certificate,
    LockProof,
    build_certificate,
    check_certificate,
    check_lock_proof,
    decode_certificate,
)
from node.consensus.errors import BadCertificate, BadVote, WrongSet
from node.consensus.evidence import (
    DoubleHeader,
    DoubleProposal,
    DoubleVote,
    check_double_header,
    check_double_proposal,
    check_double_vote,
    decode_evidence,
    encode_evidence,
)
from node.consensus.messages import (
    Proposal,
    check_proposal,
    decode_message,
    encode_message,
    proposal_message,
)
from node.consensus.votes import NIL, BlockRef, Step, Vote, check_vote, message_of_vote, vote_message
from node.ledger.header import UNSIGNED, Authority
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer
from node.primitives.crypto import verify as verify_ed25519
from node.primitives.errors import DecodeError, NodeError
from node.primitives.types import AccountId, Hash, Height, SetId, Slot
from tests.simulation.chain import build, verify
from tests.unit.consensus.helpers import GENESIS, GENESIS_HASH, SET, A, B, certificate, lock_proof, proposal, vote

NINES = BlockRef(Hash(bytes([9]) * 32), Height(5))
VOTER = AccountId(bytes([1]) * 32)


def test_the_bytes_of_votes_and_proposals_are_pinned() -> None:
    network = bytes([7]) * 32
    assert vote_message(network, SetId(1), 2, 3, Step.PRECOMMIT, NINES).hex() == (
        "5a6b41fd5ff488ab95e6b9132b0b71f757b6a1a98c7bfc002ad1c60de350e013"
    )
    pinned = Vote(SetId(1), 2, 3, Step.PREVOTE, NINES.height, NINES.hash, VOTER, bytes([2]) * 64)
    assert encode(pinned).hex() == "99020102030105c420" + "09" * 32 + "c420" + "01" * 32 + "c440" + "02" * 64
    fresh = Proposal(SetId(1), 2, 3, NINES.height, NINES.hash, (), VOTER, bytes([2]) * 64)
    assert encode(fresh).hex() == "990101020305c420" + "09" * 32 + "90c420" + "01" * 32 + "c440" + "02" * 64
    assert proposal_message(fresh, network).hex() == "eebf8fc28952207ba945fb65a08cb30c1c74f80fa54a934eb4e84b5d69bba465"
    quorum = Certificate(SetId(1), 2, 3, NINES.height, NINES.hash, b"\x07", (bytes([2]) * 64,) * 3)
    assert encode(quorum).hex() == "980301020305c420" + "09" * 32 + "c4010793" + ("c440" + "02" * 64) * 3
    proof = LockProof(*(getattr(quorum, name) for name in quorum.__struct_fields__))
    again = replace(fresh, round=4, proof=(proof,))
    assert proposal_message(again, network).hex() == "d1e3a2664af4f9c35c00f62b9a4c6a167e7d44d289b5e22c47363e5932668c82"


@pytest.mark.parametrize(
    "message", [vote(1, Step.PREVOTE, A), vote(2, Step.PRECOMMIT, NIL), proposal(A), certificate(B)]
)
def test_messages_survive_the_wire(message: Proposal | Vote | Certificate) -> None:
    assert decode_message(encode_message(message)) == message


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_garbage_is_refused_with_a_node_error(data: bytes) -> None:
    with pytest.raises(NodeError):
        decode_message(data)


@settings(max_examples=300)
@given(
    st.integers(0, 10**6), st.integers(0, 255), st.sampled_from([vote(1, Step.PREVOTE, A), proposal(A), certificate(A)])
)
def test_a_changed_byte_never_passes_for_the_same_message(
    place: int, value: int, message: Proposal | Vote | Certificate
) -> None:
    data = bytearray(encode_message(message))
    if data[place % len(data)] == value:
        return
    data[place % len(data)] = value
    try:
        other = decode_message(bytes(data))
        if isinstance(other, Vote):
            check_vote(other, SET, GENESIS_HASH, verify)
        elif isinstance(other, Proposal):
            check_proposal(other, SET, GENESIS_HASH, verify)
        else:
            check_certificate(other, SET, GENESIS_HASH, verify, header=None)
    except NodeError:
        return
    pytest.fail("a forged message passed")


def test_oversized_input_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(DecodeError, match="at most"):
        decode_message(bytes(200_000))


Change = Callable[[Vote], Vote]


@pytest.mark.parametrize(
    "change",
    [
        lambda cast: replace(cast, instance=2),
        lambda cast: replace(cast, round=1),
        lambda cast: replace(cast, step=Step.PRECOMMIT),
        lambda cast: replace(cast, height=Height(9)),
        lambda cast: replace(cast, block_hash=B.hash),
        lambda cast: replace(cast, voter=SET.members[1].account),
        lambda cast: replace(cast, voter=AccountId(bytes(32))),
    ],
)
def test_a_vote_fits_nowhere_but_where_it_was_cast(change: Change) -> None:
    cast = vote(0, Step.PREVOTE, A)
    check_vote(cast, SET, GENESIS_HASH, verify)
    with pytest.raises(BadVote):
        check_vote(change(cast), SET, GENESIS_HASH, verify)


def test_votes_of_another_network_or_set_are_refused() -> None:
    with pytest.raises(BadVote):
        check_vote(vote(0, Step.PREVOTE, A), SET, Hash(bytes(32)), verify)
    with pytest.raises(WrongSet):
        check_vote(vote(0, Step.PREVOTE, A), AuthoritySet(SetId(1), SET.members), GENESIS_HASH, verify)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bitmap": b"\x03", "signatures": certificate(A).signatures[:2]}, "no quorum"),
        ({"bitmap": b"\x0f"}, "do not fit"),
        ({"bitmap": b"\x07\x00"}, "does not fit the authority set"),
        ({"bitmap": b"\x83"}, "does not exist"),
        ({"bitmap": b"\x0b"}, "is wrong"),
        ({"height": Height(7)}, "is wrong"),
        ({"round": 1}, "is wrong"),
        ({"block_hash": bytes(32)}, "above genesis"),
        ({"signatures": (b"short",) * 3}, "wrong length"),
    ],
)
def test_a_certificate_that_does_not_hold_says_why(changes: dict[str, object], sentence: str) -> None:
    check_certificate(certificate(A), SET, GENESIS_HASH, verify, header=None)
    with pytest.raises(BadCertificate, match=sentence):
        check_certificate(replace(certificate(A), **changes), SET, GENESIS_HASH, verify, header=None)


def test_prevotes_make_no_certificate() -> None:
    proof = lock_proof(A)
    check_lock_proof(proof, SET, GENESIS_HASH, verify)
    passed_off = Certificate(*(getattr(proof, name) for name in proof.__struct_fields__))
    with pytest.raises(BadCertificate):
        check_certificate(passed_off, SET, GENESIS_HASH, verify, header=None)
    with pytest.raises(DecodeError):
        decode_certificate(encode(proof))


def test_certificates_hold_under_the_real_signature_scheme() -> None:
    signers = {signer.public: signer for signer in (Ed25519Signer(bytes([number]) * 32) for number in range(4))}
    members = AuthoritySet.of(SetId(0), (Authority(public, 1) for public in signers))
    votes = []
    for member in members.members[1:]:
        unsigned = Vote(SetId(0), 1, 0, Step.PRECOMMIT, A.height, A.hash, member.account, UNSIGNED)
        signature = signers[member.account].sign(message_of_vote(unsigned, GENESIS_HASH))
        votes.append(replace(unsigned, signature=signature))
    made = build_certificate(votes, members)
    check_certificate(made, members, GENESIS_HASH, verify_ed25519, header=None)
    with pytest.raises(BadCertificate):
        check_certificate(
            replace(made, signatures=made.signatures[::-1]), members, GENESIS_HASH, verify_ed25519, header=None
        )


def test_only_the_proposer_of_the_round_proposes_and_its_proof_must_hold() -> None:
    proof = lock_proof(A)
    check_proposal(proposal(A, round_number=1, proof=proof), SET, GENESIS_HASH, verify)
    with pytest.raises(BadVote, match="does not propose"):
        check_proposal(replace(proposal(A), round=1), SET, GENESIS_HASH, verify)
    with pytest.raises(BadVote, match="is wrong"):
        check_proposal(replace(proposal(A, round_number=1, proof=proof), proof=()), SET, GENESIS_HASH, verify)
    weak = replace(proof, bitmap=b"\x03", signatures=proof.signatures[:2])
    with pytest.raises(BadCertificate):
        check_proposal(proposal(A, round_number=1, proof=weak), SET, GENESIS_HASH, verify)


@pytest.mark.parametrize("made", [proposal(B, round_number=1, proof=lock_proof(A)), proposal(A, proof=lock_proof(A))])
def test_a_proof_of_another_block_or_of_no_earlier_round_is_malformed(made: Proposal) -> None:
    with pytest.raises(BadVote, match="proof"):
        decode_message(encode_message(made))


def test_evidence_convicts_the_guilty_only() -> None:
    double = DoubleVote(vote(0, Step.PREVOTE, A), vote(0, Step.PREVOTE, B))
    check_double_vote(double, GENESIS_HASH, verify)
    assert decode_evidence(encode_evidence(double)) == double
    for second in (
        vote(1, Step.PREVOTE, B),
        vote(0, Step.PRECOMMIT, B),
        vote(0, Step.PREVOTE, A),
        vote(0, Step.PREVOTE, B, round_number=1),
    ):
        with pytest.raises(BadVote):
            check_double_vote(DoubleVote(double.first, second), GENESIS_HASH, verify)
    check_double_proposal(DoubleProposal(proposal(A), proposal(B)), GENESIS_HASH, verify)
    with pytest.raises(BadVote):
        check_double_proposal(DoubleProposal(proposal(A), proposal(B, round_number=1)), GENESIS_HASH, verify)


def test_two_headers_for_one_slot_convict_their_producer() -> None:
    producer = SET.slot_leader(Slot(1))
    one, two = (
        build(GENESIS_HASH, GENESIS.header, GENESIS.state, Slot(1), producer, (body,)).header for body in (b"1", b"2")
    )
    check_double_header(DoubleHeader(one, two), GENESIS_HASH, verify)
    with pytest.raises(BadVote):
        check_double_header(DoubleHeader(one, one), GENESIS_HASH, verify)
    with pytest.raises(BadVote):
        check_double_header(DoubleHeader(one, replace(two, signature=one.signature)), GENESIS_HASH, verify)
