"""Read models of keys and what hangs on them: commits, children, proxies, identities, announced swaps."""

from dataclasses import dataclass

from node.economics.clock import first_block_of_epoch
from node.ledger.calls import ProxyKind
from node.ledger.pallets import children, coldkey_swaps, destinations, identities, proxies, secret_weights, subnets
from node.ledger.pallets.identities import Identity
from node.ledger.pallets.neurons import COMMITMENT, Commitment
from node.ledger.state import StateView
from node.primitives.types import AccountId, Hash, Height, NetUid


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit to weights that waits, and the blocks in which it can be revealed (both included)."""

    hash: Hash
    height: Height
    reveal_from: Height
    reveal_until: Height


@dataclass(frozen=True, slots=True)
class Link:
    """One end of lent stake: a part of 2^64 - 1, and the hotkey at the other end."""

    proportion_u64: int
    hotkey: AccountId


@dataclass(frozen=True, slots=True)
class LendingInfo:
    """A hotkey's lent stake on a subnet; `waiting` is None without a request."""

    children: tuple[Link, ...]
    parents: tuple[Link, ...]
    childkey_take_u16: int
    waiting: tuple[Link, ...] | None
    waiting_until: Height
    """The request comes into force in the first epoch after this block; 0 without one."""


@dataclass(frozen=True, slots=True)
class ProxyInfo:
    """One right of one delegate over an account."""

    delegate: AccountId
    kind: ProxyKind
    delay_blocks: int


@dataclass(frozen=True, slots=True)
class SwapInfo:
    """The announced swap of a coldkey."""

    new_coldkey_hash: Hash
    due: Height
    disputed: bool
    moving: bool


def weight_commits(view: StateView, netuid: NetUid, hotkey: AccountId) -> tuple[CommitInfo, ...]:
    """A validator's commits that are stored, oldest first, expired ones included. Raises SubnetNotExists."""
    subnets.require(view, netuid)
    hyper = subnets.HYPERPARAMETERS.get(view, netuid)
    found: list[CommitInfo] = []
    for commit in secret_weights.COMMITS.get(view, (netuid, hotkey)):
        epoch = commit.epoch + hyper.reveal_period_epochs
        first = first_block_of_epoch(epoch, netuid, hyper.tempo_blocks)
        beyond = first_block_of_epoch(epoch + 1, netuid, hyper.tempo_blocks)
        found.append(CommitInfo(commit.hash, commit.height, Height(first), Height(beyond - 1)))
    return tuple(found)


def lending(view: StateView, hotkey: AccountId, netuid: NetUid) -> LendingInfo:
    """A hotkey's children and parents on a subnet, and what waits."""
    key = (hotkey, netuid)
    links, request = children.LENDING.get(view, key), children.REQUEST.find(view, key)
    return LendingInfo(
        children=_links(links.children),
        parents=_links(links.parents),
        childkey_take_u16=children.CHILD_KEY.get(view, key).take_u16,
        waiting=None if request is None else _links(request.children),
        waiting_until=Height(0) if request is None else request.after,
    )


def proxies_of(view: StateView, account: AccountId) -> tuple[ProxyInfo, ...]:
    """Who may act for an account."""
    return tuple(ProxyInfo(each.delegate, each.kind, each.delay_blocks) for each in proxies.PROXIES.get(view, account))


def identity_of(view: StateView, coldkey: AccountId) -> Identity | None:
    """Who a coldkey says it is; nobody has checked it."""
    return identities.IDENTITY.find(view, coldkey)


def commitment_of(view: StateView, netuid: NetUid, hotkey: AccountId) -> Commitment | None:
    """What a neuron has published for its subnet and since which block; None without a commitment."""
    return COMMITMENT.find(view, (netuid, hotkey))


def announced_swap(view: StateView, coldkey: AccountId) -> SwapInfo | None:
    """The announced swap of a coldkey, None without one."""
    found = coldkey_swaps.ANNOUNCED.find(view, coldkey)
    return None if found is None else SwapInfo(found.new_coldkey_hash, found.due, found.disputed, found.moving)


def auto_stake_of(view: StateView, coldkey: AccountId, netuid: NetUid) -> AccountId | None:
    """Where a coldkey's earnings on a subnet are staked, None if behind each miner itself."""
    return destinations.DESTINATION.find(view, (coldkey, netuid))


def _links(links: children.Links) -> tuple[Link, ...]:
    return tuple(Link(part, hotkey) for part, hotkey in links)
