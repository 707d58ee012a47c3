"""Subnets that come, change and go, and parameters that change. See `node.ledger.events`."""

from node.primitives.codec import Wire
from node.primitives.types import AccountId, Alpha, Height, NetUid, Rao


class NetworkAdded(Wire, frozen=True, tag=21):
    """A subnet was created; its lock went into its pool."""

    netuid: NetUid
    owner_coldkey: AccountId
    owner_hotkey: AccountId
    lock_rao: Rao


class NetworkRemoved(Wire, frozen=True, tag=22):
    """A subnet was dissolved: what its stakers got and what was recycled."""

    netuid: NetUid
    paid_rao: Rao
    recycled_rao: Rao


class DissolutionPaid(Wire, frozen=True, tag=23):
    """A position of a dissolved subnet became free τ of its coldkey."""

    netuid: NetUid
    coldkey: AccountId
    hotkey: AccountId
    alpha: Alpha
    tao_rao: Rao


class FirstEmissionBlockNumberSet(Wire, frozen=True, tag=24):
    """The owner started the subnet: it emits from this block on."""

    netuid: NetUid
    height: Height


class SubnetIdentitySet(Wire, frozen=True, tag=25):
    """The owner described the subnet."""

    netuid: NetUid


class SubnetOwnerHotkeySet(Wire, frozen=True, tag=26):
    """The owner named another hotkey of theirs."""

    netuid: NetUid
    hotkey: AccountId


class HyperparameterSet(Wire, frozen=True, tag=27):
    """A number of one subnet changed; `parameter` is its name in ASCII, flags are 0 or 1."""

    netuid: NetUid
    parameter: bytes
    value: int


class ParameterSet(Wire, frozen=True, tag=28):
    """A number of the whole chain changed; `parameter` is its name in ASCII, flags are 0 or 1."""

    parameter: bytes
    value: int


class UidsTrimmed(Wire, frozen=True, tag=29):
    """The owner cut the subnet's seats; whoever stayed may have a new uid."""

    netuid: NetUid
    max_uids: int
    removed: int


SubnetsEvent = (
    NetworkAdded
    | NetworkRemoved
    | DissolutionPaid
    | FirstEmissionBlockNumberSet
    | SubnetIdentitySet
    | SubnetOwnerHotkeySet
    | HyperparameterSet
    | ParameterSet
    | UidsTrimmed
)
