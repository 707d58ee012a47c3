"""Short ways to votes, proposals and machines over the simulator's keyed-hash scheme."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, LockProof, build_certificate, build_lock_proof
from node.consensus.finality import FinalityMachine
from node.consensus.messages import Proposal, proposal_message
from node.consensus.slots import Timeouts
from node.consensus.votes import BlockRef, Step, Vote, message_of_vote
from node.ledger.header import UNSIGNED
from node.primitives.types import Hash, Height
from tests.simulation.chain import genesis, make_set, sign

SET = make_set(4)
GENESIS = genesis(SET)
GENESIS_HASH = GENESIS.hash
A = BlockRef(Hash(b"A" * 32), Height(1))
B = BlockRef(Hash(b"B" * 32), Height(2))


def vote(
    seat: int, step: Step, block: BlockRef, *, round_number: int = 0, instance: int = 1, members: AuthoritySet = SET
) -> Vote:
    """Return the signed vote of the member on `seat`."""
    voter = members.members[seat].account
    unsigned = Vote(members.set_id, instance, round_number, step, block.height, block.hash, voter, UNSIGNED)
    return replace(unsigned, signature=sign(voter, message_of_vote(unsigned, GENESIS_HASH)))


def proposal(block: BlockRef, *, round_number: int = 0, instance: int = 1, proof: LockProof | None = None) -> Proposal:
    """Return the signed proposal of the round's proposer."""
    proposer = SET.proposer(instance, round_number)
    proofs = () if proof is None else (proof,)
    unsigned = Proposal(SET.set_id, instance, round_number, block.height, block.hash, proofs, proposer, UNSIGNED)
    return replace(unsigned, signature=sign(proposer, proposal_message(unsigned, GENESIS_HASH)))


def certificate(block: BlockRef, *, seats: tuple[int, ...] = (0, 1, 2), instance: int = 1) -> Certificate:
    """Return the certificate that these seats make."""
    return build_certificate([vote(seat, Step.PRECOMMIT, block, instance=instance) for seat in seats], SET)


def lock_proof(block: BlockRef, *, round_number: int = 0, seats: tuple[int, ...] = (0, 1, 2)) -> LockProof:
    """Return the lock proof that these seats make."""
    return build_lock_proof([vote(seat, Step.PREVOTE, block, round_number=round_number) for seat in seats], SET)


@dataclass
class Blocks:
    """An oracle under the test's control."""

    known: set[BlockRef] = field(default_factory=lambda: {A, B})
    offer: BlockRef | None = None
    aborts: set[BlockRef] = field(default_factory=set)

    def knows(self, block: BlockRef) -> bool:
        return block in self.known

    def candidate(self) -> BlockRef | None:
        return self.offer

    def is_abort(self, block: BlockRef) -> bool:
        return block in self.aborts


def machine(
    seat: int | None, oracle: Blocks, *, first_round: int = 0, lock: LockProof | None = None
) -> FinalityMachine:
    """Return the machine of instance 1 for the member on `seat`."""
    return FinalityMachine(
        authorities=SET, instance=1, me=None if seat is None else SET.members[seat].account,
        timeouts=Timeouts.for_slot(1000), oracle=oracle, first_round=first_round, lock=lock,
    )  # fmt: skip
