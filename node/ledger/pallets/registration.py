"""Seats: how a hotkey gets one, what it costs, who makes room, and where a neuron can be reached.

A seat costs the subnet's burn price: that τ buys α from the pool, and the α is destroyed. The price rises with each
registration and decays with every block. A full subnet replaces its lowest earner.
"""

from typing import Final

from node.economics import amm
from node.economics.registration import (
    PruneCandidate,
    burn_after_block,
    burn_after_registration,
    neuron_to_prune,
)
from node.ledger import errors
from node.ledger.calls import BurnedRegister, RegisterLimit, ServeAxon
from node.ledger.context import Context
from node.ledger.events import AxonServed, NeuronRegistered
from node.ledger.pallets import accounts, roots, scores, secret_weights, staking, subnets, weights
from node.ledger.pallets.neurons import AXON, COMMITMENT, COUNT, NEURON, UID, Axon, Neuron, owner_uids, uid_of
from node.ledger.state import Map, Overlay
from node.primitives.codec import Wire
from node.primitives.types import ROOT_NETUID, AccountId, Height, NetUid, Rao, Uid


class Burn(Wire, frozen=True):
    """Price of the next registration and what all of them cost so far."""

    price_rao: Rao
    total_rao: Rao = Rao(0)


BURN: Final[Map[NetUid, Burn]] = Map("registration", "burn", NetUid, Burn, about="Burn price of a seat")


def decay_prices(context: Context) -> None:
    """One block's decay of every burn price; the first step of a block."""
    for netuid in subnets.NETUIDS.get(context.state):
        burn, hyper = BURN.get(context.state, netuid), subnets.HYPERPARAMETERS.get(context.state, netuid)
        price_rao = burn_after_block(
            burn.price_rao, hyper.burn_half_life_blocks, hyper.burn_min_rao, hyper.burn_max_rao
        )
        if price_rao != burn.price_rao:
            BURN.put(context.state, netuid, Burn(Rao(price_rao), burn.total_rao))


def burned_register(context: Context, sender: AccountId, call: BurnedRegister | RegisterLimit) -> None:
    """Buy a seat for a hotkey, for at most the call's limit if it has one."""
    overlay, netuid = context.state, call.netuid
    if netuid == ROOT_NETUID:
        raise errors.RegistrationNotPermittedOnRootSubnet
    subnets.require(overlay, netuid)
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    if not hyper.registration_allowed:
        raise errors.SubNetRegistrationDisabled
    if uid_of(overlay, netuid, call.hotkey) is not None:
        raise errors.HotKeyAlreadyRegisteredInSubNet
    burn = BURN.get(overlay, netuid)
    if isinstance(call, RegisterLimit) and burn.price_rao > call.limit_rao:
        raise errors.RegistrationPriceLimitExceeded(f"A seat costs {burn.price_rao} rao now.")
    if accounts.free_balance(overlay, sender) < burn.price_rao:
        raise errors.NotEnoughBalanceToStake(f"A seat costs {burn.price_rao} rao now.")
    hotkey = staking.HOTKEY.find(overlay, call.hotkey)
    if hotkey is not None and hotkey.owner != sender:
        raise errors.NonAssociatedColdKey
    if hotkey is None:
        staking.create_hotkey(overlay, call.hotkey, sender, context.parameters.take_default_u16)
    _burn(context, sender, netuid, burn.price_rao)
    uid = _take_seat(context, netuid, call.hotkey, hyper.max_uids, hyper.immunity_blocks)
    price_rao = burn_after_registration(
        burn.price_rao, hyper.burn_increase_q60 << 4, hyper.burn_min_rao, hyper.burn_max_rao
    )
    BURN.put(overlay, netuid, Burn(Rao(price_rao), Rao(burn.total_rao + burn.price_rao)))
    context.emit(NeuronRegistered(netuid, uid, call.hotkey, burn.price_rao))


def append_neuron(
    overlay: Overlay, netuid: NetUid, hotkey: AccountId, height: Height, *, validator_permit: bool = False
) -> Uid:
    """Give a hotkey the next free seat; the caller has checked that there is one."""
    uid = Uid(COUNT.get(overlay, netuid))
    COUNT.put(overlay, netuid, uid + 1)
    _seat(overlay, netuid, uid, hotkey, height)
    scores.append_uid(overlay, netuid, validator_permit=validator_permit)
    return uid


def serve_axon(context: Context, sender: AccountId, call: ServeAxon) -> None:
    """Publish where the sender's neuron can be reached."""
    overlay, key = context.state, (call.netuid, sender)
    subnets.require(overlay, call.netuid)
    if uid_of(overlay, call.netuid, sender) is None:
        raise errors.HotKeyNotRegisteredInNetwork
    if not _is_text(call.peer_id):
        raise errors.InvalidPeerId
    if not all(_is_text(address) for address in call.addresses):
        raise errors.InvalidAddress
    old = AXON.find(overlay, key)
    pause_blocks = subnets.HYPERPARAMETERS.get(overlay, call.netuid).serving_rate_limit_blocks
    if old is not None and context.height < old.height + pause_blocks:
        raise errors.ServingRateLimitExceeded(f"The next change is possible from block {old.height + pause_blocks}.")
    AXON.put(overlay, key, Axon(context.height, call.peer_id, call.addresses))
    context.emit(AxonServed(call.netuid, sender))


def _burn(context: Context, payer: AccountId, netuid: NetUid, price_rao: int) -> None:
    """Swap the price for α and destroy it: the τ reserve grows and the α issuance falls."""
    overlay = context.state
    if price_rao == 0:
        return
    swap = subnets.simulate(overlay, netuid, amm.Side.BUY, price_rao, fee_u16=context.parameters.swap_fee_u16)
    accounts.debit(overlay, payer, swap.paid_in_rao + swap.fee_rao)
    subnets.apply(overlay, netuid, swap)
    subnets.pay_fee(context, netuid, swap)
    subnets.change(overlay, netuid, alpha_out=-swap.out_rao)


def _take_seat(context: Context, netuid: NetUid, hotkey: AccountId, max_uids: int, immunity_blocks: int) -> Uid:
    overlay = context.state
    count = COUNT.get(overlay, netuid)
    if count < max_uids:
        return append_neuron(overlay, netuid, hotkey, context.height)
    emissions = scores.SCORES.get(overlay, netuid).emission
    candidates = [
        PruneCandidate(emissions[uid], NEURON.get(overlay, (netuid, Uid(uid))).registered_at) for uid in range(count)
    ]
    immune = subnets.HYPERPARAMETERS.get(overlay, netuid).immune_owner_uids
    protected = owner_uids(overlay, netuid, subnets.require(overlay, netuid), immune)
    pruned = neuron_to_prune(
        candidates, protected, context.height, immunity_blocks, context.parameters.min_non_immune_uids
    )
    if pruned is None:
        raise errors.NoNeuronIdAvailable
    uid = Uid(pruned)
    leave_seat(overlay, netuid, uid)
    _seat(overlay, netuid, uid, hotkey, context.height)
    scores.reset_uid(overlay, netuid, uid)
    weights.forget_uid(overlay, netuid, uid, count)
    return uid


def leave_seat(overlay: Overlay, netuid: NetUid, uid: Uid) -> None:
    """The hotkey loses its seat and what it published there; its stake stays."""
    hotkey = NEURON.get(overlay, (netuid, uid)).hotkey
    UID.delete(overlay, (netuid, hotkey))
    AXON.delete(overlay, (netuid, hotkey))
    COMMITMENT.delete(overlay, (netuid, hotkey))
    secret_weights.forget(overlay, netuid, hotkey)
    roots.forget(overlay, netuid, hotkey)


def _seat(overlay: Overlay, netuid: NetUid, uid: Uid, hotkey: AccountId, height: Height) -> None:
    NEURON.put(overlay, (netuid, uid), Neuron(hotkey, height, height))
    UID.put(overlay, (netuid, hotkey), uid)


def _is_text(data: bytes) -> bool:
    """Printable ASCII without blanks, not empty."""
    return bool(data) and all(0x21 <= byte <= 0x7E for byte in data)
