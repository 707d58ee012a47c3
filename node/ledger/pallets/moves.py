"""Stake from one position to another: another hotkey, subnet or coldkey, in one transaction and for one fee.

Between subnets α is sold and the τ buys the other α. The fee is dropped where stake comes to its destination, or, from
root, where it leaves. Within a subnet nothing is swapped. The amount is capped to what the position holds.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from node.economics import amm
from node.ledger import errors
from node.ledger.calls import MoveStake, StakeMove, SwapStake, SwapStakeLimit, TransferStake
from node.ledger.context import Context
from node.ledger.events import StakeAdded, StakeMoved, StakeSwapped, StakeTransferred
from node.ledger.pallets import staking, subnets
from node.ledger.state import StateView
from node.primitives.types import ROOT_NETUID, AccountId, Alpha, NetUid, Rao

_ONE: Final = amm.PRICE_LIMIT_ONE


@dataclass(frozen=True, slots=True)
class Place:
    """One position: whose, behind which hotkey, on which subnet."""

    coldkey: AccountId
    hotkey: AccountId
    netuid: NetUid


def move(context: Context, sender: AccountId, call: StakeMove) -> None:
    """Carry out any of the moves."""
    origin, destination = _places(sender, call)
    _require_possible(context.state, origin, destination)
    held = staking.stake_of(context.state, origin.hotkey, origin.netuid, origin.coldkey)
    if held == 0:
        raise errors.NotEnoughStakeToWithdraw("There is no stake in that position.")
    amount = min(int(call.amount_alpha), held)
    if origin.netuid == destination.netuid:
        tao_rao = _worth(context, origin.netuid, amount)
        _require_transferable(context.state, origin, destination)
        _hand_over(context, origin, destination, amount)
    else:
        sale = _sale(context, origin.netuid, destination.netuid, amount, call)
        _require_transferable(context.state, origin, destination)
        _exchange(context, origin, destination, sale)
        tao_rao = sale.out_rao
    staking.clear_small_nomination(context, origin.hotkey, origin.netuid, origin.coldkey)
    match call:
        case MoveStake():
            context.emit(
                StakeMoved(sender, origin.hotkey, origin.netuid, destination.hotkey, destination.netuid, Rao(tao_rao))
            )
        case TransferStake():
            context.emit(
                StakeTransferred(
                    sender, destination.coldkey, origin.hotkey, origin.netuid, destination.netuid, Rao(tao_rao)
                )
            )
        case SwapStake() | SwapStakeLimit():
            context.emit(StakeSwapped(sender, origin.hotkey, origin.netuid, destination.netuid, Rao(tao_rao)))
        case _:
            assert_never(call)


def largest_move(
    view: StateView, origin_netuid: NetUid, destination_netuid: NetUid, limit_price: int, fee_u16: int
) -> int | None:
    """Most that can go from one subnet to another at `limit_price` (destination α per origin α); None = any amount.

    Between two pools (origin t1, α1; destination t2, α2) the limit holds on average and without the fee:
    floor(α2*t1/(t1+t2)/L - α1*t2/(t1+t2)), 0 if L is above the relative price now. From and to root it holds for the
    last unit.
    """
    if limit_price == 0:
        return None
    if origin_netuid == ROOT_NETUID:
        bought = subnets.amm_pool(subnets.POOL.get(view, destination_netuid))
        return amm.max_input(bought, amm.Side.BUY, _ONE * _ONE // limit_price, fee_rate_u16=fee_u16)
    sold = subnets.amm_pool(subnets.POOL.get(view, origin_netuid))
    if destination_netuid == ROOT_NETUID:
        return amm.max_input(sold, amm.Side.SELL, limit_price, fee_rate_u16=fee_u16)
    bought = subnets.amm_pool(subnets.POOL.get(view, destination_netuid))
    if limit_price * amm.price(bought) > amm.price(sold) * _ONE:
        return 0
    tao_rao = sold.tao_rao + bought.tao_rao
    surplus = bought.alpha_rao * sold.tao_rao * _ONE - sold.alpha_rao * bought.tao_rao * limit_price
    return max(0, surplus // (tao_rao * limit_price)) if tao_rao else 0


def _places(sender: AccountId, call: StakeMove) -> tuple[Place, Place]:
    match call:
        case MoveStake():
            hotkeys, coldkey = (call.origin_hotkey, call.destination_hotkey), sender
        case TransferStake():
            hotkeys, coldkey = (call.hotkey, call.hotkey), call.destination_coldkey
        case _:
            hotkeys, coldkey = (call.hotkey, call.hotkey), sender
    origin = Place(sender, hotkeys[0], call.origin_netuid)
    return origin, Place(coldkey, hotkeys[1], call.destination_netuid)


def _require_possible(view: StateView, origin: Place, destination: Place) -> None:
    if origin == destination:
        raise errors.SameNetuid
    for place in (origin, destination):
        if place.netuid != ROOT_NETUID:
            subnets.require(view, place.netuid)
    for place in (origin, destination):
        subnets.require_stakeable(view, place.netuid)
    for place in (origin, destination):
        staking.require_hotkey(view, place.hotkey)


def _require_transferable(view: StateView, origin: Place, destination: Place) -> None:
    """Stake changes its coldkey only where both subnets' owners allow it; on root always."""
    if origin.coldkey == destination.coldkey:
        return
    for netuid in {origin.netuid, destination.netuid} - {ROOT_NETUID}:
        if not subnets.HYPERPARAMETERS.get(view, netuid).transfers_enabled:
            raise errors.TransferDisallowed(f"Subnet {netuid} does not allow stake to change its coldkey.")


def _worth(context: Context, netuid: NetUid, amount: int) -> int:
    """The spot value in rao of what moves within a subnet; at least the minimum stake."""
    tao_rao = amount * subnets.price_q64(context.state, netuid) >> 64
    if tao_rao < context.parameters.min_stake_rao:
        raise errors.AmountTooLow(f"Move at least {context.parameters.min_stake_rao} rao's worth.")
    return tao_rao


def _hand_over(context: Context, origin: Place, destination: Place, amount: int) -> None:
    staking.withdraw(context.state, origin.hotkey, origin.netuid, origin.coldkey, amount)
    _arrive(context, destination, amount)


def _arrive(context: Context, place: Place, amount: int) -> None:
    staking.deposit(context.state, place.hotkey, place.netuid, place.coldkey, amount)
    staking.note_delegate(context, place.hotkey, staking.require_hotkey(context.state, place.hotkey), place.coldkey)


def _sale(
    context: Context, origin_netuid: NetUid, destination_netuid: NetUid, amount: int, call: StakeMove
) -> amm.Swap:
    """The sale at the origin, not yet written: of all of the amount, or of what fits the limit of the call."""
    sale = _worthwhile_sale(context, origin_netuid, amount)
    if not isinstance(call, SwapStakeLimit):
        return sale
    fee_u16 = staking.fee_rate_u16(context, origin_netuid if origin_netuid != ROOT_NETUID else destination_netuid)
    largest = largest_move(context.state, origin_netuid, destination_netuid, call.limit_price, fee_u16)
    if largest is None or amount <= largest:
        return sale
    if not call.allow_partial:
        raise errors.SlippageTooHigh(f"At most {largest} of {amount} fit within the price limit.")
    if largest == 0:
        raise errors.PriceLimitExceeded
    return _worthwhile_sale(context, origin_netuid, largest)


def _worthwhile_sale(context: Context, netuid: NetUid, amount: int) -> amm.Swap:
    """A sale that gives more than the minimum stake."""
    fee_u16 = staking.fee_rate_u16(context, netuid)
    sale = subnets.simulate(context.state, netuid, amm.Side.SELL, amount, fee_u16=fee_u16)
    if sale.out_rao <= context.parameters.min_stake_rao:
        raise errors.AmountTooLow(f"Move more than {context.parameters.min_stake_rao} rao's worth.")
    return sale


def _exchange(context: Context, origin: Place, destination: Place, sale: amm.Swap) -> None:
    """Sell at the origin and stake the τ at the destination, where only stake from root pays a fee."""
    overlay = context.state
    staking.sell(context, origin.coldkey, origin.hotkey, origin.netuid, sale)
    fee_u16 = staking.fee_rate_u16(context, destination.netuid) if origin.netuid == ROOT_NETUID else 0
    purchase = subnets.simulate(overlay, destination.netuid, amm.Side.BUY, sale.out_rao, fee_u16=fee_u16)
    if purchase.out_rao == 0:
        raise errors.InsufficientLiquidity
    subnets.apply(overlay, destination.netuid, purchase)
    subnets.pay_fee(context, destination.netuid, purchase)
    _arrive(context, destination, purchase.out_rao)
    context.emit(
        StakeAdded(
            destination.coldkey,
            destination.hotkey,
            Rao(purchase.paid_in_rao),
            Alpha(purchase.out_rao),
            destination.netuid,
            Rao(purchase.fee_rao),
        )
    )
