"""Finality votes: prevotes and precommits, their signed bytes and their check.

A vote names a block by hash and height; nil is the zero hash at height 0. The signature covers the network, the set,
the instance, the round, the step and the block, so that no vote fits anywhere else. Source: docs/protocol.md, "Votes".
"""

import enum
from functools import lru_cache
from typing import Final, NamedTuple

from node.consensus.authority import AuthoritySet
from node.consensus.errors import BadVote, WrongSet
from node.consensus.limits import HEIGHT_MAX, INSTANCE_MAX, ROUND_MAX
from node.primitives.codec import Wire, encode
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

_MESSAGES_KEPT: Final = 256  # signed bytes of recent votes: all voters for one block in one step sign the same


class Step(enum.IntEnum):
    """The two votes of a round."""

    PREVOTE = 1
    PRECOMMIT = 2


class BlockRef(NamedTuple):
    """A block as votes name it."""

    hash: Hash
    height: Height


NIL = BlockRef(ZERO_HASH, Height(0))
"""The vote for no block in this round."""


class Vote(Wire, frozen=True, tag=2):
    """One authority's vote in one step of one round."""

    set_id: SetId
    instance: int
    round: int
    step: Step
    height: Height
    block_hash: Hash
    voter: AccountId
    signature: bytes

    @property
    def block(self) -> BlockRef:
        """What is voted for; `NIL` for nothing."""
        return BlockRef(self.block_hash, self.height)


@lru_cache(_MESSAGES_KEPT)
def vote_message(
    genesis_hash: bytes, set_id: SetId, instance: int, round_number: int, step: Step, block: BlockRef
) -> bytes:
    """Return the 32 bytes that a voter signs."""
    return digest("vote", genesis_hash, encode((set_id, instance, round_number, int(step), block.height, block.hash)))


def message_of_vote(vote: Vote, genesis_hash: bytes) -> bytes:
    """Return the 32 bytes that `vote.signature` covers."""
    return vote_message(genesis_hash, vote.set_id, vote.instance, vote.round, vote.step, vote.block)


def check_numbers(set_id: int, instance: int, round_number: int, height: int) -> None:
    """Refuse numbers that no honest node can reach (BadVote)."""
    if not (set_id >= 0 and 0 < instance <= INSTANCE_MAX and 0 <= round_number <= ROUND_MAX):
        raise BadVote("A number of this message is out of range.")
    if not 0 <= height <= HEIGHT_MAX:
        raise BadVote("The height in this message is out of range.")


def check_vote_shape(vote: Vote) -> None:
    """Refuse a vote that is malformed on its own (BadVote)."""
    check_numbers(vote.set_id, vote.instance, vote.round, vote.height)
    lengths = (len(vote.block_hash), len(vote.voter), len(vote.signature))
    if lengths != (HASH_BYTES, ACCOUNT_BYTES, SIGNATURE_BYTES):
        raise BadVote("A hash, key or signature of this vote has the wrong length.")
    if (vote.block_hash == ZERO_HASH) != (vote.height == 0):
        raise BadVote("A vote for nothing has height 0, and a vote for a block has not.")


def check_vote(vote: Vote, authorities: AuthoritySet, genesis_hash: bytes, verify: Verifier) -> None:
    """Refuse a vote that no member of `authorities` cast.

    Raises:
        WrongSet: it belongs to another set.
        BadVote: its voter is no member, or the signature is wrong.
    """
    if vote.set_id != authorities.set_id:
        raise WrongSet(f"This vote is of authority set {vote.set_id}, here {authorities.set_id} decides.")
    if vote.voter not in authorities:
        raise BadVote("The voter is no authority.")
    if not verify(vote.voter, message_of_vote(vote, genesis_hash), vote.signature):
        raise BadVote("The signature of this vote is wrong.")
