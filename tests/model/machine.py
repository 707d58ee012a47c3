"""The state machine that is explored: correct members, the votes they have sent, and what they may do next.

What is abstracted, and why that is sound for safety:

- *Messages are a soup.* A correct member may take any step that some subset of the votes ever sent allows: a vote
  counts from when it is sent, and nobody is obliged to have seen it. That covers delay, loss, repetition, any order.
- *Proposals are not state.* Any proposal, with any lock proof that the votes sent allow, may reach anybody at any
  time, as if every proposer were faulty. A correct proposer (F4, F7) only offers fewer. Waits (F8) and round skips
  (F2, a restart) are free: a member may prevote nil, precommit nil or go on whenever it likes. So a nil vote equals
  silence and is not kept.
- *Faulty members* vote for everything in every step of every round; the adversary may deliver or withhold each vote.
- *What no rule can read again is forgotten*: votes of a round that every correct voter has left, except which quorums
  they made; lock proofs that no lock asks for; locks of members that vote no more. Members of one kind are
  interchangeable, so states are kept up to their order.

Only members, rounds and instances are bounded. The machine must never be made more obedient than the rules.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tests.model.ballots import Ballots, Step
from tests.model.rules import BLOCKS, Block, Kind, Network, Phase, Rules, enacted

FIRST = 0  # the place of instance 1

State = tuple[int, ...]  # marks of quorums that are remembered, then numbers of members: authorities, stakers


class Member(NamedTuple):
    """A correct member. `position` is twice the round, plus 1 when it has prevoted in it."""

    place: int
    position: int
    lock: Block
    lock_round: int
    ballots: int


class Machine:
    """Initial state, steps and safety of one configuration.

    `liveness`: keep what a continuation of the state would need, the locks at the end and the newest lock proofs.
    `ordered`: instance 2 begins when nobody votes in instance 1 any more. That loses no outcome: a step in instance 1
    never reads votes of instance 2, certificates do not lapse, and each member leaves instance 1 once, so the steps of
    any run can be put into this order. It makes room for more rounds, and is itself compared with the free order.
    """

    def __init__(self, network: Network, rules: Rules, *, liveness: bool = False, ordered: bool = False) -> None:
        self.network, self.rules, self.liveness, self.ordered = network, rules, liveness, ordered
        self.ballots = Ballots(network, rules)
        self.places = self.ballots.places
        self.handover = len(self.places) > 1
        self._place_of = {place.phase: number for number, place in enumerate(self.places) if place.instance == 2}
        self._members: list[Member] = []
        self._numbers: dict[Member, int] = {}
        self._moves: dict[tuple[int, int, Kind, bool], list[int]] = {}
        self._settled: dict[tuple[int, int, tuple[int, ...]], tuple[int, list[int]]] = {}
        self._cleared: dict[tuple[int, int, int], int] = {}
        self._split = 1 + network.authorities.correct
        self._voters = [self._voters_of(place.phase) for place in self.places]
        self._closed = [
            [sum(self.ballots.of_round(number, each) for each in range(end)) for end in range(place.rounds + 1)]
            for number, place in enumerate(self.places)
        ]
        self._any_certificate = sum(
            self.ballots.certificates(number, block) for number in range(len(self.places)) for block in BLOCKS
        )

    def _voters_of(self, phase: Phase) -> slice:
        """Return the seats, counted from 0, of the correct members that vote while `phase` decides."""
        authorities, stakers = self.network.authorities.correct, self.network.stakers.correct
        start = 0 if self.network.votes_in(Kind.AUTHORITY, phase) else authorities
        return slice(start, authorities + (stakers if self.network.votes_in(Kind.STAKE, phase) else 0))

    # --- states -----------------------------------------------------------------------------------------------------

    def initial(self) -> State:
        """Everybody at the beginning of instance 1."""
        fresh = self._number(Member(FIRST, 0, Block.NIL, 0, 0))
        return (0, *[fresh] * (self.network.authorities.correct + self.network.stakers.correct))

    def authorities(self, state: State) -> list[Member]:
        """Return the correct authorities."""
        return [self._members[number] for number in state[1 : self._split]]

    def stakers(self, state: State) -> list[Member]:
        """Return the correct stakers."""
        return [self._members[number] for number in state[self._split :]]

    def quorums(self, state: State) -> int:
        """Return the marks of all quorums that the votes sent allow."""
        split = self._split
        return self.ballots.quorums(self._sum(state[1:split]), self._sum(state[split:]), state[0])

    def _sum(self, numbers: tuple[int, ...]) -> int:
        return sum([self._members[number].ballots for number in numbers])

    def _ended(self, state: State) -> bool:
        """Tell whether nobody votes in instance 1 any more."""
        return self._open_round(FIRST, state[1:][self._voters[FIRST]]) == self.places[FIRST].rounds

    def successors(self, state: State) -> list[State]:
        """Return the states after one step of one correct member."""
        quorums = self.quorums(state)
        leaves = self.handover and (not self.ordered or self._ended(state))
        following: list[State] = []
        for seat in range(1, len(state)):
            if seat > 1 and seat != self._split and state[seat] == state[seat - 1]:
                continue  # interchangeable with its neighbour
            kind = Kind.AUTHORITY if seat < self._split else Kind.STAKE
            key = (state[seat], quorums, kind, leaves)
            if (moved := self._moves.get(key)) is None:
                moved = self._moves[key] = [self._number(each) for each in self._steps(*key)]
            for each in moved:
                touched = {self._members[state[seat]].place, self._members[each].place}
                following.append(self._canonical((*state[:seat], each, *state[seat + 1 :]), touched))
        return following

    # --- rules ------------------------------------------------------------------------------------------------------

    def _steps(self, number: int, quorums: int, kind: Kind, leaves: bool) -> list[Member]:
        """Return what a member may be after its next step."""
        member = self._members[number]
        place = self.places[member.place]
        steps: list[Member] = []
        if self.network.votes_in(kind, place.phase) and member.position < 2 * place.rounds:
            steps += self._precommits(member, quorums) if member.position % 2 else self._prevotes(member, quorums)
            steps.append(member._replace(position=member.position + 1))  # nil, or silence
        if leaves and member.place == FIRST:
            steps += self._hands_over(member, quorums)
        if self.rules.fallback and kind is Kind.AUTHORITY and member.place == self._place_of.get(Phase.C):
            steps.append(member._replace(place=self._place_of[Phase.A], position=0))
        return steps

    def _prevotes(self, member: Member, quorums: int) -> list[Member]:
        """F5: any proposal that the lock allows."""
        round_number = member.position // 2
        steps = []
        for block in BLOCKS:
            if self.free(member, block, round_number, quorums):
                vote = self.ballots.vote(member.place, round_number, Step.PREVOTE, block)
                steps.append(member._replace(position=member.position + 1, ballots=member.ballots | vote))
        return steps

    def free(self, member: Member, block: Block, round_number: int, quorums: int) -> bool:
        """F5: not locked, locked on this block, or a lock proof from no earlier round than the lock's exists."""
        if not self.rules.locks or member.lock in (Block.NIL, block):
            return True
        proofs = [
            self.ballots.mark(member.place, each, Step.PREVOTE, block)
            for each in range(member.lock_round, round_number)
        ]
        return any(quorums & proof for proof in proofs)

    def _precommits(self, member: Member, quorums: int) -> list[Member]:
        """F6: a quorum of prevotes locks its block and is answered with a precommit."""
        round_number = member.position // 2
        steps = []
        for block in BLOCKS:
            if quorums & self.ballots.mark(member.place, round_number, Step.PREVOTE, block):
                vote = self.ballots.vote(member.place, round_number, Step.PRECOMMIT, block)
                steps.append(
                    Member(member.place, member.position + 1, block, round_number, member.ballots | vote)
                )  # fmt: skip
        return steps

    def _hands_over(self, member: Member, quorums: int) -> list[Member]:
        """F1, hand-over: the certificate of instance 1 ends it, and its block's state names the set of instance 2."""
        first = self.places[FIRST].phase
        return [
            Member(self._place_of[enacted(first, block)], 0, Block.NIL, 0, member.ballots)
            for block in BLOCKS
            if quorums & self.ballots.certificates(FIRST, block)
        ]

    # --- promises ---------------------------------------------------------------------------------------------------

    def violation(self, state: State) -> str | None:
        """Return which promise is broken by what the votes sent in this state allow, if any."""
        quorums = self.quorums(state)
        if not quorums & self._any_certificate:
            return None
        return self._conflict(state, quorums) or self._wrong_set(state, quorums)

    def conflict(self, state: State) -> str | None:
        """Return the instance with two certificates that correct members accept, if any."""
        return self._conflict(state, self.quorums(state))

    def certified(self, state: State) -> frozenset[tuple[int, Block]]:
        """Return (place, block) of every certificate that a correct member accepts."""
        quorums = self.quorums(state)
        return frozenset((place, block) for place in self._accepting(state) for block in self._blocks(place, quorums))

    def _conflict(self, state: State, quorums: int) -> str | None:
        if len(self._blocks(FIRST, quorums)) > 1:
            return "two certificates in instance 1"
        second = [block for place in self._accepting(state) - {FIRST} for block in self._blocks(place, quorums)]
        return "two certificates in instance 2" if len(second) > 1 else None

    def _wrong_set(self, state: State, quorums: int) -> str | None:
        first = self.places[FIRST].phase
        right = (
            {self._place_of[enacted(first, block)] for block in self._blocks(FIRST, quorums)} if self.handover else ()
        )
        for place in self._accepting(state) - {FIRST}:
            if place not in right and self._blocks(place, quorums):
                return "a certificate of a wrong set accepted"
        return None

    def _accepting(self, state: State) -> set[int]:
        """Return instance 1, and the places that some correct member takes for instance 2."""
        return {FIRST} | {self._members[number].place for number in state[1:]}

    def _blocks(self, place: int, quorums: int) -> list[Block]:
        return [block for block in BLOCKS if quorums & self.ballots.certificates(place, block)]

    # --- forgetting -------------------------------------------------------------------------------------------------

    def _canonical(self, state: State, touched: set[int]) -> State:
        """Return the one state that stands for all that differ only in what no rule can read again.

        `touched`: the places in which something changed since the state was canonical.
        """
        remembered, split = state[0], self._split
        numbers = list(state[1:])
        for place in touched:
            voters = self._voters[place]
            key = (place, remembered, tuple(numbers[voters]))
            if (settled := self._settled.get(key)) is None:
                settled = self._settled[key] = self._settle(*key)
            remembered, numbers[voters] = settled
        return (remembered, *sorted(numbers[: split - 1]), *sorted(numbers[split - 1 :]))

    def _settle(self, place: int, remembered: int, voters: tuple[int, ...]) -> tuple[int, list[int]]:
        """Forget the rounds of `place` that its voters have left; only they have votes and locks there."""
        closed = self._closed[place][self._open_round(place, voters)]
        if not closed:
            return remembered, list(voters)
        split = self.network.authorities.correct if self._voters[place].start == 0 else 0
        quorums = self.ballots.quorums(self._sum(voters[:split]), self._sum(voters[split:]), remembered)
        cleared = [self._clear(number, place, closed) for number in voters]
        kept = (remembered & ~closed) | (quorums >> self.ballots.top << self.ballots.top)
        holders = [self._members[number] for number in cleared if self._members[number].place == place]
        for block in BLOCKS:
            if quorums & closed & self.ballots.certificates(place, block):
                kept |= self.ballots.mark(place, 0, Step.PRECOMMIT, block)
            kept |= self._newest_proof(place, block, quorums & closed, holders)
        return kept, cleared

    def _open_round(self, place: int, voters: Sequence[int]) -> int:
        """Return the first round in which one of `voters` may still vote; who may yet come counts as in round 0."""
        open_round = self.places[place].rounds
        for number in voters:
            member = self._members[number]
            if member.place == place:
                open_round = min(open_round, member.position // 2)
            elif place != FIRST:
                return 0
        return open_round

    def _newest_proof(self, place: int, block: Block, quorums: int, holders: list[Member]) -> int:
        for number in reversed(range(self.places[place].rounds)):
            mark = self.ballots.mark(place, number, Step.PREVOTE, block)
            if quorums & mark:
                asked = any(each.lock not in (Block.NIL, block) and each.lock_round <= number for each in holders)
                return mark if asked or self.liveness else 0
        return 0

    def _clear(self, number: int, place: int, closed: int) -> int:
        key = (number, place, closed)
        if (found := self._cleared.get(key)) is None:
            member = self._members[number]
            member = member._replace(ballots=member.ballots & ~closed)
            ended = member.place == place and member.position == 2 * self.places[place].rounds
            if ended and not self.liveness:
                member = member._replace(lock=Block.NIL, lock_round=0)
            found = self._cleared[key] = self._number(member)
        return found

    def _number(self, member: Member) -> int:
        if (number := self._numbers.get(member)) is None:
            number = self._numbers[member] = len(self._members)
            self._members.append(member)
        return number
