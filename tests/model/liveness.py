"""One good round after any state: what correct members reach once messages arrive again.

A good round is the continuation that Tendermint's argument promises: every correct member enters a fresh round, has all
that correct members know, a correct proposer offers what F4 says, and the faulty ones say nothing that helps. If it
decides, locks have not deadlocked the state. That is stricter than "some continuation decides": it must decide for
everything that the proposer may know. It must never count a vote of a faulty member.
"""

from dataclasses import dataclass
from enum import Enum

from tests.model.ballots import Step
from tests.model.machine import FIRST, Machine, Member, State
from tests.model.rules import BLOCKS, Block, Kind, Phase


class Stake(Enum):
    """What the stakers do from now on."""

    ANSWERS = "answers"  # every staker that may vote does
    SILENT = "silent"
    HOSTILE = "hostile"  # it withholds what is needed, and says whatever holds the others up


@dataclass(frozen=True)
class Offer:
    """A proposal and the round of its lock proof; -1 without one."""

    block: Block
    proof: int


def decides(machine: Machine, state: State, stake: Stake) -> bool:
    """Tell whether the next good round decides instance 1, whatever its proposer knows."""
    possible = offers(machine, state, stake)
    lasts = _rounds_end(machine, stake) and not _pulled_on(machine, stake)
    return lasts and all(_carries(machine, state, offer, stake) for offer in possible)


def offers(machine: Machine, state: State, stake: Stake) -> list[Offer]:
    """F4: the blocks that a correct proposer may offer in a fresh round.

    It knows the newest lock of a correct member, and perhaps a newer quorum of prevotes (F7) that needs votes of faulty
    members. With neither it offers its own candidate: the abort block when stake is silent, else any.
    """
    quorums = machine.quorums(state)
    known = {Offer(member.lock, member.lock_round) for member in _members(machine, state) if member.lock}
    newest = max((offer.proof for offer in known), default=-1)
    possible = {
        Offer(block, number)
        for block in BLOCKS
        for number in range(newest + 1, machine.places[FIRST].rounds)
        if quorums & machine.ballots.mark(FIRST, number, Step.PREVOTE, block)
    }
    locked = {offer for offer in known if offer.proof == newest}
    own = list(BLOCKS)
    if stake is not Stake.ANSWERS:  # a descendant of the abort block is no abort block: as ordinary as any other
        own = [Block.ABORT if machine.rules.proposes_abort else Block.ORDINARY]
    return [*possible, *(locked or {Offer(block, -1) for block in own})]


def _members(machine: Machine, state: State) -> list[Member]:
    return machine.authorities(state) + machine.stakers(state)


def _rounds_end(machine: Machine, stake: Stake) -> bool:
    """F8: a wait ends once a quorum has voted in the step; correct members always do, be it nil."""
    network, timers = machine.network, machine.rules.timers
    answering = network.stakers.total if network.captured else network.stakers.correct
    stakers = answering if stake is Stake.ANSWERS else 0
    return (Kind.AUTHORITY not in timers or _is_quorum(network.authorities.correct, network.authorities.total)) and (
        Kind.STAKE not in timers or _is_quorum(stakers, network.stakers.total)
    )


def _pulled_on(machine: Machine, stake: Stake) -> bool:
    """F2: whether the adversary's votes alone make everybody leave a round before it decides, again and again."""
    network, skips = machine.network, machine.rules.skips
    votes = network.faulty(Kind.STAKE, Phase.B) if stake is Stake.HOSTILE else 0
    by_stake = Kind.STAKE in skips and votes > 0 and 3 * votes >= network.stakers.total
    return by_stake or 3 * network.authorities.faulty >= network.authorities.total


def _carries(machine: Machine, state: State, offer: Offer, stake: Stake) -> bool:
    """F5, F6, F1: the prevotes for the offer make a quorum; then everybody precommits it, and that is a quorum too."""
    network, needs = machine.network, machine.rules.needs(Phase.B, offer.block)
    authorities = sum(_prevotes(member, offer) for member in machine.authorities(state))
    if Kind.AUTHORITY in needs and not _is_quorum(authorities, network.authorities.total):
        return False
    if Kind.STAKE not in needs or (machine.rules.consent and offer.proof >= 0):
        return True  # no stake needed, or the lock proof shows its consent
    if stake is not Stake.ANSWERS:
        return False
    if network.captured:
        return True
    stakers = sum(_prevotes(member, offer) for member in machine.stakers(state))
    return _is_quorum(stakers, network.stakers.total)


def _prevotes(member: Member, offer: Offer) -> bool:
    return member.lock in (Block.NIL, offer.block) or offer.proof >= member.lock_round


def _is_quorum(votes: int, total: int) -> bool:
    return 3 * votes > 2 * total
