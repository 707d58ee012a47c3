"""What transactions and epochs did since the first version of the ledger. See `node.ledger.events`."""

from node.primitives.codec import Wire
from node.primitives.types import AccountId, Alpha, Hash, NetUid, Rao, Uid


class Transferred(Wire, frozen=True, tag=1):
    """Free τ moved."""

    sender: AccountId
    to: AccountId
    amount_rao: Rao


class StakeAdded(Wire, frozen=True, tag=2):
    """τ became stake."""

    coldkey: AccountId
    hotkey: AccountId
    tao_rao: Rao
    alpha: Alpha
    netuid: NetUid
    fee_rao: Rao


class StakeRemoved(Wire, frozen=True, tag=3):
    """Stake became τ; `fee_alpha` is in the subnet's α."""

    coldkey: AccountId
    hotkey: AccountId
    tao_rao: Rao
    alpha: Alpha
    netuid: NetUid
    fee_alpha: Alpha


class NeuronRegistered(Wire, frozen=True, tag=4):
    """A hotkey took a seat."""

    netuid: NetUid
    uid: Uid
    hotkey: AccountId
    burned_rao: Rao


class WeightsSet(Wire, frozen=True, tag=5):
    """A validator set its weights."""

    netuid: NetUid
    uid: Uid


class AxonServed(Wire, frozen=True, tag=6):
    """A neuron published where it can be reached."""

    netuid: NetUid
    hotkey: AccountId


class DelegateAdded(Wire, frozen=True, tag=7):
    """A hotkey received stake of somebody else for the first time."""

    coldkey: AccountId
    hotkey: AccountId
    take_u16: int


class TakeIncreased(Wire, frozen=True, tag=8):
    """A delegate raised its take."""

    coldkey: AccountId
    hotkey: AccountId
    take_u16: int


class TakeDecreased(Wire, frozen=True, tag=9):
    """A delegate lowered its take."""

    coldkey: AccountId
    hotkey: AccountId
    take_u16: int


class CommitmentSet(Wire, frozen=True, tag=10):
    """A neuron published or withdrew its commitment."""

    netuid: NetUid
    hotkey: AccountId


class EpochRan(Wire, frozen=True, tag=11):
    """An epoch shared out a subnet's pending α; amounts as paid, in α (`root_rao` in τ)."""

    netuid: NetUid
    owner_alpha: Alpha
    miners_alpha: Alpha
    validators_alpha: Alpha
    root_rao: Rao
    withheld_alpha: Alpha


class MinerPaid(Wire, frozen=True, tag=12):
    """A miner's incentive of one epoch."""

    netuid: NetUid
    hotkey: AccountId
    alpha: Alpha


class ValidatorPaid(Wire, frozen=True, tag=13):
    """A validator's dividends of one epoch: its take and what its whole share pool gained."""

    netuid: NetUid
    hotkey: AccountId
    take_alpha: Alpha
    nominators_alpha: Alpha


class CallFailed(Wire, frozen=True, tag=14):
    """A transaction paid its fee and changed nothing else; `error_code` is ASCII."""

    transaction_hash: Hash
    error_code: bytes


CoreEvent = (
    Transferred
    | StakeAdded
    | StakeRemoved
    | NeuronRegistered
    | WeightsSet
    | AxonServed
    | DelegateAdded
    | TakeIncreased
    | TakeDecreased
    | CommitmentSet
    | EpochRan
    | MinerPaid
    | ValidatorPaid
    | CallFailed
)
