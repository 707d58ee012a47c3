"""Stake that changed its place or ceased to exist. See `node.ledger.events`."""

from node.primitives.codec import Wire
from node.primitives.types import AccountId, Alpha, NetUid, Rao


class StakeMoved(Wire, frozen=True, tag=15):
    """A coldkey's stake moved to another hotkey; `tao_rao` is what it was worth on the way."""

    coldkey: AccountId
    origin_hotkey: AccountId
    origin_netuid: NetUid
    destination_hotkey: AccountId
    destination_netuid: NetUid
    tao_rao: Rao


class StakeTransferred(Wire, frozen=True, tag=16):
    """Stake changed its coldkey."""

    origin_coldkey: AccountId
    destination_coldkey: AccountId
    hotkey: AccountId
    origin_netuid: NetUid
    destination_netuid: NetUid
    tao_rao: Rao


class StakeSwapped(Wire, frozen=True, tag=17):
    """Stake moved to another subnet behind the same hotkey."""

    coldkey: AccountId
    hotkey: AccountId
    origin_netuid: NetUid
    destination_netuid: NetUid
    tao_rao: Rao


class AlphaRecycled(Wire, frozen=True, tag=18):
    """α left a position and the issuance."""

    coldkey: AccountId
    hotkey: AccountId
    alpha: Alpha
    netuid: NetUid


class AlphaBurned(Wire, frozen=True, tag=19):
    """α left a position and will never be held again; the issuance stays."""

    coldkey: AccountId
    hotkey: AccountId
    alpha: Alpha
    netuid: NetUid


class AddStakeBurned(Wire, frozen=True, tag=20):
    """τ bought α that was burned at once."""

    netuid: NetUid
    coldkey: AccountId
    hotkey: AccountId
    tao_rao: Rao
    alpha: Alpha


MovesEvent = StakeMoved | StakeTransferred | StakeSwapped | AlphaRecycled | AlphaBurned | AddStakeBurned
