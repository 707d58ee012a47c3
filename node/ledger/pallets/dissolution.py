"""Subnets that go: every position is paid out of the pool, what is the protocol's is recycled, every row is erased.

A netuid may be given out again; nothing of its former subnet may be found under it. Whatever a pallet stores by netuid
is erased here, or carries the subnet's generation. The cost grows with the number of positions.
"""

from dataclasses import dataclass

from node.economics.registration import dissolve_payouts
from node.ledger.calls import RootDissolveNetwork
from node.ledger.context import Context
from node.ledger.events import DissolutionPaid, NetworkRemoved
from node.ledger.pallets import (
    accounts,
    children,
    destinations,
    emission,
    exits,
    neurons,
    ownership,
    registration,
    scores,
    staking,
    subnets,
)
from node.ledger.pallets import weights as weight_rows
from node.ledger.state import Overlay, StateView
from node.primitives.types import AccountId, Alpha, NetUid, Rao, Uid


@dataclass(frozen=True, slots=True)
class _Holding:
    """One position of the subnet that goes."""

    hotkey: AccountId
    coldkey: AccountId
    alpha: Alpha


def root_dissolve(context: Context, call: RootDissolveNetwork) -> None:
    """Dissolve a subnet because an approved proposal says so."""
    context.origin.require_root()
    subnets.require(context.state, call.netuid)
    dissolve(context, call.netuid)


def dissolve(context: Context, netuid: NetUid) -> None:
    """Pay out and erase.

    A position gets floor(pool's τ * α / all α), left-over rao go by largest remainder. What falls to the protocol's α
    and to the pool's own is recycled. Pending and burned α have no part in it.
    """
    overlay, pool = context.state, subnets.POOL.get(context.state, netuid)
    holdings = _holdings(overlay, netuid)
    payouts = dissolve_payouts(
        pool.tao_rao, {key: holding.alpha for key, holding in holdings.items()}, pool.protocol_alpha + pool.alpha_in
    )
    paid_rao = 0
    for key, tao_rao in payouts.items():
        holding = holdings[key]
        accounts.credit(overlay, holding.coldkey, tao_rao)
        paid_rao += tao_rao
        context.emit(DissolutionPaid(netuid, holding.coldkey, holding.hotkey, holding.alpha, Rao(tao_rao)))
    accounts.recycle(overlay, pool.tao_rao - paid_rao)
    _erase(overlay, netuid)
    context.emit(NetworkRemoved(netuid, Rao(paid_rao), Rao(pool.tao_rao - paid_rao)))


def _holdings(view: StateView, netuid: NetUid) -> dict[bytes, _Holding]:
    """Every position by hotkey and coldkey, in ascending order: it decides who gets the last rao."""
    found = {
        hotkey + coldkey: _Holding(hotkey, coldkey, staking.stake_of(view, hotkey, netuid, coldkey))
        for hotkey in staking.STAKED.members(view, netuid)
        for coldkey in staking.NOMINATORS.members(view, (hotkey, netuid))
    }
    return dict(sorted(found.items()))


def _erase(overlay: Overlay, netuid: NetUid) -> None:
    """Remove every row of the subnet, but its generation."""
    for hotkey in staking.STAKED.members(overlay, netuid):
        exits.BURNED_AT.delete(overlay, (hotkey, netuid))
    staking.forget_subnet(overlay, netuid)
    count = neurons.COUNT.get(overlay, netuid)
    for uid in range(count):
        registration.leave_seat(overlay, netuid, Uid(uid))
        neurons.NEURON.delete(overlay, (netuid, Uid(uid)))
        weight_rows.WEIGHTS.delete(overlay, (netuid, Uid(uid)))
        scores.BONDS.delete(overlay, (netuid, Uid(uid)))
    neurons.COUNT.delete(overlay, netuid)
    scores.SCORES.delete(overlay, netuid)
    emission.EMISSION.delete(overlay, netuid)
    registration.BURN.delete(overlay, netuid)
    for pallet in (children, destinations, ownership):
        pallet.forget_subnet(overlay, netuid)
    subnets.forget(overlay, netuid)
