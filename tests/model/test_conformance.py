"""The node counts as the model does: for every number of votes, in every phase, for every kind of block."""

from itertools import product

import pytest

from node.consensus.authority import AuthoritySet, Power
from node.ledger.header import Authority
from node.primitives.types import AccountId, SetId
from tests.model.rules import BLOCKS, Block, Group, Kind, Network, Phase, Rules

NETWORK = Network(authorities=Group(4, 0), stakers=Group(4, 0), captured=False)
STAKE = 250  # of each staker


def node_set(phase: Phase) -> AuthoritySet:
    """Return the node's set of a phase: four authorities, four stakers, or both."""
    authorities = [Authority(AccountId(bytes([1 + seat]) * 32), 1, 0) for seat in range(NETWORK.authorities.total)]
    stakers = [Authority(AccountId(bytes([101 + seat]) * 32), 0, STAKE) for seat in range(NETWORK.stakers.total)]
    members = {Phase.A: authorities, Phase.B: authorities + stakers, Phase.C: stakers}[phase]
    return AuthoritySet.of(SetId(0), members)


def enough(needs: Kind, phase: Phase, block: Block, authorities: int, stakers: int) -> bool:
    """Whether these votes are a quorum of every kind in `needs`."""
    rules = Rules()
    agreed = Kind.AUTHORITY not in needs or authorities >= rules.quorum(phase, block, NETWORK.authorities)
    return agreed and (Kind.STAKE not in needs or stakers >= rules.quorum(phase, block, NETWORK.stakers))


@pytest.mark.parametrize("phase", list(Phase))
def test_a_quorum_of_the_node_is_a_quorum_of_the_model(phase: Phase) -> None:
    members = node_set(phase)
    seats = [range(5) if NETWORK.votes_in(kind, phase) else (0,) for kind in (Kind.AUTHORITY, Kind.STAKE)]
    for authorities, stakers in product(*seats):
        power = Power(authorities, stakers * STAKE)
        for block in BLOCKS:
            abort = phase is Phase.B and block is Block.ABORT
            expected = enough(Rules().needs(phase, block), phase, block, authorities, stakers)
            assert members.is_quorum(power, abort=abort) == expected


def test_waits_of_the_node_end_by_the_kind_that_the_model_names() -> None:
    members = node_set(Phase.B)
    for authorities, stakers in product(range(5), range(5)):
        ends = enough(Rules().timers, Phase.B, Block.ORDINARY, authorities, stakers)
        assert members.is_authority_quorum(Power(authorities, stakers * STAKE)) == ends


def test_rounds_of_the_node_are_called_ahead_by_authorities_as_long_as_there_are_any() -> None:
    for phase, counts in ((Phase.A, Kind.AUTHORITY), (Phase.B, Kind.AUTHORITY), (Phase.C, Kind.STAKE)):
        for authorities, stakers in product(range(5), range(5)):
            called = authorities if counts is Kind.AUTHORITY else stakers
            assert node_set(phase).includes_honest(Power(authorities, stakers * STAKE)) == (3 * called >= 4)
