"""The invariants notice what they are there for."""

from collections.abc import Callable

import pytest

from node.ledger import invariants
from node.ledger.header import Authority
from node.ledger.pallets import accounts, authority, emission, neurons, scores, staking, subnets, weights
from node.ledger.state import Overlay
from node.primitives.errors import InvariantBroken
from node.primitives.types import SetId, Uid
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, small_genesis, who


def _break_balance(overlay: Overlay) -> None:
    accounts.credit(overlay, who("alice"), 1)


def _break_issuance(overlay: Overlay) -> None:
    accounts.mint(overlay, 1)


def _break_reserve(overlay: Overlay) -> None:
    subnets.change(overlay, SUBNET, tao_rao=-1)


def _break_root(overlay: Overlay) -> None:
    subnets.change(overlay, ROOT, tao_rao=1)
    accounts.mint(overlay, 1)


def _break_alpha(overlay: Overlay) -> None:
    subnets.change(overlay, SUBNET, alpha_out=1)


def _break_pending(overlay: Overlay) -> None:
    emission.put(overlay, SUBNET, pending_server=1)


def _break_stake(overlay: Overlay) -> None:
    staking.deposit(overlay, who("va"), SUBNET, who("mallory"), 5)


def _break_pool(overlay: Overlay) -> None:
    """A share without a deposit: positions now sum to more than the pool."""
    key = (who("va"), SUBNET, who("val"))
    staking.SHARE.put(overlay, (who("va"), SUBNET, who("bob")), staking.SHARE.get(overlay, key))
    staking.NOMINATORS.add(overlay, (who("va"), SUBNET), who("bob"))
    staking.POSITIONS.add(overlay, who("bob"), (who("va"), SUBNET))


def _break_listing(overlay: Overlay) -> None:
    staking.POSITIONS.remove(overlay, who("val"), (who("va"), SUBNET))


def _break_seat(overlay: Overlay) -> None:
    neurons.UID.put(overlay, (SUBNET, who("va")), Uid(2))


def _break_count(overlay: Overlay) -> None:
    neurons.COUNT.put(overlay, SUBNET, 2)


def _break_weights(overlay: Overlay) -> None:
    weights.WEIGHTS.put(overlay, (SUBNET, Uid(0)), ((3, 1),))


def _break_bonds(overlay: Overlay) -> None:
    scores.BONDS.put(overlay, (SUBNET, Uid(1)), ((9, 1),))


def _break_authorities(overlay: Overlay) -> None:
    twins = (Authority(who("a"), 1), Authority(who("a"), 1))
    authority.CURRENT.put(overlay, authority.AuthoritySet(SetId(0), twins))


@pytest.mark.parametrize(
    "damage",
    [
        _break_balance, _break_issuance, _break_reserve, _break_root, _break_alpha, _break_pending, _break_stake,
        _break_pool, _break_listing, _break_seat, _break_count, _break_weights, _break_bonds, _break_authorities,
    ],
)  # fmt: skip
def test_a_damaged_state_is_noticed(damage: Callable[[Overlay], None]) -> None:
    overlay = World(small_genesis(root_rao=TAO)).overlay()
    invariants.check(overlay)
    damage(overlay)
    with pytest.raises(InvariantBroken):
        invariants.check(overlay)
