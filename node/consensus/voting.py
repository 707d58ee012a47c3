"""Drives the finality machine of the current instance: checks signatures, keeps its timers, repeats what may be lost.

Holds nothing about blocks: it asks the oracle. When an instance decides, `take_decision` hands out the certificate and
`begin` starts the next one.
"""

from collections.abc import Callable
from typing import Generic

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate
from node.consensus.errors import BadCertificate, BadVote, WrongSet
from node.consensus.events import CatchUp, Effect, EvidenceFound, Penalise, Publish, S, Sign, Signed
from node.consensus.finality import (
    BlockOracle,
    CastProposal,
    CastVote,
    Decide,
    Equivocated,
    FinalityEffect,
    FinalityMachine,
    Phase,
    SetTimer,
    Timer,
    WantBlock,
)
from node.consensus.limits import (
    HELP_SLOT_DIVISOR,
    NEXT_INSTANCE_MESSAGES_MAX,
    POINTS_BAD_SIGNATURE,
    RESEND_SLOT_DIVISOR,
    RESEND_SLOTS_MAX,
)
from node.consensus.messages import Proposal, check_proposal
from node.consensus.slots import Timeouts
from node.consensus.votes import Vote, check_vote
from node.primitives.crypto import Verifier
from node.primitives.types import AccountId, Hash, Height

Want = Callable[[Hash, str | None, int, list[Effect[S]]], None]
"""Ask for a block: hash, peer, now_ms, effects."""


class Voting(Generic[S]):
    """The votes of this node and of the others, instance after instance."""

    def __init__(
        self,
        *,
        genesis_hash: Hash,
        slot_ms: int,
        timeouts: Timeouts,
        me: AccountId | None,
        verify: Verifier,
        oracle: BlockOracle,
        want: Want[S],
    ) -> None:
        self._genesis_hash = genesis_hash
        self._slot_ms = slot_ms
        self._timeouts = timeouts
        self._me = me
        self._verify = verify
        self._oracle = oracle
        self._want = want
        self._next_instance: dict[AccountId, list[Proposal | Vote]] = {}
        self._last: Certificate | None = None
        self._signed: Signed | None = None
        self._decided_ms = 0
        self._helped_ms = 0
        self._behind_ms: int | None = None
        self._decision: Certificate | None = None
        self._timers: dict[Timer, int] = {}
        self._stage = (0, Phase.IDLE)
        self._resend_gap_ms = slot_ms
        self._resend_ms = 0

    # --- instances --------------------------------------------------------------------------------------------------

    def begin(
        self,
        authorities: AuthoritySet,
        last: Certificate | None,
        now_ms: int,
        out: list[Effect[S]],
        signed: Signed | None = None,
    ) -> None:
        """Start the instance after the one that `last` decided; the first one where `last` is None.

        `signed`, given once, counts when its instance comes: a chain that was lost may have to catch up with it first.
        """
        instance = 1 if last is None else last.instance + 1
        self._signed = self._signed if signed is None else signed
        mine = self._signed if self._signed is not None and self._signed.instance == instance else None
        lock = mine.lock if mine is not None and mine.lock is not None and mine.lock.instance == instance else None
        early = [message for kept in self._next_instance.values() for message in kept if message.instance == instance]
        self._next_instance = {}
        self._last = last
        self._decided_ms = now_ms
        self._decision = None
        self._authorities = authorities
        self._timers = {}
        self.machine = FinalityMachine(
            authorities=authorities,
            instance=instance,
            me=self._me,
            timeouts=self._timeouts,
            oracle=self._oracle,
            first_round=0 if mine is None else mine.round + 1,
            lock=lock,
        )
        self._calm(now_ms)
        for message in early:
            self.receive(message, None, now_ms, out)

    def take_decision(self) -> Certificate | None:
        """Return the certificate of this instance once it is decided."""
        decision, self._decision = self._decision, None
        return decision

    @property
    def instance(self) -> int:
        """The instance that is being decided."""
        return self.machine.instance

    @property
    def next_deadline_ms(self) -> int | None:
        """When `tick` has something to do."""
        due = list(self._timers.values())
        if self._repeats():
            due.append(self._resend_ms)
        return min(due, default=None)

    # --- inputs -----------------------------------------------------------------------------------------------------

    def receive(self, message: Proposal | Vote, peer: str | None, now_ms: int, out: list[Effect[S]]) -> bool:
        """Take a proposal or vote; `peer=None` vouches for the signature. Tell whether anything follows from it."""
        if message.instance < self.instance:
            self._help(now_ms, out)
            return False
        if message.instance > self.instance:
            self._take_later(message, peer, now_ms, out)
            return True
        if self.machine.is_news(message) and self._check(message, peer, out):
            return self._feed(message, peer, now_ms, out)
        return False

    def say(self, message: Proposal | Vote, now_ms: int, out: list[Effect[S]]) -> None:
        """Take this node's own message, just signed, and spread it, unless its instance is decided already."""
        if message.instance == self.instance and message.set_id == self._authorities.set_id:
            out.append(Publish(message))
            self._feed(message, None, now_ms, out)

    def progress(self, now_ms: int, out: list[Effect[S]]) -> None:
        """Look again: the tree or the time has changed."""
        self._carry_out(self.machine.on_progress(), None, now_ms, out)

    def tick(self, now_ms: int, out: list[Effect[S]]) -> None:
        """End the waits that are over, and repeat own messages of an instance that does not end."""
        for timer in sorted(timer for timer, due_ms in self._timers.items() if due_ms <= now_ms):
            if self._timers.pop(timer, None) is not None:
                self._carry_out(self.machine.on_timeout(timer), None, now_ms, out)
        if self._repeats() and now_ms >= self._resend_ms:
            self._repeat(now_ms, out)

    # --- steps ------------------------------------------------------------------------------------------------------

    def _check(self, message: Proposal | Vote, peer: str | None, out: list[Effect[S]]) -> bool:
        if peer is None:
            return message.set_id == self._authorities.set_id
        try:
            if isinstance(message, Proposal):
                check_proposal(message, self._authorities, self._genesis_hash, self._verify)
            else:
                check_vote(message, self._authorities, self._genesis_hash, self._verify)
        except WrongSet:
            return False
        except (BadVote, BadCertificate) as error:
            out.append(Penalise(peer, POINTS_BAD_SIGNATURE, error.message))
            return False
        return True

    def _feed(self, message: Proposal | Vote, peer: str | None, now_ms: int, out: list[Effect[S]]) -> bool:
        """Tell whether the machine moved, or wants something done."""
        machine = self.machine
        if isinstance(message, Proposal):
            self._carry_out(machine.on_proposal(message), peer, now_ms, out)
            return True
        quorums = machine.quorums
        effects = machine.on_vote(message)
        if effects or machine.quorums != quorums or (machine.round, machine.phase) != self._stage:
            self._carry_out(effects, peer, now_ms, out)
            return True
        return False

    def _carry_out(self, effects: list[FinalityEffect], peer: str | None, now_ms: int, out: list[Effect[S]]) -> None:
        for effect in effects:
            match effect:
                case CastProposal():
                    out.append(Sign(effect.proposal))
                case CastVote():
                    out.append(Sign(effect.vote, effect.lock))
                case SetTimer():
                    self._set_timer(effect.timer, now_ms + effect.delay_ms)
                case Decide():
                    self._decision = effect.certificate
                    self._timers = {}
                case WantBlock():
                    self._want(effect.block.hash, peer, now_ms, out)
                case Equivocated():
                    out.append(EvidenceFound(effect.evidence))
        stage = (self.machine.round, self.machine.phase)
        if stage != self._stage:
            self._stage = stage
            self._calm(now_ms)

    def _set_timer(self, timer: Timer, due_ms: int) -> None:
        self._timers = {kept: due for kept, due in self._timers.items() if kept.round == timer.round}
        self._timers[timer] = due_ms

    def _take_later(self, message: Proposal | Vote, peer: str | None, now_ms: int, out: list[Effect[S]]) -> None:
        if message.instance == self.instance + 1:
            author = message.proposer if isinstance(message, Proposal) else message.voter
            kept = self._next_instance.get(author, [])
            if len(kept) < NEXT_INSTANCE_MESSAGES_MAX and message not in kept and self._check(message, peer, out):
                self._next_instance[author] = [*kept, message]
            return
        if self._behind_ms is not None and now_ms < self._behind_ms + self._slot_ms:
            return
        if message.set_id != self._authorities.set_id or self._check(message, peer, out):
            self._behind_ms = now_ms
            out.append(CatchUp(peer, Height(0)))

    def _help(self, now_ms: int, out: list[Effect[S]]) -> None:
        """Somebody still votes on what is decided: its certificate was lost on the way."""
        late = now_ms - self._decided_ms < self._slot_ms // HELP_SLOT_DIVISOR
        if self._last is None or self._me not in self._authorities or late:
            return
        if now_ms - self._helped_ms >= self._slot_ms:
            self._helped_ms = now_ms
            out.append(Publish(self._last))

    def _repeats(self) -> bool:
        return self.machine.phase is not Phase.IDLE or bool(self._next_instance)

    def _repeat(self, now_ms: int, out: list[Effect[S]]) -> None:
        out.extend(Publish(message) for message in self.machine.own_messages())
        for block in self.machine.missing_blocks():
            self._want(block.hash, None, now_ms, out)
        if self._next_instance:
            out.append(CatchUp(None, Height(0)))
        self._resend_gap_ms = min(2 * self._resend_gap_ms, RESEND_SLOTS_MAX * self._slot_ms)
        self._resend_ms = now_ms + self._resend_gap_ms

    def _calm(self, now_ms: int) -> None:
        self._resend_gap_ms = max(1, self._slot_ms // RESEND_SLOT_DIVISOR)
        self._resend_ms = now_ms + self._resend_gap_ms
