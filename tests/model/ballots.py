"""Votes as bits: one field of four bits for each (place, round, step, block), so that one addition counts them all.

A *place* is an instance together with the set that decides it; votes carry both, so those of two places never mix.
A member's ballots hold 1 in the field of each vote it has cast. Their sum over the members counts every field at once;
adding a bias of `8 - votes needed` makes the high bit of a field tell that its quorum is there. Votes of faulty members
are part of the bias: they are always there. This module counts; it must never decide who may vote.
"""

from dataclasses import dataclass
from enum import IntEnum

from tests.model.rules import BLOCKS, Block, Kind, Network, Phase, Rules

FIELD = 4
HIGH = 8  # so at most 7 correct members of a kind


class Step(IntEnum):
    """The two votes of a round."""

    PREVOTE = 0
    PRECOMMIT = 1


@dataclass(frozen=True)
class Place:
    """Instance `instance`, decided by the set of `phase`, in `rounds` rounds."""

    instance: int
    phase: Phase
    rounds: int


class Ballots:
    """The fields of a network's votes, and what a quorum is in each of them."""

    def __init__(self, network: Network, rules: Rules) -> None:
        self.places = [Place(1, network.first, network.rounds[0])]
        if len(network.rounds) > 1:
            self.places += [Place(2, phase, network.rounds[1]) for phase in Phase]
        self._network, self._rules = network, rules
        self._shift: dict[tuple[int, int, Step, Block], int] = {}
        for number, place in enumerate(self.places):
            for round_number in range(place.rounds):
                for step in Step:
                    for block in BLOCKS:
                        self._shift[number, round_number, step, block] = FIELD * len(self._shift)
        self.top = FIELD * len(self._shift)
        self.high = sum(HIGH << shift for shift in self._shift.values())
        self._bias = {kind: self._bias_of(kind) for kind in (Kind.AUTHORITY, Kind.STAKE)}
        self._certificates = {
            (number, block): sum(self.mark(number, each, Step.PRECOMMIT, block) for each in range(place.rounds))
            for number, place in enumerate(self.places)
            for block in BLOCKS
        }
        self._joint_blocks = [block for block in BLOCKS if Kind.STAKE in rules.needs(Phase.B, block)]

    def vote(self, place: int, round_number: int, step: Step, block: Block) -> int:
        """Return the ballot of one vote."""
        return 1 << self._shift[place, round_number, step, block]

    def mark(self, place: int, round_number: int, step: Step, block: Block) -> int:
        """Return the bit that tells of a quorum in this field."""
        return HIGH << self._shift[place, round_number, step, block]

    def of_round(self, place: int, round_number: int) -> int:
        """Return all bits of all fields of a round."""
        return sum(15 << self._shift[place, round_number, step, block] for step in Step for block in BLOCKS)

    def certificates(self, place: int, block: Block) -> int:
        """Return the marks of which any makes a certificate for `block` (F1: in any round)."""
        return self._certificates[place, block]

    def consented(self, place: int, block: Block) -> int:
        """Return the bit, above all fields, that remembers stake's consent."""
        return 1 << (self.top + len(BLOCKS) * place + block)

    def quorums(self, authorities: int, stakers: int, remembered: int) -> int:
        """Return the marks of every quorum that the sums of ballots, with the adversary's votes, allow."""
        stake = (stakers + self._bias[Kind.STAKE]) & self.high
        if self._rules.consent:
            stake, remembered = self._consents(stake, remembered)
        return ((authorities + self._bias[Kind.AUTHORITY]) & stake) | remembered

    def _consents(self, stake: int, remembered: int) -> tuple[int, int]:
        for number, place in enumerate(self.places):
            if place.phase is not Phase.B:
                continue
            for block in self._joint_blocks:
                rounds = range(place.rounds)
                asked = sum(self.mark(number, each, Step.PREVOTE, block) for each in rounds)
                every = asked | self.certificates(number, block)
                if stake & asked or remembered & self.consented(number, block):
                    stake |= every
                    remembered |= self.consented(number, block)
                else:
                    stake &= ~every
        return stake, remembered

    def _bias_of(self, kind: Kind) -> int:
        network, bias = self._network, 0
        group = network.authorities if kind is Kind.AUTHORITY else network.stakers
        for (number, _, _, block), shift in self._shift.items():
            phase = self.places[number].phase
            lacking = 0
            if kind in self._rules.needs(phase, block):
                lacking = max(0, self._rules.quorum(phase, block, group) - network.faulty(kind, phase))
            bias |= (HIGH - lacking) << shift
        return bias
