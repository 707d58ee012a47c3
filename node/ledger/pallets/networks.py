"""Subnets that come and start: what one costs, which number it gets, what it begins with.

The price doubles with each creation and falls with time. The lock becomes the subnet's τ reserve and is not returned.
With as many subnets as may be, the one with the lowest moving price makes room.
"""

from typing import Final

from msgspec.structs import replace

from node.economics.emission import block_emission
from node.economics.registration import SubnetPruneCandidate, lock_cost, median_price, subnet_to_prune
from node.ledger import errors
from node.ledger.calls import (
    RegisterNetwork,
    RegisterNetworkWithIdentity,
    SetSubnetIdentity,
    StartCall,
    SubnetIdentity,
)
from node.ledger.context import Context
from node.ledger.events import FirstEmissionBlockNumberSet, NetworkAdded, SubnetIdentitySet
from node.ledger.pallets import accounts, children, dissolution, emission, registration, root, staking, subnets
from node.ledger.pallets.ownership import require_owner
from node.ledger.pallets.subnets import GENERATION, IDENTITY, Subnet
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.state import Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.types import MAX_SUPPLY_RAO, ROOT_NETUID, AccountId, Height, NetUid, Rao


class Lock(Wire, frozen=True):
    """The last creation of a subnet: what it cost and when; height 0 before the first."""

    lock_rao: Rao = Rao(0)
    height: Height = Height(0)


LAST_LOCK: Final[Value[Lock]] = Value(
    "networks", "last_lock", Lock, default=Lock(), about="Price and block of the last subnet that was created"
)


def lock_cost_rao(view: StateView, parameters: Parameters, height: Height) -> Rao:
    """What creating a subnet in the block at `height` costs."""
    last = LAST_LOCK.get(view)
    cost_rao = lock_cost(
        last.lock_rao,
        last.height,
        height,
        min_lock_rao=parameters.network_min_lock_rao,
        reduction_interval_blocks=parameters.network_lock_reduction_blocks,
        block_emission_rao=block_emission(accounts.ISSUANCE.get(view)),
    )
    return Rao(cost_rao)


def pruned_at(view: StateView, parameters: Parameters, height: Height) -> NetUid | None:
    """The subnet that would make room in the block at `height`: the lowest moving price past its immunity, or None."""
    candidates = [
        SubnetPruneCandidate(
            netuid,
            emission.EMISSION.get(view, netuid).moving_price_q32,
            subnets.require(view, netuid).registered_at,
        )
        for netuid in subnets.NETUIDS.get(view)
    ]
    pruned = subnet_to_prune(candidates, height, parameters.network_immunity_blocks)
    return None if pruned is None else NetUid(pruned)


def register_network(context: Context, sender: AccountId, call: RegisterNetwork | RegisterNetworkWithIdentity) -> None:
    """Create a subnet owned by the sender."""
    overlay, parameters = context.state, context.parameters
    identity = call.identity if isinstance(call, RegisterNetworkWithIdentity) else None
    if identity is not None:
        require_valid(identity)
    hotkey = staking.HOTKEY.find(overlay, call.hotkey)
    if hotkey is not None and hotkey.owner != sender:
        raise errors.NonAssociatedColdKey
    last = LAST_LOCK.get(overlay)
    due = last.height + parameters.network_rate_limit_blocks
    if last.height and context.height < due:
        raise errors.NetworkTxRateLimitExceeded(f"The next subnet can be created from block {due}.")
    replaced = _replaced(context)
    lock_rao = lock_cost_rao(overlay, parameters, context.height)
    if accounts.free_balance(overlay, sender) < lock_rao:
        raise errors.CannotAffordLockCost(f"A subnet costs {lock_rao} rao now.")
    accounts.debit(overlay, sender, lock_rao)
    LAST_LOCK.put(overlay, Lock(lock_rao, context.height))
    if replaced is not None:
        dissolution.dissolve(context, replaced)
    netuid = _lowest_free(overlay) if replaced is None else replaced
    if hotkey is None:
        staking.create_hotkey(overlay, call.hotkey, sender, parameters.take_default_u16)
    _found(context, netuid, Subnet(f"subnet {netuid}", call.hotkey, sender, context.height, Height(0)), lock_rao)
    children.lend_to_owner(context, netuid, [seat.hotkey for seat in root.SEATS.get(overlay)])
    if identity is not None:
        _describe(context, netuid, identity)


def start_call(context: Context, sender: AccountId, call: StartCall) -> None:
    """Start a subnet: it can be staked on now and emits from the next block on."""
    subnet = require_owner(context, sender, call.netuid)
    if subnet.first_emission_block:
        raise errors.FirstEmissionBlockNumberAlreadySet
    due = subnet.registered_at + context.parameters.start_call_delay_blocks
    if context.height < due:
        raise errors.NeedWaitingMoreBlocksToStarCall(f"The subnet can be started from block {due}.")
    first = Height(context.height + 1)
    subnets.SUBNET.put(context.state, call.netuid, replace(subnet, first_emission_block=first))
    context.emit(FirstEmissionBlockNumberSet(call.netuid, first))


def set_identity(context: Context, sender: AccountId, call: SetSubnetIdentity) -> None:
    """Describe a subnet; its name is the one that screens show."""
    require_owner(context, sender, call.netuid)
    require_valid(call.identity)
    _describe(context, call.netuid, call.identity)


def require_valid(identity: SubnetIdentity) -> None:
    """Raise InvalidIdentity for a text that a screen cannot show as it is, or an empty name."""
    if not identity.name.strip():
        raise errors.InvalidIdentity("A subnet needs a name.")
    for name in identity.__struct_fields__:
        if not str(getattr(identity, name)).isprintable():
            raise errors.InvalidIdentity(f"{name}: only printable characters.")


def _describe(context: Context, netuid: NetUid, identity: SubnetIdentity) -> None:
    overlay = context.state
    subnets.SUBNET.put(overlay, netuid, replace(subnets.require(overlay, netuid), name=identity.name))
    IDENTITY.put(overlay, netuid, identity)
    context.emit(SubnetIdentitySet(netuid))


def _replaced(context: Context) -> NetUid | None:
    """The subnet that makes room, if one must. Raises SubnetLimitReached."""
    if len(subnets.NETUIDS.get(context.state)) < context.parameters.subnet_limit:
        return None
    pruned = pruned_at(context.state, context.parameters, context.height)
    if pruned is None:
        raise errors.SubnetLimitReached
    return pruned


def _lowest_free(view: StateView) -> NetUid:
    netuid = ROOT_NETUID + 1
    for taken in subnets.NETUIDS.get(view):
        if taken != netuid:
            break
        netuid += 1
    return NetUid(netuid)


def _found(context: Context, netuid: NetUid, subnet: Subnet, lock_rao: Rao) -> None:
    """Write a new subnet: the lock in its pool at the median price, the owner on its first seat."""
    overlay = context.state
    hyper = Hyperparameters(emission_enabled=context.parameters.new_subnet_emission)
    pool_alpha = _first_alpha(overlay, lock_rao)
    GENERATION.put(overlay, netuid, GENERATION.get(overlay, netuid) + 1)
    subnets.NETUIDS.put(overlay, tuple(sorted((*subnets.NETUIDS.get(overlay), netuid))))
    subnets.SUBNET.put(overlay, netuid, subnet)
    subnets.HYPERPARAMETERS.put(overlay, netuid, hyper)
    subnets.change(overlay, netuid, tao_rao=lock_rao, alpha_in=pool_alpha)
    registration.BURN.put(overlay, netuid, registration.Burn(Rao(hyper.burn_start_rao)))
    registration.append_neuron(overlay, netuid, subnet.owner_hotkey, context.height)
    context.emit(NetworkAdded(netuid, subnet.owner_coldkey, subnet.owner_hotkey, lock_rao))


def _first_alpha(overlay: Overlay, lock_rao: Rao) -> int:
    """As much α as makes the price the median of the others; never more than may exist."""
    prices_q64 = [subnets.price_q64(overlay, netuid) for netuid in subnets.NETUIDS.get(overlay)]
    return min((lock_rao << 64) // median_price(prices_q64), MAX_SUPPLY_RAO)
