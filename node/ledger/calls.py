"""Every call a transaction can carry, and the one table that describes them.

A call is an array that begins with its number. Amounts are rao (10^-9 τ) or α in units of 10^-9; price limits are τ per
α in units of 10^-9. The table names who signs, whether a fee is due and which errors a call can end with; interfaces
and documentation are made from it. Source: docs/protocol.md, "Calls".
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.primitives.codec import Wire
from node.primitives.limits import (
    ADDRESS_BYTES_MAX,
    ADDRESSES_PER_AXON_MAX,
    COMMITMENT_BYTES_MAX,
    PEER_ID_BYTES_MAX,
    UIDS_MAX,
)
from node.primitives.types import ACCOUNT_BYTES, MAX_SUPPLY_RAO, AccountId, Alpha, NetUid, Rao, Uid

U16 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
U63 = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Account = Annotated[AccountId, msgspec.Meta(min_length=ACCOUNT_BYTES, max_length=ACCOUNT_BYTES)]
RaoAmount = Annotated[Rao, msgspec.Meta(ge=0, le=MAX_SUPPLY_RAO)]
AlphaAmount = Annotated[Alpha, msgspec.Meta(ge=0, le=MAX_SUPPLY_RAO)]
NetUidField = Annotated[NetUid, msgspec.Meta(ge=0, le=0xFFFF)]
UidField = Annotated[Uid, msgspec.Meta(ge=0, le=0xFFFF)]
PeerIdField = Annotated[bytes, msgspec.Meta(min_length=1, max_length=PEER_ID_BYTES_MAX)]
AddressField = Annotated[bytes, msgspec.Meta(min_length=1, max_length=ADDRESS_BYTES_MAX)]


class Transfer(Wire, frozen=True, tag=1):
    """Move free τ to another account."""

    to: Account
    amount_rao: RaoAmount


class AddStake(Wire, frozen=True, tag=2):
    """Buy a subnet's α with τ and stake it behind a hotkey; on root the τ itself is staked."""

    hotkey: Account
    netuid: NetUidField
    amount_rao: RaoAmount


class AddStakeLimit(Wire, frozen=True, tag=3):
    """`AddStake` that pays at most `limit_price` per α; a partial fill leaves the rest in the balance."""

    hotkey: Account
    netuid: NetUidField
    amount_rao: RaoAmount
    limit_price: U63
    allow_partial: bool


class RemoveStake(Wire, frozen=True, tag=4):
    """Take α (root: τ) out of a position and sell it for τ."""

    hotkey: Account
    netuid: NetUidField
    amount_alpha: AlphaAmount


class RemoveStakeLimit(Wire, frozen=True, tag=5):
    """`RemoveStake` that accepts at least `limit_price` per α; a partial fill leaves the rest staked."""

    hotkey: Account
    netuid: NetUidField
    amount_alpha: AlphaAmount
    limit_price: U63
    allow_partial: bool


class BurnedRegister(Wire, frozen=True, tag=6):
    """Buy a seat in a subnet for a hotkey at the subnet's burn price."""

    netuid: NetUidField
    hotkey: Account


class SetWeights(Wire, frozen=True, tag=7):
    """A validator's opinion: one u16 per uid; only ratios count."""

    netuid: NetUidField
    uids: Annotated[tuple[UidField, ...], msgspec.Meta(max_length=UIDS_MAX)]
    values: Annotated[tuple[U16, ...], msgspec.Meta(max_length=UIDS_MAX)]
    version_key: U63


class ServeAxon(Wire, frozen=True, tag=8):
    """Publish where a neuron can be reached; no addresses means: look the peer id up in the network."""

    netuid: NetUidField
    peer_id: PeerIdField
    addresses: Annotated[tuple[AddressField, ...], msgspec.Meta(max_length=ADDRESSES_PER_AXON_MAX)]


class IncreaseTake(Wire, frozen=True, tag=9):
    """Raise the part of dividends a delegate keeps (65 535 = all)."""

    hotkey: Account
    take_u16: U16


class DecreaseTake(Wire, frozen=True, tag=10):
    """Lower the part of dividends a delegate keeps (65 535 = all)."""

    hotkey: Account
    take_u16: U16


class SetCommitment(Wire, frozen=True, tag=11):
    """Publish a few bytes a subnet agrees on (a model's hash, say); empty bytes withdraw them."""

    netuid: NetUidField
    data: Annotated[bytes, msgspec.Meta(max_length=COMMITMENT_BYTES_MAX)]


Call = (
    Transfer
    | AddStake
    | AddStakeLimit
    | RemoveStake
    | RemoveStakeLimit
    | BurnedRegister
    | SetWeights
    | ServeAxon
    | IncreaseTake
    | DecreaseTake
    | SetCommitment
)


class SignerKind(Enum):
    """Whose key signs a call."""

    COLDKEY = "coldkey"
    HOTKEY = "hotkey"


class FeeRule(Enum):
    """What a call costs beside its own amounts."""

    BY_SIZE = "base fee and a fee per byte, to the block's producer"
    FREE = "free; enters a block only when it succeeds"


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One row of the call table."""

    number: int
    name: str
    kind: type[Call]
    signer: SignerKind
    fee: FeeRule
    arguments: tuple[tuple[str, str], ...]
    """(name, meaning and unit) in wire order."""
    errors: tuple[type[e.CallError], ...]


_HOTKEY = ("hotkey", "account, 32 bytes")
_NETUID = ("netuid", "subnet, u16; 0 is root")
_RAO = ("amount_rao", "τ in rao")
_ALPHA = ("amount_alpha", "α in units of 10^-9; on root rao")
_LIMIT = (("limit_price", "τ per α in units of 10^-9"), ("allow_partial", "fill what fits instead of failing"))
_TAKE = ("take_u16", "share, 65 535 = 1")
_SWAP = (e.SubnetNotExists, e.SubtokenDisabled, e.HotKeyAccountNotExists, e.AmountTooLow, e.InsufficientLiquidity)
_BUY = (*_SWAP, e.NotEnoughBalanceToStake, e.SwapInputTooLarge)
_SELL = (*_SWAP, e.NotEnoughStakeToWithdraw, e.SwapInputTooLarge)
_LIMITED = (e.SlippageTooHigh, e.PriceLimitExceeded)
_TAKE_ERRORS = (e.HotKeyAccountNotExists, e.NonAssociatedColdKey)
_WEIGHT_ERRORS = (
    e.CanNotSetRootNetworkWeights, e.WeightVecNotEqualSize, e.SubnetNotExists, e.UidsLengthExceedUidsInSubNet,
    e.HotKeyNotRegisteredInSubNet, e.NotEnoughStakeToSetWeights, e.IncorrectWeightVersionKey, e.SettingWeightsTooFast,
    e.NeuronNoValidatorPermit, e.DuplicateUids, e.UidVecContainInvalidOne, e.WeightVecLengthIsLow,
)  # fmt: skip
_REGISTER_ERRORS = (
    e.RegistrationNotPermittedOnRootSubnet, e.SubnetNotExists, e.SubNetRegistrationDisabled,
    e.HotKeyAlreadyRegisteredInSubNet, e.NotEnoughBalanceToStake, e.NonAssociatedColdKey, e.NoNeuronIdAvailable,
    e.InsufficientLiquidity, e.SwapInputTooLarge,
)  # fmt: skip
_COLD, _HOT, _BY_SIZE, _FREE = SignerKind.COLDKEY, SignerKind.HOTKEY, FeeRule.BY_SIZE, FeeRule.FREE

CALLS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        1, "transfer", Transfer, _COLD, _BY_SIZE, (("to", "account, 32 bytes"), _RAO),
        (e.AmountIsZero, e.InsufficientBalance, e.ExistentialDeposit),
    ),
    CallSpec(2, "add_stake", AddStake, _COLD, _BY_SIZE, (_HOTKEY, _NETUID, _RAO), _BUY),
    CallSpec(
        3, "add_stake_limit", AddStakeLimit, _COLD, _BY_SIZE, (_HOTKEY, _NETUID, _RAO, *_LIMIT), (*_BUY, *_LIMITED)
    ),
    CallSpec(4, "remove_stake", RemoveStake, _COLD, _BY_SIZE, (_HOTKEY, _NETUID, _ALPHA), _SELL),
    CallSpec(
        5, "remove_stake_limit", RemoveStakeLimit, _COLD, _BY_SIZE, (_HOTKEY, _NETUID, _ALPHA, *_LIMIT),
        (*_SELL, *_LIMITED),
    ),
    CallSpec(6, "burned_register", BurnedRegister, _COLD, _BY_SIZE, (_NETUID, _HOTKEY), _REGISTER_ERRORS),
    CallSpec(
        7, "set_weights", SetWeights, _HOT, _FREE,
        (_NETUID, ("uids", "u16 each"), ("values", "u16 each"), ("version_key", "subnet's own version")),
        _WEIGHT_ERRORS,
    ),
    CallSpec(
        8, "serve_axon", ServeAxon, _HOT, _FREE,
        (_NETUID, ("peer_id", "ASCII text"), ("addresses", "multiaddresses, ASCII text, at most 4")),
        (
            e.SubnetNotExists, e.HotKeyNotRegisteredInNetwork, e.InvalidPeerId, e.InvalidAddress,
            e.ServingRateLimitExceeded,
        ),
    ),
    CallSpec(
        9, "increase_take", IncreaseTake, _COLD, _BY_SIZE, (_HOTKEY, _TAKE),
        (*_TAKE_ERRORS, e.DelegateTakeTooLow, e.DelegateTakeTooHigh, e.DelegateTxRateLimitExceeded),
    ),
    CallSpec(
        10, "decrease_take", DecreaseTake, _COLD, _BY_SIZE, (_HOTKEY, _TAKE), (*_TAKE_ERRORS, e.DelegateTakeTooLow)
    ),
    CallSpec(
        11, "set_commitment", SetCommitment, _HOT, _FREE, (_NETUID, ("data", "at most 128 bytes")),
        (e.SubnetNotExists, e.HotKeyNotRegisteredInSubNet, e.CommitmentRateLimitExceeded),
    ),
)  # fmt: skip
"""Every call by number."""

_BY_KIND: Final = {spec.kind: spec for spec in CALLS}


def spec_of(call: Call) -> CallSpec:
    """The table's row for a call."""
    return _BY_KIND[type(call)]


def is_free(call: Call) -> bool:
    """Whether a call pays no fee."""
    return spec_of(call).fee is FeeRule.FREE
