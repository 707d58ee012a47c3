"""One instance of the finality gadget: Tendermint's proposal, prevote, precommit and lock rule, without I/O.

Rule numbers in comments are those of docs/protocol.md, "Finality" (after Buchman, Kwon, Milosevic: "The latest gossip
on BFT consensus"). Two deliberate differences, neither of which touches safety: a round begins only when there is a
block to decide, and timers count a voter who is already further on as having voted here.
"""

import enum
from dataclasses import dataclass
from typing import Final, Protocol

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, LockProof, build_certificate, build_lock_proof, has_quorum
from node.consensus.evidence import DoubleProposal, DoubleVote
from node.consensus.messages import Proposal
from node.consensus.slots import Timeouts
from node.consensus.votebook import VoteBook
from node.consensus.votes import NIL, BlockRef, Step, Vote
from node.ledger.header import UNSIGNED
from node.ledger.phases import PosPhase
from node.primitives.types import AccountId


class Phase(enum.IntEnum):
    """Where the machine stands in its round."""

    IDLE = 0  # nothing to decide yet
    PROPOSE = 1
    PREVOTE = 2
    PRECOMMIT = 3
    DECIDED = 4


@dataclass(frozen=True, slots=True, order=True)
class Timer:
    """What a timeout belongs to: `wait` is the phase that it ends."""

    round: int
    wait: Phase


@dataclass(frozen=True, slots=True)
class CastProposal:
    """Sign and spread this proposal."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class CastVote:
    """Sign and spread this vote; `lock` is the proof that a precommit locks on and must survive a crash."""

    vote: Vote
    lock: LockProof | None


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Call `on_timeout(timer)` in `delay_ms`."""

    timer: Timer
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Decide:
    """The instance is over: this is final."""

    certificate: Certificate


@dataclass(frozen=True, slots=True)
class WantBlock:
    """The vote waits for this block."""

    block: BlockRef


@dataclass(frozen=True, slots=True)
class Equivocated:
    """A voter said two things in one step."""

    evidence: DoubleVote | DoubleProposal


_VOTE_WAITS: Final = ((Step.PREVOTE, Phase.PREVOTE), (Step.PRECOMMIT, Phase.PRECOMMIT))

FinalityEffect = CastProposal | CastVote | SetTimer | Decide | WantBlock | Equivocated


class BlockOracle(Protocol):
    """What the machine asks about blocks."""

    def knows(self, block: BlockRef) -> bool:
        """Tell whether the block is executed, valid, due, and descends from the last finalised block."""
        ...

    def candidate(self) -> BlockRef | None:
        """Return the block that this node would propose now; None while there is none."""
        ...

    def is_abort(self, block: BlockRef) -> bool:
        """Tell whether the block is known and takes the joint phase back, so that authorities alone certify it."""
        ...


class FinalityMachine:
    """Instance `instance` of set `authorities`; a new machine is made for every instance.

    `first_round` and `lock` carry what this key signed before a restart.
    """

    def __init__(
        self,
        *,
        authorities: AuthoritySet,
        instance: int,
        me: AccountId | None,
        timeouts: Timeouts,
        oracle: BlockOracle,
        first_round: int = 0,
        lock: LockProof | None = None,
    ) -> None:
        self.authorities = authorities
        self.instance = instance
        self.round = first_round
        self.phase = Phase.IDLE
        self.lock = lock
        self.valid = lock
        self._me = me if me is not None and me in authorities else None
        self._timeouts = timeouts
        self._oracle = oracle
        self._book = VoteBook(authorities, oracle.is_abort)
        self._book.focus(first_round)
        self._decision: tuple[int, BlockRef] | None = None
        self._timers: set[Timer] = set()
        self._wanted: set[BlockRef] = set()
        self._proposed = False

    # --- inputs -----------------------------------------------------------------------------------------------------

    def is_news(self, message: Proposal | Vote) -> bool:
        """Tell whether checking this message's signature is worth it."""
        return self._book.is_news(message)

    @property
    def quorums(self) -> int:
        """How many quorums of votes have come about: when it grows, proposals and fork choice may change."""
        return self._book.quorums

    def on_proposal(self, proposal: Proposal) -> list[FinalityEffect]:
        """Take a checked proposal of this instance."""
        effects: list[FinalityEffect] = []
        evidence = self._book.add_proposal(proposal)
        if evidence is not None:
            effects.append(Equivocated(evidence))
        self._learn_from(proposal)
        return self._run(effects)

    def on_vote(self, vote: Vote) -> list[FinalityEffect]:
        """Take a checked vote of this instance."""
        effects: list[FinalityEffect] = []
        quorums = self._book.quorums
        evidence = self._book.add_vote(vote)
        if evidence is not None:
            effects.append(Equivocated(evidence))
        elif self._book.quorums == quorums and not self._starts_something(vote):
            return effects  # one more vote that changes nothing yet: most are
        if vote.step is Step.PRECOMMIT:
            self._note_decision(vote.round)
        return self._run(effects)

    def on_timeout(self, timer: Timer) -> list[FinalityEffect]:
        """End the wait that `timer` belongs to; nothing happens when the machine is beyond it."""
        effects: list[FinalityEffect] = []
        if timer.round == self.round and self.phase is not Phase.DECIDED:
            if timer.wait is Phase.PROPOSE and self.phase is Phase.PROPOSE:
                self._cast(effects, Step.PREVOTE, NIL)
            elif timer.wait is Phase.PREVOTE and self.phase is Phase.PREVOTE:
                self._cast(effects, Step.PRECOMMIT, NIL)
            elif timer.wait is Phase.PRECOMMIT:
                self._enter(effects, self.round + 1)
        return self._run(effects)

    def on_progress(self) -> list[FinalityEffect]:
        """Look again after a block arrived or became ripe."""
        return self._run([])

    # --- views ------------------------------------------------------------------------------------------------------

    def own_messages(self) -> list[Proposal | Vote]:
        """Return what this node has said in the current round, for repetition."""
        if self._me is None or self.phase in (Phase.IDLE, Phase.DECIDED):
            return []
        votes = self._book.round(self.round)
        said: list[Proposal | Vote] = []
        if votes.proposal is not None and votes.proposal.proposer == self._me:
            said.append(votes.proposal)
        for step in Step:
            vote = votes.of(step).votes.get(self._me)
            if vote is not None:
                said.append(vote)
        return said

    def missing_blocks(self) -> list[BlockRef]:
        """Return the blocks that the current round waits for."""
        votes = self._book.round(self.round)
        named = {votes.prevotes.authority_quorum, votes.precommits.authority_quorum}
        if votes.proposal is not None:
            named.add(votes.proposal.block)
        return sorted(block for block in named if block not in (None, NIL) and not self._oracle.knows(block))

    def _starts_something(self, vote: Vote) -> bool:
        """Tell whether a vote that makes no quorum moves this machine: by where its voter is, not what it says."""
        if vote.round > self.round or self.phase is Phase.IDLE:
            return True
        return vote.round == self.round and bool(self._vote_waits())

    # --- rules ------------------------------------------------------------------------------------------------------

    def _run(self, effects: list[FinalityEffect]) -> list[FinalityEffect]:
        while self.phase is not Phase.DECIDED and (
            self._decide(effects)
            or self._skip(effects)
            or self._start(effects)
            or self._propose(effects)
            or self._prevote(effects)
            or self._precommit(effects)
        ):
            pass  # every rule that fires moves round or phase forward, so this ends
        if self.phase is not Phase.DECIDED:
            self._note_quorums()
            self._set_vote_timers(effects)
            self._ask_for_blocks(effects)
        return effects

    def _decide(self, effects: list[FinalityEffect]) -> bool:
        """F1: a quorum of precommits for one block, in any round, decides it."""
        if self._decision is None and self.authorities.phase is PosPhase.JOINT:
            for kept, _ in self._book.rounds():  # votes for an abort block count once the block is here
                self._note_decision(kept)
        if self._decision is None:
            return False
        round_number, block = self._decision
        votes = self._book.round(round_number).precommits.votes_for(block)
        self.phase = Phase.DECIDED
        effects.append(Decide(build_certificate(votes, self.authorities)))
        return True

    def _skip(self, effects: list[FinalityEffect]) -> bool:
        """F2: join the round that at least one honest voter has reached."""
        furthest = self._book.furthest
        if furthest < self.round or (furthest == self.round and self.phase is not Phase.IDLE):
            return False
        ahead = self._book.round_of_honest()
        if ahead > self.round or (ahead == self.round and self.phase is Phase.IDLE):
            self._enter(effects, ahead)
            return True
        return False

    def _start(self, effects: list[FinalityEffect]) -> bool:
        """F3: the first round begins when there is a block to decide."""
        if self.phase is not Phase.IDLE or self._oracle.candidate() is None:
            return False
        self._enter(effects, self.round)
        return True

    def _propose(self, effects: list[FinalityEffect]) -> bool:
        """F4: the proposer offers the block that may be locked elsewhere, else its own candidate."""
        if self.phase is not Phase.PROPOSE or self._proposed or self._me is None:
            return False
        if self.authorities.proposer(self.instance, self.round) != self._me:
            return False
        if self.valid is not None and self.valid.round >= self.round:
            return False  # this round has its quorum: somebody else runs this key and has offered a block here
        block = self.valid.block if self.valid is not None else self._oracle.candidate()
        if block is None:
            return False
        proof = () if self.valid is None else (self.valid,)
        self._proposed = True
        set_id = self.authorities.set_id
        proposal = Proposal(set_id, self.instance, self.round, block.height, block.hash, proof, self._me, UNSIGNED)
        effects.append(CastProposal(proposal))
        return True

    def _prevote(self, effects: list[FinalityEffect]) -> bool:
        """F5: prevote the proposal if its block is known and the lock allows it, nil if the lock forbids it."""
        proposal = self._book.round(self.round).proposal
        if self.phase is not Phase.PROPOSE or proposal is None or not self._oracle.knows(proposal.block):
            return False
        self._learn_from(proposal)
        free = self.lock is None or self.lock.block == proposal.block
        if self.lock is not None and proposal.proof:
            free = free or (proposal.proof[0].round >= self.lock.round and self._holds(proposal.proof[0]))
        self._cast(effects, Step.PREVOTE, proposal.block if free else NIL)
        return True

    def _precommit(self, effects: list[FinalityEffect]) -> bool:
        """F6: a quorum of prevotes locks and precommits its block; a quorum for nil precommits nil."""
        if self.phase is not Phase.PREVOTE:
            return False
        quorum = self._book.quorum(self.round, Step.PREVOTE)
        if quorum is None or (quorum != NIL and not self._oracle.knows(quorum)):
            return False
        if quorum != NIL:
            prevotes = self._book.round(self.round).prevotes
            self.lock = self.valid = build_lock_proof(prevotes.votes_for(quorum), self.authorities)
        self._cast(effects, Step.PRECOMMIT, quorum)
        return True

    def _note_quorums(self) -> None:
        """F7: the newest prevote quorum is what this node proposes next, and where fork choice goes."""
        for round_number, votes in self._book.rounds():
            if self.valid is not None and round_number <= self.valid.round:
                return
            quorum = self._book.quorum(round_number, Step.PREVOTE)
            if quorum is not None and quorum != NIL:
                self._learn_valid(build_lock_proof(votes.prevotes.votes_for(quorum), self.authorities))
                return

    def _note_decision(self, round_number: int) -> None:
        quorum = self._book.quorum(round_number, Step.PRECOMMIT)
        if quorum is not None and quorum != NIL:
            self._decision = (round_number, quorum)

    def _learn_from(self, proposal: Proposal) -> None:
        for proof in proposal.proof:
            if self._holds(proof):
                self._learn_valid(proof)

    def _holds(self, proof: LockProof) -> bool:
        """Tell whether a checked proof has the quorum that its block needs; of an unknown block, that of both kinds."""
        return has_quorum(proof, self.authorities, abort=self._oracle.is_abort(proof.block))

    def _learn_valid(self, proof: LockProof) -> None:
        if self.valid is None or proof.round > self.valid.round:
            self.valid = proof

    def _set_vote_timers(self, effects: list[FinalityEffect]) -> None:
        """F8: once a quorum has voted in a step, the others get a little longer."""
        for wait in self._vote_waits():
            self._set_timer(effects, wait, self._timeouts.vote_wait_ms(self.round))

    def _vote_waits(self) -> list[Phase]:
        """Return the waits for votes that begin now."""
        if self.phase is Phase.IDLE:
            return []
        return [
            wait
            for step, wait in _VOTE_WAITS
            if (wait is Phase.PRECOMMIT or self.phase is Phase.PREVOTE)
            and self.authorities.is_authority_quorum(self._book.power_at(step))
            and Timer(self.round, wait) not in self._timers
        ]

    def _ask_for_blocks(self, effects: list[FinalityEffect]) -> None:
        for block in self.missing_blocks():
            if block not in self._wanted:
                self._wanted.add(block)
                effects.append(WantBlock(block))

    # --- moves ------------------------------------------------------------------------------------------------------

    def _enter(self, effects: list[FinalityEffect], round_number: int) -> None:
        self.round = round_number
        self.phase = Phase.PROPOSE
        self._proposed = False
        self._timers.clear()
        self._wanted.clear()
        self._book.focus(round_number)
        self._set_timer(effects, Phase.PROPOSE, self._timeouts.proposal_wait_ms(round_number))

    def _cast(self, effects: list[FinalityEffect], step: Step, block: BlockRef) -> None:
        self.phase = Phase.PREVOTE if step is Step.PREVOTE else Phase.PRECOMMIT
        if self._me is None:
            return
        vote = Vote(
            self.authorities.set_id, self.instance, self.round, step, block.height, block.hash, self._me, UNSIGNED
        )  # fmt: skip
        effects.append(CastVote(vote, self.lock if step is Step.PRECOMMIT and block != NIL else None))

    def _set_timer(self, effects: list[FinalityEffect], wait: Phase, delay_ms: int) -> None:
        timer = Timer(self.round, wait)
        if timer not in self._timers:
            self._timers.add(timer)
            effects.append(SetTimer(timer, delay_ms))
