"""Stake that changes its hotkey, subnet or coldkey, leaves as a whole, or is destroyed. See `node.ledger.calls`."""

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


class MoveStake(Wire, frozen=True, tag=12):
    """Move α of one's own to another hotkey, on the same subnet or another; more than is held means all of it."""

    origin_hotkey: Account
    destination_hotkey: Account
    origin_netuid: NetUidField
    destination_netuid: NetUidField
    amount_alpha: AlphaAmount


class SwapStake(Wire, frozen=True, tag=13):
    """Move α to another subnet behind the same hotkey; more than is held means all of it."""

    hotkey: Account
    origin_netuid: NetUidField
    destination_netuid: NetUidField
    amount_alpha: AlphaAmount


class SwapStakeLimit(Wire, frozen=True, tag=14):
    """`SwapStake` for at least `limit_price` destination α per origin α; a partial fill leaves the rest."""

    hotkey: Account
    origin_netuid: NetUidField
    destination_netuid: NetUidField
    amount_alpha: AlphaAmount
    limit_price: U63
    allow_partial: bool


class TransferStake(Wire, frozen=True, tag=15):
    """Give α to another coldkey, behind the same hotkey; more than is held means all of it."""

    destination_coldkey: Account
    hotkey: Account
    origin_netuid: NetUidField
    destination_netuid: NetUidField
    amount_alpha: AlphaAmount


class RemoveStakeFullLimit(Wire, frozen=True, tag=16):
    """Sell a whole position for at least `limit_price` per α; 0 means any price."""

    hotkey: Account
    netuid: NetUidField
    limit_price: U63


class UnstakeAll(Wire, frozen=True, tag=17):
    """Sell all positions behind a hotkey for τ; those that cannot be sold now stay."""

    hotkey: Account


class UnstakeAllAlpha(Wire, frozen=True, tag=18):
    """Sell all positions behind a hotkey but root's, and stake the τ on root behind the same hotkey."""

    hotkey: Account


class RecycleAlpha(Wire, frozen=True, tag=19):
    """Destroy α of one's own and lower the subnet's issuance by it; more than is held means all of it."""

    hotkey: Account
    netuid: NetUidField
    amount_alpha: AlphaAmount


class BurnAlpha(Wire, frozen=True, tag=20):
    """Destroy α of one's own; the subnet's issuance stays. More than is held means all of it."""

    hotkey: Account
    netuid: NetUidField
    amount_alpha: AlphaAmount


class AddStakeBurn(Wire, frozen=True, tag=21):
    """Buy a subnet's α for at most `limit_price` each (0 means any price) and burn it; once per tempo and hotkey."""

    hotkey: Account
    netuid: NetUidField
    amount_rao: RaoAmount
    limit_price: U63


StakeMove = MoveStake | SwapStake | SwapStakeLimit | TransferStake
"""From one position to another."""
StakeExit = RemoveStakeFullLimit | UnstakeAll | UnstakeAllAlpha
"""Out of whole positions."""
StakeBurn = RecycleAlpha | BurnAlpha | AddStakeBurn
"""Out of existence."""
MovesCall = StakeMove | StakeExit | StakeBurn

_NETUIDS: Final = (("origin_netuid", "subnet, u16; 0 is root"), ("destination_netuid", "subnet, u16; 0 is root"))
_PRICE: Final = ("limit_price", "τ per α in units of 10^-9; 0: no limit")
_RATIO: Final = (("limit_price", "destination α per origin α in units of 10^-9; 0: no limit"), LIMIT[1])
_SWAP: Final = (e.InsufficientLiquidity, e.SwapInputTooLarge)
_MOVE: Final = (
    e.SameNetuid, e.SubnetNotExists, e.SubtokenDisabled, e.HotKeyAccountNotExists, e.NotEnoughStakeToWithdraw,
    e.AmountTooLow, *_SWAP,
)  # fmt: skip
_EXIT: Final = (e.HotKeyAccountNotExists, e.NotEnoughStakeToWithdraw)
_DESTROY: Final = (
    e.CannotBurnOrRecycleOnRootSubnet, e.SubnetNotExists, e.HotKeyAccountNotExists, e.AmountTooLow,
    e.NotEnoughStakeToWithdraw,
)  # fmt: skip
_BUY: Final = (
    e.CannotBurnOrRecycleOnRootSubnet, e.SubnetNotExists, e.SubtokenDisabled, e.AddStakeBurnRateLimitExceeded,
    e.HotKeyAccountNotExists, e.AmountTooLow, e.NotEnoughBalanceToStake, e.SlippageTooHigh, *_SWAP,
)  # fmt: skip
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        12,
        "move_stake",
        MoveStake,
        COLD,
        BY_SIZE,
        (("origin_hotkey", HOTKEY[1]), ("destination_hotkey", HOTKEY[1]), *_NETUIDS, ALPHA),
        _MOVE,
    ),
    CallSpec(13, "swap_stake", SwapStake, COLD, BY_SIZE, (HOTKEY, *_NETUIDS, ALPHA), _MOVE),
    CallSpec(
        14,
        "swap_stake_limit",
        SwapStakeLimit,
        COLD,
        BY_SIZE,
        (HOTKEY, *_NETUIDS, ALPHA, *_RATIO),
        (*_MOVE, e.SlippageTooHigh, e.PriceLimitExceeded),
    ),
    CallSpec(
        15,
        "transfer_stake",
        TransferStake,
        COLD,
        BY_SIZE,
        (("destination_coldkey", "account, 32 bytes"), HOTKEY, *_NETUIDS, ALPHA),
        (*_MOVE, e.TransferDisallowed),
    ),
    CallSpec(
        16,
        "remove_stake_full_limit",
        RemoveStakeFullLimit,
        COLD,
        BY_SIZE,
        (HOTKEY, NETUID, _PRICE),
        (e.SubnetNotExists, e.SubtokenDisabled, *_EXIT, e.SlippageTooHigh, *_SWAP),
    ),
    CallSpec(17, "unstake_all", UnstakeAll, COLD, BY_SIZE, (HOTKEY,), _EXIT),
    CallSpec(18, "unstake_all_alpha", UnstakeAllAlpha, COLD, BY_SIZE, (HOTKEY,), _EXIT),
    CallSpec(19, "recycle_alpha", RecycleAlpha, COLD, BY_SIZE, (HOTKEY, NETUID, ALPHA), _DESTROY),
    CallSpec(20, "burn_alpha", BurnAlpha, COLD, BY_SIZE, (HOTKEY, NETUID, ALPHA), _DESTROY),
    CallSpec(21, "add_stake_burn", AddStakeBurn, COLD, BY_SIZE, (HOTKEY, NETUID, RAO, _PRICE), _BUY),
)
