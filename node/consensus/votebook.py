"""The votes of one finality instance, counted by weight and bounded in memory.

Kept in full for a window of rounds around the current one; beyond it only each voter's furthest position survives,
which is all that timers and round skipping need. Expects messages whose signatures were checked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from node.consensus.authority import NO_POWER, AuthoritySet, Power
from node.consensus.evidence import DoubleProposal, DoubleVote
from node.consensus.limits import ROUNDS_KEPT_AHEAD, ROUNDS_KEPT_BEHIND
from node.consensus.messages import Proposal
from node.consensus.votes import BlockRef, Step, Vote
from node.primitives.types import AccountId

_STEPS: Final = tuple(Step)  # walking over an enumeration takes as long as what is done with it

Position = tuple[int, int]
"""(round, step): how far a voter has come."""


@dataclass(slots=True)
class StepVotes:
    """The votes of one step: at most one a voter, the power of each choice, and the choice with a quorum.

    `authority_quorum` is the choice of a quorum of authorities, which is enough for an abort block.
    """

    votes: dict[AccountId, Vote] = field(default_factory=dict)
    powers: dict[BlockRef, Power] = field(default_factory=dict)
    quorum: BlockRef | None = None
    authority_quorum: BlockRef | None = None

    def add(self, vote: Vote, power: Power, authorities: AuthoritySet) -> bool:
        """Count a voter's only vote of this step; tell whether it made a quorum."""
        block = vote.block
        self.votes[vote.voter] = vote
        self.powers[block] = together = self.powers.get(block, NO_POWER).plus(power)
        before = self.authority_quorum, self.quorum
        if authorities.is_authority_quorum(together):
            self.authority_quorum = block
        if authorities.is_quorum(together):
            self.quorum = block
        return before != (self.authority_quorum, self.quorum)

    def votes_for(self, block: BlockRef) -> list[Vote]:
        """Return the votes for `block`."""
        block_hash, height = block
        return [vote for vote in self.votes.values() if vote.block_hash == block_hash and vote.height == height]


@dataclass(slots=True)
class RoundVotes:
    """Everything said in one round."""

    proposal: Proposal | None = None
    prevotes: StepVotes = field(default_factory=StepVotes)
    precommits: StepVotes = field(default_factory=StepVotes)

    def of(self, step: Step) -> StepVotes:
        """Return the votes of `step`."""
        return self.prevotes if step is Step.PREVOTE else self.precommits


_NOTHING = RoundVotes()
"""What was said in a round of which nothing was heard; never written to."""


class VoteBook:
    """Votes by round; `focus` tells which rounds are kept, `is_abort` which blocks authorities alone may certify.

    `quorums` counts the quorums that came about; `furthest` is the latest round that any voter has reached.
    """

    def __init__(self, authorities: AuthoritySet, is_abort: Callable[[BlockRef], bool]) -> None:
        self._authorities = authorities
        self._is_abort = is_abort
        self._rounds: dict[int, RoundVotes] = {}
        self._positions: dict[AccountId, Position] = {}
        self._convicted: set[AccountId] = set()
        self._focus = 0
        self._reached = dict.fromkeys(Step, NO_POWER)
        self.quorums = 0
        self.furthest = -1

    def focus(self, round_number: int) -> None:
        """Keep the rounds around `round_number` from now on."""
        self._focus = round_number
        self._reached = {step: self._power_at(round_number, step) for step in Step}
        for old in [kept for kept in self._rounds if kept < round_number - ROUNDS_KEPT_BEHIND]:
            del self._rounds[old]

    def round(self, round_number: int) -> RoundVotes:
        """Return what was said in a round; empty when nothing was."""
        return self._rounds.get(round_number, _NOTHING)

    def quorum(self, round_number: int, step: Step) -> BlockRef | None:
        """Return what a quorum chose in a step, None while none did."""
        votes = self.round(round_number).of(step)
        chosen = votes.authority_quorum
        if votes.quorum is None and chosen is not None and self._is_abort(chosen):
            return chosen
        return votes.quorum

    def rounds(self) -> list[tuple[int, RoundVotes]]:
        """Return the kept rounds, newest first."""
        return sorted(self._rounds.items(), reverse=True)

    def is_news(self, message: Proposal | Vote) -> bool:
        """Tell whether `message` would change anything: spares checking the signatures of repetitions."""
        if isinstance(message, Proposal):
            known: Proposal | Vote | None = self.round(message.round).proposal
            author = message.proposer
        else:
            known = self.round(message.round).of(message.step).votes.get(message.voter)
            author = message.voter
            if self._position_of(author) < (message.round, message.step):
                return True
        if known is None:
            return self._is_kept(message.round)
        return known.block != message.block and author not in self._convicted

    def add_vote(self, vote: Vote) -> DoubleVote | None:
        """Count a checked vote; return the proof if its voter voted otherwise before (each voter convicted once)."""
        power = self._authorities.power_of(vote.voter)
        self._move(vote, power)
        if not self._is_kept(vote.round):
            return None
        votes = self._round_kept(vote.round).of(vote.step)
        earlier = votes.votes.get(vote.voter)
        if earlier is None:
            self.quorums += votes.add(vote, power, self._authorities)
            return None
        if earlier.block == vote.block or not self._convict(vote.voter):
            return None
        return DoubleVote(earlier, vote)

    def add_proposal(self, proposal: Proposal) -> DoubleProposal | None:
        """Keep a checked proposal; return the proof if its proposer made another one before."""
        if not self._is_kept(proposal.round):
            return None
        votes = self._round_kept(proposal.round)
        if votes.proposal is None:
            votes.proposal = proposal
            return None
        if votes.proposal.block == proposal.block or not self._convict(proposal.proposer):
            return None
        return DoubleProposal(votes.proposal, proposal)

    def power_at(self, step: Step) -> Power:
        """Return the power of the voters that have reached `step` of the round in focus or gone beyond."""
        return self._reached[step]

    def round_of_honest(self) -> int:
        """Return the highest round that voters who cannot all be faulty have reached; -1 for none."""
        power = NO_POWER
        for (round_number, _), who in sorted(((place, who) for who, place in self._positions.items()), reverse=True):
            power = power.plus(self._authorities.power_of(who))
            if self._authorities.includes_honest(power):
                return round_number
        return -1

    def _move(self, vote: Vote, power: Power) -> None:
        """Note how far a voter has come."""
        before, position = self._position_of(vote.voter), (vote.round, vote.step)
        if position <= before:
            return
        self._positions[vote.voter] = position
        self.furthest = max(self.furthest, vote.round)
        for step in _STEPS:
            if before < (self._focus, step) <= position:
                self._reached[step] = self._reached[step].plus(power)

    def _power_at(self, round_number: int, step: Step) -> Power:
        reached = (round_number, int(step))
        return self._authorities.power_of_all(who for who, place in self._positions.items() if place >= reached)

    def _round_kept(self, round_number: int) -> RoundVotes:
        votes = self._rounds.get(round_number)
        if votes is None:
            votes = self._rounds[round_number] = RoundVotes()
        return votes

    def _position_of(self, voter: AccountId) -> Position:
        return self._positions.get(voter, (-1, 0))

    def _is_kept(self, round_number: int) -> bool:
        return self._focus - ROUNDS_KEPT_BEHIND <= round_number <= self._focus + ROUNDS_KEPT_AHEAD

    def _convict(self, who: AccountId) -> bool:
        if who in self._convicted:
            return False
        self._convicted.add(who)
        return True
