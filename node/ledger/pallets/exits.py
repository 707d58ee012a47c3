"""Stake that leaves as a whole, and α that is destroyed.

Recycled α lowers the subnet's issuance and so lengthens its emission; burned α stays in the issuance and is nobody's.
"""

from collections.abc import Iterable
from typing import Final

from node.economics import amm
from node.ledger import errors
from node.ledger.calls import (
    AddStake,
    AddStakeBurn,
    AddStakeLimit,
    BurnAlpha,
    RecycleAlpha,
    RemoveStake,
    RemoveStakeFullLimit,
    RemoveStakeLimit,
    UnstakeAll,
    UnstakeAllAlpha,
)
from node.ledger.context import Context
from node.ledger.events import AddStakeBurned, AlphaBurned, AlphaRecycled, StakeAdded
from node.ledger.pallets import accounts, staking, subnets
from node.ledger.pallets.staking import HotkeyOnSubnet
from node.ledger.state import Map, Overlay
from node.primitives.types import ROOT_NETUID, AccountId, Alpha, Height, NetUid, Rao

BURNED_AT: Final[Map[HotkeyOnSubnet, Height]] = Map(
    "exits", "burned_at", HotkeyOnSubnet, Height, about="When α was last bought and burned behind a hotkey"
)


def remove_stake_full(context: Context, sender: AccountId, call: RemoveStakeFullLimit) -> None:
    """Sell a whole position, within a price limit if one is given."""
    subnets.require_stakeable(context.state, call.netuid)
    held = _held(context, sender, call.hotkey, call.netuid)
    if call.limit_price:
        staking.remove_stake(
            context, sender, RemoveStakeLimit(call.hotkey, call.netuid, held, call.limit_price, allow_partial=False)
        )
    else:
        staking.remove_stake(context, sender, RemoveStake(call.hotkey, call.netuid, held))


def unstake_all(context: Context, sender: AccountId, call: UnstakeAll) -> None:
    """Sell every position behind a hotkey, root's too."""
    staking.require_hotkey(context.state, call.hotkey)
    netuids = (ROOT_NETUID, *subnets.NETUIDS.get(context.state))
    accounts.credit(context.state, sender, _sell_all(context, sender, call.hotkey, netuids))


def unstake_all_alpha(context: Context, sender: AccountId, call: UnstakeAllAlpha) -> None:
    """Sell every position behind a hotkey but root's, and stake the τ there."""
    overlay = context.state
    hotkey = staking.require_hotkey(overlay, call.hotkey)
    tao_rao = _sell_all(context, sender, call.hotkey, subnets.NETUIDS.get(overlay))
    subnets.change(overlay, ROOT_NETUID, tao_rao=tao_rao)
    staking.deposit(overlay, call.hotkey, ROOT_NETUID, sender, tao_rao)
    staking.note_delegate(context, call.hotkey, hotkey, sender)
    context.emit(StakeAdded(sender, call.hotkey, Rao(tao_rao), Alpha(tao_rao), ROOT_NETUID, Rao(0)))


def destroy_alpha(context: Context, sender: AccountId, call: RecycleAlpha | BurnAlpha) -> None:
    """Take α out of a position for good; at most what it holds."""
    overlay, netuid = context.state, call.netuid
    if netuid == ROOT_NETUID:
        raise errors.CannotBurnOrRecycleOnRootSubnet
    subnets.require(overlay, netuid)
    held = _held(context, sender, call.hotkey, netuid)
    if call.amount_alpha == 0:
        raise errors.AmountTooLow("The amount is zero.")
    alpha = min(call.amount_alpha, held)
    staking.withdraw(overlay, call.hotkey, netuid, sender, alpha)
    if isinstance(call, RecycleAlpha):
        subnets.change(overlay, netuid, alpha_out=-alpha)
        context.emit(AlphaRecycled(sender, call.hotkey, alpha, netuid))
    else:
        subnets.change(overlay, netuid, burned_alpha=alpha)
        context.emit(AlphaBurned(sender, call.hotkey, alpha, netuid))
    staking.clear_small_nomination(context, call.hotkey, netuid, sender)


def add_stake_burn(context: Context, sender: AccountId, call: AddStakeBurn) -> None:
    """Stake, then burn what was bought."""
    overlay, netuid, key = context.state, call.netuid, (call.hotkey, call.netuid)
    if netuid == ROOT_NETUID:
        raise errors.CannotBurnOrRecycleOnRootSubnet
    subnets.require_stakeable(overlay, netuid)
    last = BURNED_AT.find(overlay, key)
    tempo_blocks = subnets.HYPERPARAMETERS.get(overlay, netuid).tempo_blocks
    if last is not None and context.height < last + tempo_blocks:
        raise errors.AddStakeBurnRateLimitExceeded(f"The next one is possible from block {last + tempo_blocks}.")
    buy: AddStake | AddStakeLimit = AddStake(call.hotkey, netuid, call.amount_rao)
    if call.limit_price:
        buy = AddStakeLimit(call.hotkey, netuid, call.amount_rao, call.limit_price, allow_partial=False)
    swap = staking.add_stake(context, sender, buy)
    alpha = Alpha(min(swap.out_rao, staking.stake_of(overlay, call.hotkey, netuid, sender)))
    staking.withdraw(overlay, call.hotkey, netuid, sender, alpha)
    subnets.change(overlay, netuid, burned_alpha=alpha)
    BURNED_AT.put(overlay, key, context.height)
    context.emit(AlphaBurned(sender, call.hotkey, alpha, netuid))
    context.emit(AddStakeBurned(netuid, sender, call.hotkey, Rao(swap.paid_in_rao + swap.fee_rao), alpha))


def rename_hotkey(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """The new hotkey waits as long as the old one would."""
    burned_at = BURNED_AT.find(overlay, (old, netuid))
    if burned_at is not None:
        BURNED_AT.delete(overlay, (old, netuid))
        BURNED_AT.put(overlay, (new, netuid), max(burned_at, BURNED_AT.find(overlay, (new, netuid)) or Height(0)))


def _held(context: Context, coldkey: AccountId, hotkey: AccountId, netuid: NetUid) -> Alpha:
    """A position that is not empty. Raises HotKeyAccountNotExists, NotEnoughStakeToWithdraw."""
    staking.require_hotkey(context.state, hotkey)
    held = staking.stake_of(context.state, hotkey, netuid, coldkey)
    if held == 0:
        raise errors.NotEnoughStakeToWithdraw("There is no stake in that position.")
    return held


def _sell_all(context: Context, coldkey: AccountId, hotkey: AccountId, netuids: Iterable[NetUid]) -> int:
    """Sell a coldkey's positions behind a hotkey on these subnets; the τ. What cannot be sold now stays.

    Raises NotEnoughStakeToWithdraw if nothing was sold. At most `SUBNETS_MAX` + 1 sales.
    """
    total_rao = 0
    for netuid in netuids:
        held = staking.stake_of(context.state, hotkey, netuid, coldkey)
        if held == 0:
            continue
        try:
            subnets.require_stakeable(context.state, netuid)
            fee_u16 = staking.fee_rate_u16(context, netuid)
            swap = subnets.simulate(context.state, netuid, amm.Side.SELL, held, fee_u16=fee_u16)
        except errors.CallError:
            continue
        if swap.out_rao:
            staking.sell(context, coldkey, hotkey, netuid, swap)
            total_rao += swap.out_rao
    if total_rao == 0:
        raise errors.NotEnoughStakeToWithdraw("There is no stake behind that hotkey that could be sold now.")
    return total_rao
