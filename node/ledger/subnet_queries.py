"""Read models of subnets' life: what one costs, which there are, and by which numbers they run. Read only.

Amounts are rao (units of 10^-9 τ); flags of a hyperparameter are 0 and 1, as a call sets them.
"""

from dataclasses import dataclass

from node.economics.clock import blocks_until_next_epoch
from node.ledger.calls import SubnetIdentity
from node.ledger.pallets import emission, networks, ownership, subnets, system
from node.ledger.parameter_rules import RULES, Setter
from node.ledger.state import StateView
from node.primitives.types import AccountId, Height, NetUid, Rao


@dataclass(frozen=True, slots=True)
class NetworkOffer:
    """What creating a subnet in the next block takes."""

    lock_rao: Rao
    from_height: Height
    """First block in which somebody may; the next one if that is not later."""
    subnets: int
    subnet_limit: int
    replaces: NetUid | None
    """The subnet that would make room, if one must; see `possible`."""
    possible: bool
    """Whether there is room, or a subnet old enough to make some."""


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One line of the list of subnets."""

    netuid: NetUid
    name: str
    owner_coldkey: AccountId
    registered_at: Height
    started: bool
    generation: int
    """How many subnets have had this number since genesis."""
    moving_price_q32: int
    immune_until: Height


@dataclass(frozen=True, slots=True)
class HyperparameterInfo:
    """One number of a subnet, who may set it and when its owner may again."""

    name: str
    value: int
    setter: Setter
    low: int
    """Lower end of the range beside what its type allows."""
    owner_from_height: Height
    """First block in which the owner may change it; the freeze before epochs comes on top."""


def network_offer(view: StateView) -> NetworkOffer:
    """What a subnet costs in the next block, and whether one can be created then."""
    parameters, height = system.PARAMETERS.get(view), Height(system.CLOCK.get(view).height + 1)
    netuids = subnets.NETUIDS.get(view)
    replaced = networks.pruned_at(view, parameters, height) if len(netuids) >= parameters.subnet_limit else None
    last = networks.LAST_LOCK.get(view)
    due = last.height + parameters.network_rate_limit_blocks if last.height else 0
    return NetworkOffer(
        lock_rao=networks.lock_cost_rao(view, parameters, height),
        from_height=Height(max(due, height)),
        subnets=len(netuids),
        subnet_limit=parameters.subnet_limit,
        replaces=replaced,
        possible=replaced is not None or len(netuids) < parameters.subnet_limit,
    )


def networks_list(view: StateView) -> tuple[NetworkRow, ...]:
    """Every subnet but root, by netuid; at most `SUBNETS_MAX`."""
    immunity_blocks = system.PARAMETERS.get(view).network_immunity_blocks
    return tuple(_row(view, netuid, immunity_blocks) for netuid in subnets.NETUIDS.get(view))


def hyperparameters(view: StateView, netuid: NetUid) -> tuple[HyperparameterInfo, ...]:
    """Every number of a subnet that a call can set by name. Raises SubnetNotExists."""
    subnets.require(view, netuid)
    hyper, parameters = subnets.HYPERPARAMETERS.get(view, netuid), system.PARAMETERS.get(view)
    found: list[HyperparameterInfo] = []
    for name, rule in RULES.items():
        changed_at = ownership.CHANGED_AT.find(view, (netuid, name.encode("ascii")))
        tempos = parameters.owner_rate_limit_tempos if rule.pause_tempos is None else rule.pause_tempos
        due = 0 if changed_at is None else changed_at + tempos * hyper.tempo_blocks
        found.append(HyperparameterInfo(name, int(getattr(hyper, name)), rule.setter, rule.low, Height(due)))
    return tuple(found)


def owner_is_frozen(view: StateView, netuid: NetUid) -> bool:
    """Whether the next epoch is so near that the owner changes nothing in the next block. Raises SubnetNotExists."""
    subnets.require(view, netuid)
    next_height = system.CLOCK.get(view).height + 1
    left_blocks = blocks_until_next_epoch(next_height, netuid, subnets.HYPERPARAMETERS.get(view, netuid).tempo_blocks)
    return left_blocks < system.PARAMETERS.get(view).admin_freeze_blocks


def identity(view: StateView, netuid: NetUid) -> SubnetIdentity | None:
    """What the owner says of a subnet; None if nothing."""
    return subnets.IDENTITY.find(view, netuid)


def _row(view: StateView, netuid: NetUid, immunity_blocks: int) -> NetworkRow:
    subnet = subnets.require(view, netuid)
    return NetworkRow(
        netuid=netuid,
        name=subnet.name,
        owner_coldkey=subnet.owner_coldkey,
        registered_at=subnet.registered_at,
        started=subnet.first_emission_block > 0,
        generation=subnets.GENERATION.get(view, netuid),
        moving_price_q32=emission.EMISSION.get(view, netuid).moving_price_q32,
        immune_until=Height(subnet.registered_at + immunity_blocks),
    )
