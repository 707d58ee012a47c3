"""What authorities gossip about finality: proposals, votes and certificates, one tagged union with one decoder.

Decoding checks size and form only; `check_proposal`, `check_vote` and `check_certificate` check the signatures against
a set. Source: docs/protocol.md, "Gossip".
"""

from typing import cast

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, LockProof, check_lock_proof, check_quorum_shape
from node.consensus.errors import BadVote, WrongSet
from node.consensus.limits import MESSAGE_BYTES_MAX
from node.consensus.votes import BlockRef, Vote, check_numbers, check_vote_shape
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Verifier, digest
from node.primitives.types import (
    ACCOUNT_BYTES,
    HASH_BYTES,
    SIGNATURE_BYTES,
    ZERO_HASH,
    AccountId,
    Hash,
    Height,
    SetId,
)


class Proposal(Wire, frozen=True, tag=1):
    """What a round's proposer wants finalised.

    `proof` is empty for a fresh proposal; a block that once had a prevote quorum comes with that quorum's proof.
    """

    set_id: SetId
    instance: int
    round: int
    height: Height
    block_hash: Hash
    proof: tuple[LockProof, ...]
    proposer: AccountId
    signature: bytes

    @property
    def block(self) -> BlockRef:
        """The proposed block."""
        return BlockRef(self.block_hash, self.height)


FinalityMessage = Proposal | Vote | Certificate


def encode_message(message: FinalityMessage) -> bytes:
    """Return the canonical bytes of `message`."""
    return encode(message)


def decode_message(data: bytes) -> FinalityMessage:
    """Return the well-formed message in `data`; its signatures are not checked.

    Raises:
        DecodeError: too long or not the canonical encoding of a message.
        ConsensusError: a number, length or bitmap that no honest node writes.
    """
    kind = cast("type[FinalityMessage]", FinalityMessage)
    message = decode_canonical(kind, data, max_bytes=MESSAGE_BYTES_MAX)
    match message:
        case Proposal():
            check_proposal_shape(message)
        case Vote():
            check_vote_shape(message)
        case Certificate():
            check_quorum_shape(message)
    return message


def proposal_message(proposal: Proposal, genesis_hash: bytes) -> bytes:
    """Return the 32 bytes that `proposal.signature` covers."""
    position = (proposal.set_id, proposal.instance, proposal.round, proposal.height, proposal.block_hash)
    return digest("proposal", genesis_hash, encode(position), encode(proposal.proof))


def check_proposal_shape(proposal: Proposal) -> None:
    """Refuse a proposal that is malformed on its own.

    Raises:
        BadVote: a wrong length, number or proof.
        BadCertificate: the proof is malformed.
    """
    check_numbers(proposal.set_id, proposal.instance, proposal.round, proposal.height)
    lengths = (len(proposal.block_hash), len(proposal.proposer), len(proposal.signature))
    if lengths != (HASH_BYTES, ACCOUNT_BYTES, SIGNATURE_BYTES):
        raise BadVote("A hash, key or signature of this proposal has the wrong length.")
    if proposal.block_hash == ZERO_HASH or proposal.height == 0:
        raise BadVote("A proposal names a block above genesis.")
    if len(proposal.proof) > 1:
        raise BadVote("A proposal has at most one proof.")
    for proof in proposal.proof:
        check_quorum_shape(proof)
        same = (proof.set_id, proof.instance, proof.block) == (proposal.set_id, proposal.instance, proposal.block)
        if not same or proof.round >= proposal.round:
            raise BadVote("The proof of this proposal is of another block or no earlier round.")


def check_proposal(proposal: Proposal, authorities: AuthoritySet, genesis_hash: bytes, verify: Verifier) -> None:
    """Refuse a proposal that the proposer of its round did not sign, or whose proof does not hold.

    Raises:
        WrongSet: it belongs to another set.
        BadVote: not this round's proposer, or a wrong signature.
        BadCertificate: the proof does not hold.
    """
    if proposal.set_id != authorities.set_id:
        raise WrongSet(f"This proposal is of authority set {proposal.set_id}, here {authorities.set_id} decides.")
    if proposal.proposer != authorities.proposer(proposal.instance, proposal.round):
        raise BadVote("This authority does not propose in this round.")
    if not verify(proposal.proposer, proposal_message(proposal, genesis_hash), proposal.signature):
        raise BadVote("The signature of this proposal is wrong.")
    for proof in proposal.proof:
        check_lock_proof(proof, authorities, genesis_hash, verify)
