"""Evidence as the ledger reads it: two signed statements of one authority where an honest one makes one.

The bytes are those that `node.consensus.evidence` encodes; the ledger knows only as much of votes and proposals as it
takes to check them, and nothing of consensus. Two of the same statement convict nobody. Source: docs/protocol.md,
"Evidence".
"""

from dataclasses import dataclass
from typing import Annotated, cast

import msgspec

from node.ledger import errors
from node.ledger.header import Header, check_header_shape, seal_message
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Verifier, digest
from node.primitives.errors import DecodeError
from node.primitives.limits import EVIDENCE_CALL_BYTES_MAX
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, SIGNATURE_BYTES, AccountId, Hash, Height, SetId

_Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Set = Annotated[SetId, msgspec.Meta(ge=0, le=2**63 - 1)]
_Height = Annotated[Height, msgspec.Meta(ge=0, le=2**63 - 1)]
_Hash = Annotated[Hash, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
_Account = Annotated[AccountId, msgspec.Meta(min_length=ACCOUNT_BYTES, max_length=ACCOUNT_BYTES)]
_Signature = Annotated[bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


class SignedVote(Wire, frozen=True, tag=2):
    """A finality vote; `step` is 1 for a prevote, 2 for a precommit."""

    set_id: _Set
    instance: _Number
    round: _Number
    step: Annotated[int, msgspec.Meta(ge=1, le=2)]
    height: _Height
    block_hash: _Hash
    voter: _Account
    signature: _Signature


class QuorumProof(Wire, frozen=True, tag=4):
    """A proof inside a proposal; only its bytes matter here, because they are signed with it."""

    set_id: _Set
    instance: _Number
    round: _Number
    height: _Height
    block_hash: _Hash
    bitmap: bytes
    signatures: tuple[_Signature, ...]


class SignedProposal(Wire, frozen=True, tag=1):
    """A finality proposal."""

    set_id: _Set
    instance: _Number
    round: _Number
    height: _Height
    block_hash: _Hash
    proof: Annotated[tuple[QuorumProof, ...], msgspec.Meta(max_length=1)]
    proposer: _Account
    signature: _Signature


class DoubleHeader(Wire, frozen=True, tag=1):
    """Two blocks of one producer for one slot."""

    first: Header
    second: Header


class DoubleVote(Wire, frozen=True, tag=2):
    """Two votes of one voter in one step."""

    first: SignedVote
    second: SignedVote


class DoubleProposal(Wire, frozen=True, tag=3):
    """Two proposals of one proposer in one round."""

    first: SignedProposal
    second: SignedProposal


Evidence = DoubleHeader | DoubleVote | DoubleProposal

_HEADERS, _VOTES, _PROPOSALS = range(1, 4)


@dataclass(frozen=True, slots=True)
class Offence:
    """What evidence claims: who, under which set, when at the latest, and the two statements with their signatures."""

    offender: AccountId
    set_id: SetId
    height: Height
    identity: Hash
    """The same for all evidence of one offence, whichever two of its statements it holds and in which order."""
    signed: tuple[tuple[Hash, bytes], tuple[Hash, bytes]]

    def require_signed(self, verify: Verifier) -> None:
        """Raise EvidenceInvalid unless the offender signed both statements."""
        if not all(verify(self.offender, message, signature) for message, signature in self.signed):
            raise errors.EvidenceInvalid("The accused did not sign this.")


def read_evidence(data: bytes, genesis_hash: Hash) -> Offence:
    """The offence that the bytes claim; the signatures are not checked yet.

    Raises EvidenceMalformed, or EvidenceInvalid for two statements that an honest authority may make.
    """
    try:
        kind = cast("type[Evidence]", Evidence)
        evidence = decode_canonical(kind, data, max_bytes=EVIDENCE_CALL_BYTES_MAX)
        match evidence:
            case DoubleHeader():
                return _headers(evidence.first, evidence.second, genesis_hash)
            case DoubleVote():
                return _votes(evidence.first, evidence.second, genesis_hash)
            case DoubleProposal():
                return _proposals(evidence.first, evidence.second, genesis_hash)
    except DecodeError as error:
        raise errors.EvidenceMalformed(error.message) from error


def _headers(first: Header, second: Header, genesis_hash: Hash) -> Offence:
    check_header_shape(first)
    check_header_shape(second)
    messages = Hash(seal_message(genesis_hash, first)), Hash(seal_message(genesis_hash, second))
    if (first.proposer, first.slot) != (second.proposer, second.slot) or messages[0] == messages[1]:
        raise errors.EvidenceInvalid("These headers are not two blocks of one producer for one slot.")
    return Offence(
        first.proposer,
        min(first.set_id, second.set_id),
        max(first.height, second.height),
        _identity(_HEADERS, first.proposer, (first.slot,)),
        ((messages[0], first.signature), (messages[1], second.signature)),
    )


def _votes(first: SignedVote, second: SignedVote, genesis_hash: Hash) -> Offence:
    places = [(vote.voter, vote.set_id, vote.instance, vote.round, vote.step) for vote in (first, second)]
    if places[0] != places[1] or (first.block_hash, first.height) == (second.block_hash, second.height):
        raise errors.EvidenceInvalid("These votes are not two of one voter in one step.")
    place = places[0][1:]
    return Offence(
        first.voter,
        first.set_id,
        max(first.height, second.height),
        _identity(_VOTES, first.voter, place),
        (
            (_vote_message(first, genesis_hash), first.signature),
            (_vote_message(second, genesis_hash), second.signature),
        ),
    )


def _proposals(first: SignedProposal, second: SignedProposal, genesis_hash: Hash) -> Offence:
    places = [(made.proposer, made.set_id, made.instance, made.round) for made in (first, second)]
    if places[0] != places[1] or (first.block_hash, first.height) == (second.block_hash, second.height):
        raise errors.EvidenceInvalid("These proposals are not two of one proposer in one round.")
    place = places[0][1:]
    return Offence(
        first.proposer,
        first.set_id,
        max(first.height, second.height),
        _identity(_PROPOSALS, first.proposer, place),
        (
            (_proposal_message(first, genesis_hash), first.signature),
            (_proposal_message(second, genesis_hash), second.signature),
        ),
    )


def _vote_message(vote: SignedVote, genesis_hash: Hash) -> Hash:
    position = (vote.set_id, vote.instance, vote.round, vote.step, vote.height, vote.block_hash)
    return digest("vote", genesis_hash, encode(position))


def _proposal_message(made: SignedProposal, genesis_hash: Hash) -> Hash:
    position = (made.set_id, made.instance, made.round, made.height, made.block_hash)
    return digest("proposal", genesis_hash, encode(position), encode(made.proof))


def _identity(kind: int, offender: AccountId, place: object) -> Hash:
    return digest("offence", encode((kind, offender, place)))
