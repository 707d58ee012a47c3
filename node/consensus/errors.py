"""Leaf errors of consensus: why a header, vote or certificate is refused.

ConsensusError
├── WrongSet            made for another authority set than the one that decides here
├── BadSeal             a header that its slot's leader did not sign
├── BadVote             a vote or proposal that is malformed or not signed by its voter
├── BadCertificate      too few, repeated or wrong signatures
└── BadAuthoritySet     a set without members, weight or order
"""

from node.primitives.errors import ConsensusError


class WrongSet(ConsensusError):
    """Made for another authority set than the one that decides here; no offence, one side is behind."""

    code = "consensus_wrong_set"
    remedy = "Nothing is to be done while the node catches up; `neurond status` shows its height."


class BadSeal(ConsensusError):
    """A header whose producer is not the leader of its slot, or did not sign it."""

    code = "consensus_bad_seal"
    remedy = "Nothing is to be done: the block is dropped and its sender loses standing."


class BadVote(ConsensusError):
    """A vote or proposal that is malformed or not signed by its voter."""

    code = "consensus_bad_vote"
    remedy = "Nothing is to be done: what was sent is dropped and its sender loses standing."


class BadCertificate(ConsensusError):
    """A certificate or lock proof with too few, repeated or wrong signatures."""

    code = "consensus_bad_certificate"
    remedy = "Nothing is to be done: what was sent is dropped and its sender loses standing."


class BadAuthoritySet(ConsensusError):
    """A set of authorities without members, with repeated keys or without weight."""

    code = "consensus_bad_authority_set"
    remedy = "Name each authority once, sorted by key, with a weight above zero."
