"""Events of secret weights, lent stake, swapped keys, proxies and identities. See `node.ledger.events`."""

from node.primitives.codec import Wire
from node.primitives.types import AccountId, Alpha, Hash, Height, NetUid


class WeightsCommitted(Wire, frozen=True, tag=40):
    """A validator committed to weights."""

    hotkey: AccountId
    netuid: NetUid
    commit_hash: Hash


class WeightsRevealed(Wire, frozen=True, tag=41):
    """A validator opened its commit; `WeightsSet` comes before it."""

    hotkey: AccountId
    netuid: NetUid
    commit_hash: Hash


class BatchWeightItemFailed(Wire, frozen=True, tag=42):
    """One item of a batch failed; `error_code` is ASCII."""

    netuid: NetUid
    error_code: bytes


class SetChildrenScheduled(Wire, frozen=True, tag=43):
    """A hotkey's new children wait for the first epoch after `height`."""

    hotkey: AccountId
    netuid: NetUid
    height: Height
    children: tuple[tuple[int, AccountId], ...]


class ChildrenSet(Wire, frozen=True, tag=44):
    """A hotkey's children changed; proportions are parts of 2^64 - 1."""

    hotkey: AccountId
    netuid: NetUid
    children: tuple[tuple[int, AccountId], ...]


class ChildKeyTakeSet(Wire, frozen=True, tag=45):
    """A child's take changed."""

    hotkey: AccountId
    netuid: NetUid
    take_u16: int


class AutoParentDelegationSet(Wire, frozen=True, tag=46):
    """A root validator lends its stake on new subnets to their owners, or no longer."""

    hotkey: AccountId
    enabled: bool


class HotkeySwapped(Wire, frozen=True, tag=47):
    """A new hotkey took the place of an old one everywhere."""

    coldkey: AccountId
    old_hotkey: AccountId
    new_hotkey: AccountId


class HotkeySwappedOnSubnet(Wire, frozen=True, tag=48):
    """A new hotkey took the place of an old one on one subnet."""

    coldkey: AccountId
    old_hotkey: AccountId
    new_hotkey: AccountId
    netuid: NetUid


class ColdkeySwapAnnounced(Wire, frozen=True, tag=49):
    """A coldkey will hand everything over, at `due_height` at the earliest."""

    coldkey: AccountId
    new_coldkey_hash: Hash
    due_height: Height


class ColdkeySwapContinues(Wire, frozen=True, tag=50):
    """A swap moved as much as one block may; the call is sent again for the rest."""

    old_coldkey: AccountId
    new_coldkey: AccountId


class ColdkeySwapped(Wire, frozen=True, tag=51):
    """Everything of a coldkey is another one's."""

    old_coldkey: AccountId
    new_coldkey: AccountId


class ColdkeySwapDisputed(Wire, frozen=True, tag=52):
    """An account is frozen because its announced swap is disputed."""

    coldkey: AccountId


class ColdkeySwapReset(Wire, frozen=True, tag=53):
    """The network dropped an announcement and its dispute."""

    coldkey: AccountId


class ColdkeySwapCleared(Wire, frozen=True, tag=54):
    """A coldkey took its announcement back."""

    coldkey: AccountId


class ProxyAdded(Wire, frozen=True, tag=55):
    """An account may act for another."""

    delegator: AccountId
    delegate: AccountId
    proxy_kind: int
    delay_blocks: int


class ProxyRemoved(Wire, frozen=True, tag=56):
    """An account may no longer act for another."""

    delegator: AccountId
    delegate: AccountId
    proxy_kind: int
    delay_blocks: int


class ProxyExecuted(Wire, frozen=True, tag=57):
    """A proxy made a call; the call's own events come before it."""

    real: AccountId
    delegate: AccountId


class ProxyAnnounced(Wire, frozen=True, tag=58):
    """A proxy announced a call."""

    real: AccountId
    delegate: AccountId
    call_hash: Hash


class ChainIdentitySet(Wire, frozen=True, tag=59):
    """A coldkey said who it is, or withdrew that."""

    coldkey: AccountId


class AutoStakeDestinationSet(Wire, frozen=True, tag=60):
    """What a coldkey's miners earn on a subnet is staked behind this hotkey from now on."""

    coldkey: AccountId
    netuid: NetUid
    hotkey: AccountId


class AutoStakeAdded(Wire, frozen=True, tag=61):
    """A miner's incentive was staked behind the destination its coldkey chose."""

    netuid: NetUid
    destination: AccountId
    hotkey: AccountId
    coldkey: AccountId
    alpha: Alpha


class BondsReset(Wire, frozen=True, tag=62):
    """All bonds on a neuron ended."""

    netuid: NetUid
    hotkey: AccountId


KeysEvent = (
    WeightsCommitted
    | WeightsRevealed
    | BatchWeightItemFailed
    | SetChildrenScheduled
    | ChildrenSet
    | ChildKeyTakeSet
    | AutoParentDelegationSet
    | HotkeySwapped
    | HotkeySwappedOnSubnet
    | ColdkeySwapAnnounced
    | ColdkeySwapContinues
    | ColdkeySwapped
    | ColdkeySwapDisputed
    | ColdkeySwapReset
    | ColdkeySwapCleared
    | ProxyAdded
    | ProxyRemoved
    | ProxyExecuted
    | ProxyAnnounced
    | ChainIdentitySet
    | AutoStakeDestinationSet
    | AutoStakeAdded
    | BondsReset
)
"""Any event of this module."""
