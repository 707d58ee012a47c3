"""Stake into and out of subnets. See `node.ledger.calls`."""

from typing import Final

from node.ledger import errors as e
from node.ledger.calls.base import (
    ALPHA,
    BY_SIZE,
    COLD,
    HOTKEY,
    LIMIT,
    NETUID,
    RAO,
    U63,
    Account,
    AlphaAmount,
    CallSpec,
    NetUidField,
    RaoAmount,
)
from node.primitives.codec import Wire


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


StakingCall = AddStake | AddStakeLimit | RemoveStake | RemoveStakeLimit

_SWAP = (e.SubnetNotExists, e.SubtokenDisabled, e.HotKeyAccountNotExists, e.AmountTooLow, e.InsufficientLiquidity)
_BUY = (*_SWAP, e.NotEnoughBalanceToStake, e.SwapInputTooLarge)
_SELL = (*_SWAP, e.NotEnoughStakeToWithdraw, e.SwapInputTooLarge)
_LIMITED = (e.SlippageTooHigh, e.PriceLimitExceeded)
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(2, "add_stake", AddStake, COLD, BY_SIZE, (HOTKEY, NETUID, RAO), _BUY),
    CallSpec(3, "add_stake_limit", AddStakeLimit, COLD, BY_SIZE, (HOTKEY, NETUID, RAO, *LIMIT), (*_BUY, *_LIMITED)),
    CallSpec(4, "remove_stake", RemoveStake, COLD, BY_SIZE, (HOTKEY, NETUID, ALPHA), _SELL),
    CallSpec(
        5,
        "remove_stake_limit",
        RemoveStakeLimit,
        COLD,
        BY_SIZE,
        (HOTKEY, NETUID, ALPHA, *LIMIT),
        (*_SELL, *_LIMITED),
    ),
)
