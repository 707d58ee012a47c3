"""The finality machine alone under an adversarial scheduler: every node wants another block, order is chance.

Here the lock rule carries the whole weight, because no chain ties the candidates together: without it, or without the
lock that a restarted voter brings along, these runs end in two decisions.
"""

import random
from dataclasses import dataclass, field

import pytest

from node.consensus.certificate import LockProof
from node.consensus.finality import (
    CastProposal,
    CastVote,
    Decide,
    FinalityEffect,
    FinalityMachine,
    SetTimer,
    Timer,
)
from node.consensus.messages import Proposal
from node.consensus.slots import Timeouts
from node.consensus.votes import NIL, BlockRef, Step, Vote
from node.ledger.header import UNSIGNED
from node.primitives.types import Hash, Height
from tests.simulation.chain import make_set

TIMEOUTS = Timeouts.for_slot(1000)
ROUNDS_LIMIT = 12


@dataclass
class Wish:
    """An oracle that knows every block and has its own favourite."""

    block: BlockRef

    def knows(self, block: BlockRef) -> bool:
        return True

    def candidate(self) -> BlockRef:
        return self.block

    def is_abort(self, block: BlockRef) -> bool:
        return False


@dataclass
class Voter:
    """One key: its machine, its timers, and what it has on disk."""

    machine: FinalityMachine
    timers: list[Timer] = field(default_factory=list)
    signed: tuple[int, int] = (-1, 0)
    proposed: int = -1
    lock: LockProof | None = None
    decision: BlockRef | None = None


class Scheduler:
    """Delivers, loses, repeats and delays as chance wills; the last `liars` keys vote for anything."""

    def __init__(self, seed: int, count: int, liars: int) -> None:
        self.chance = random.Random(seed)
        self.authorities = make_set(count)
        self.blocks = [BlockRef(Hash(bytes([number + 1]) * 32), Height(1)) for number in range(count)]
        self.liars = [member.account for member in self.authorities.members[count - liars :]] if liars else []
        self.voters = [self._boot(number, 0, None) for number in range(count - liars)]
        self.pending: list[tuple[int, Proposal | Vote]] = []

    def _boot(self, number: int, first_round: int, lock: LockProof | None) -> Voter:
        return Voter(
            FinalityMachine(
                authorities=self.authorities, instance=1, me=self.authorities.members[number].account,
                timeouts=TIMEOUTS, oracle=Wish(self.blocks[number]), first_round=first_round, lock=lock,
            ),
            lock=lock,
        )  # fmt: skip

    def run(self, steps: int) -> set[BlockRef]:
        """Return what was decided by anybody."""
        for number, voter in enumerate(self.voters):
            self._carry_out(number, voter.machine.on_progress())
        for _ in range(steps):
            self._step()
        return {voter.decision for voter in self.voters if voter.decision is not None}

    def _step(self) -> None:
        dice = self.chance.random()
        number = self.chance.randrange(len(self.voters))
        voter = self.voters[number]
        if dice < 0.03 and voter.timers:
            timer = voter.timers.pop(self.chance.randrange(len(voter.timers)))
            self._carry_out(number, voter.machine.on_timeout(timer))
        elif dice < 0.034 and voter.decision is None:
            again = self._boot(number, max(voter.signed[0], voter.proposed) + 1, voter.lock)
            again.signed, again.proposed = voter.signed, voter.proposed
            self.voters[number] = again
            self._carry_out(number, again.machine.on_progress())
        elif dice < 0.08 and self.liars:
            self._lie(voter)
        elif self.pending:
            target, message = self.pending.pop(self.chance.randrange(len(self.pending)))
            if self.chance.random() < 0.85:
                self._deliver(target, message)

    def _lie(self, victim: Voter) -> None:
        """Tell each victim what it likes to hear: votes for the block it has in hand."""
        place, liar, set_id = victim.machine.round, self.chance.choice(self.liars), self.authorities.set_id
        block = self.chance.choice(self.blocks)
        if self.authorities.proposer(1, place) == liar:
            lie: Proposal | Vote = Proposal(set_id, 1, place, block.height, block.hash, (), liar, UNSIGNED)
            self.pending.append((self.voters.index(victim), lie))
            return
        liked = [vote for vote in victim.machine.own_messages() if isinstance(vote, Vote) and vote.block != NIL]
        block = liked[0].block if liked else block
        for step in Step:
            lie = Vote(set_id, 1, place, step, block.height, block.hash, liar, UNSIGNED)
            self.pending.append((self.voters.index(victim), lie))

    def _deliver(self, number: int, message: Proposal | Vote) -> None:
        machine = self.voters[number].machine
        effects = machine.on_proposal(message) if isinstance(message, Proposal) else machine.on_vote(message)
        self._carry_out(number, effects)

    def _carry_out(self, number: int, effects: list[FinalityEffect]) -> None:
        voter = self.voters[number]
        for effect in effects:
            match effect:
                case CastProposal():
                    voter.proposed = effect.proposal.round
                    self._say(number, effect.proposal)
                case CastVote():
                    position = (effect.vote.round, int(effect.vote.step))
                    if position > voter.signed:
                        voter.signed = position
                        voter.lock = effect.lock or voter.lock
                        self._say(number, effect.vote)
                case SetTimer():
                    if effect.timer.round < ROUNDS_LIMIT:
                        voter.timers.append(effect.timer)
                case Decide():
                    voter.decision = effect.certificate.block
                case _:
                    pass

    def _say(self, number: int, message: Proposal | Vote) -> None:
        self.pending.extend((target, message) for target in range(len(self.voters)) if target != number)
        self._deliver(number, message)


@pytest.mark.parametrize(("count", "liars"), [(3, 0), (4, 0), (4, 1), (7, 2)])
def test_whatever_the_order_losses_and_crashes_nobody_decides_differently(count: int, liars: int) -> None:
    decided = 0
    for seed in range(200):
        outcome = Scheduler(seed, count, liars).run(200 * count)
        assert len(outcome) <= 1, f"seed {seed}"
        decided += len(outcome)
    assert decided > 60


def test_with_too_many_liars_two_decisions_appear() -> None:
    assert any(len(Scheduler(seed, 4, 2).run(800)) > 1 for seed in range(200))
