"""Proofs of misbehaviour: two signed things of one key where honest nodes sign one. Records only, no punishment.

An honest node cannot be convicted: each proof holds two different messages for one position, both signed. Source:
docs/protocol.md, "Evidence".
"""

from typing import cast

from node.consensus.certificate import Certificate
from node.consensus.errors import BadVote
from node.consensus.limits import EVIDENCE_BYTES_MAX
from node.consensus.messages import Proposal, check_proposal_shape, proposal_message
from node.consensus.votes import Vote, check_vote_shape, message_of_vote
from node.ledger.header import Header, seal_message
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Verifier
from node.primitives.types import AccountId


class DoubleHeader(Wire, frozen=True, tag=1):
    """Two different blocks of one producer for one slot."""

    first: Header
    second: Header


class DoubleVote(Wire, frozen=True, tag=2):
    """Two votes of one voter for different blocks in one step."""

    first: Vote
    second: Vote


class DoubleProposal(Wire, frozen=True, tag=3):
    """Two different proposals of one proposer in one round."""

    first: Proposal
    second: Proposal


class ConflictingCertificates(Wire, frozen=True, tag=4):
    """Two certificates that cannot both be: at least a third of the weight voted on both sides of a fork."""

    first: Certificate
    second: Certificate


Evidence = DoubleHeader | DoubleVote | DoubleProposal | ConflictingCertificates


def encode_evidence(evidence: Evidence) -> bytes:
    """Return the canonical bytes of `evidence`."""
    return encode(evidence)


def decode_evidence(data: bytes) -> Evidence:
    """Return the evidence in `data`; DecodeError otherwise. Nothing about its truth is checked."""
    return decode_canonical(cast("type[Evidence]", Evidence), data, max_bytes=EVIDENCE_BYTES_MAX)


def offender(evidence: Evidence) -> AccountId | None:
    """Return whose offence it is; None where a certificate fork leaves that to its signatures."""
    match evidence:
        case DoubleHeader():
            return evidence.first.proposer
        case DoubleVote():
            return evidence.first.voter
        case DoubleProposal():
            return evidence.first.proposer
        case ConflictingCertificates():
            return None


def check_double_header(evidence: DoubleHeader, genesis_hash: bytes, verify: Verifier) -> None:
    """Refuse a proof that does not convict (BadVote)."""
    first, second = evidence.first, evidence.second
    messages = seal_message(genesis_hash, first), seal_message(genesis_hash, second)
    if (first.proposer, first.slot) != (second.proposer, second.slot) or messages[0] == messages[1]:
        raise BadVote("These headers are not two blocks of one producer for one slot.")
    signed = zip(messages, (first, second), strict=True)
    if not all(verify(header.proposer, message, header.signature) for message, header in signed):
        raise BadVote("A header of this evidence is not signed by its producer.")


def check_double_vote(evidence: DoubleVote, genesis_hash: bytes, verify: Verifier) -> None:
    """Refuse a proof that does not convict (BadVote)."""
    first, second = evidence.first, evidence.second
    check_vote_shape(first)
    check_vote_shape(second)
    places = [(vote.voter, vote.set_id, vote.instance, vote.round, vote.step) for vote in (first, second)]
    if places[0] != places[1] or first.block == second.block:
        raise BadVote("These votes are not two of one voter in one step.")
    if not all(verify(vote.voter, message_of_vote(vote, genesis_hash), vote.signature) for vote in (first, second)):
        raise BadVote("A vote of this evidence is not signed by its voter.")


def check_double_proposal(evidence: DoubleProposal, genesis_hash: bytes, verify: Verifier) -> None:
    """Refuse a proof that does not convict (BadVote)."""
    first, second = evidence.first, evidence.second
    check_proposal_shape(first)
    check_proposal_shape(second)
    places = [(made.proposer, made.set_id, made.instance, made.round) for made in (first, second)]
    if places[0] != places[1] or first.block == second.block:
        raise BadVote("These proposals are not two of one proposer in one round.")
    signed = (first, second)
    if not all(verify(made.proposer, proposal_message(made, genesis_hash), made.signature) for made in signed):
        raise BadVote("A proposal of this evidence is not signed by its proposer.")
