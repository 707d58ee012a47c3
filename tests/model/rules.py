"""The words and the rules of the model: which set decides what, and with which quorum.

Rule names are those of docs/protocol.md, "Finality"; the hand-over is docs/decisions/0011. Every field of `Rules` that
differs from its default describes a mistake, and a control test shows that the model finds its fork. This module holds
rules only: it must never know how states are stored or searched.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag


class Kind(IntFlag):
    """What a member's vote weighs with."""

    AUTHORITY = 1
    STAKE = 2
    BOTH = 3


class Block(IntEnum):
    """What one instance chooses from. In the sets A and C these are just three blocks that exclude one another."""

    NIL = 0
    ORDINARY = 1
    ENACT = 2  # in the joint set: makes the stakers decide from the next instance on
    ABORT = 3  # in the joint set: makes the authorities decide from the next instance on


BLOCKS = (Block.ORDINARY, Block.ENACT, Block.ABORT)


class Phase(IntEnum):
    """The sets of the three phases."""

    A = 0  # authorities
    B = 1  # joint
    C = 2  # stakers


def enacted(decided_by: Phase, block: Block) -> Phase:
    """Return the set of the next instance: a function of the state after the decided block."""
    if decided_by is Phase.B:
        return {Block.ORDINARY: Phase.B, Block.ENACT: Phase.C, Block.ABORT: Phase.A}[block]
    return decided_by


@dataclass(frozen=True)
class Group:
    """The members of one kind; each has weight 1. Votes of the faulty ones are always there, for everything."""

    correct: int
    faulty: int

    @property
    def total(self) -> int:
        return self.correct + self.faulty


@dataclass(frozen=True)
class Network:
    """Who takes part. `rounds` is the number of rounds modelled in the first and in the second instance.

    `captured`: in the joint set every vote of stake is the adversary's, also of those stakers that are correct in C.
    """

    authorities: Group = Group(3, 1)
    stakers: Group = Group(0, 4)
    captured: bool = True
    rounds: tuple[int, ...] = (3,)
    first: Phase = Phase.B

    def faulty(self, kind: Kind, phase: Phase) -> int:
        """Return how many members of `kind` vote as the adversary likes while `phase` decides."""
        if kind is Kind.AUTHORITY:
            return self.authorities.faulty
        return self.stakers.total if self.captured and phase is Phase.B else self.stakers.faulty

    def votes_in(self, kind: Kind, phase: Phase) -> bool:
        """Tell whether the correct members of `kind` take part while `phase` decides."""
        if kind is Kind.AUTHORITY:
            return phase is not Phase.C
        return phase is Phase.C or (phase is Phase.B and not self.captured)


@dataclass(frozen=True)
class Rules:
    """The rules of finality; the defaults are those of the protocol.

    `consent` is the one variant that is no mistake: in the joint set stake speaks by prevotes alone. A quorum of stake
    that has prevoted a block once in the instance has consented to it for the whole instance.
    """

    locks: bool = True  # F5
    needs_ordinary: Kind = Kind.BOTH
    needs_enact: Kind = Kind.BOTH
    needs_abort: Kind = Kind.AUTHORITY
    abort_parts: tuple[int, int] = (3, 2)  # an abort's quorum in authority weight: 3·w > 2·W
    fallback: bool = False  # C → A by time-out
    timers: Kind = Kind.AUTHORITY  # F8: whose quorum ends a wait in the joint set
    skips: Kind = Kind.AUTHORITY  # F2: a third of which kinds pulls the others into a later round of the joint set
    proposes_abort: bool = True  # F4: the abort block itself is proposed, not a descendant
    consent: bool = False

    def needs(self, phase: Phase, block: Block) -> Kind:
        """Return the kinds of which a quorum must vote for `block`."""
        if phase is Phase.B:
            return {
                Block.ORDINARY: self.needs_ordinary, Block.ENACT: self.needs_enact, Block.ABORT: self.needs_abort,
            }[block]  # fmt: skip
        return Kind.AUTHORITY if phase is Phase.A else Kind.STAKE

    def quorum(self, phase: Phase, block: Block, group: Group) -> int:
        """Return the least number of votes of one kind with 3·w > 2·W, or what a mistaken rule takes instead."""
        times, parts = self.abort_parts if (phase, block) == (Phase.B, Block.ABORT) else (3, 2)
        return parts * group.total // times + 1
